"""What programs get and give of what a member wants to be told, of the workspace's settings, and of tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.accounts.program_tokens import Token
from app.programs.shapes import PersonShape, in_utc

MailWish = Literal["never", "once", "hourly", "daily"]
TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
SubjectName = Annotated[str, Meta(max_length=60)]


class ToldHow(msgspec.Struct):
    """How one is told of a kind of thing: in the inbox, and by mail. What is `fixed` can't be chosen."""

    in_app: bool
    mail: MailWish
    fixed: bool


class GivenToldHow(msgspec.Struct, forbid_unknown_fields=True):
    """How one wants to be told of a kind of thing."""

    in_app: bool
    mail: MailWish


class PreferencesShape(msgspec.Struct):
    """What one is told, by kinds, and between which times of the day in one's time zone there are no mails."""

    kinds: dict[str, ToldHow]
    quiet_from: str | None
    quiet_until: str | None
    time_zone: str


class PreferencesChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What one wants otherwise. Kinds that are not named stay; null for both times is no quiet hours."""

    kinds: dict[str, GivenToldHow] | UnsetType = UNSET
    quiet_from: TimeOfDay | UnsetType | None = UNSET
    quiet_until: TimeOfDay | UnsetType | None = UNSET
    time_zone: Annotated[str, Meta(max_length=60)] | UnsetType = UNSET


class SubjectGiven(msgspec.Struct, forbid_unknown_fields=True):
    """What something is to be done about, as notifications name it."""

    subject: SubjectName


class SubjectShape(msgspec.Struct):
    """A thing that one hears nothing more of, or that one follows."""

    subject: str


class SettingsShape(msgspec.Struct):
    """What admins have chosen for everybody: `locale` is empty where numbers and dates are written as is usual in the
    language; `color` is that of buttons and links; sessions last `session_days`."""

    name: str
    language: str
    locale: str
    color: str
    session_days: int


class SettingsChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be changed of the settings. What is not named stays."""

    name: Annotated[str, Meta(min_length=1, max_length=80)] | UnsetType = UNSET
    language: Annotated[str, Meta(max_length=10)] | UnsetType = UNSET
    locale: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    color: Annotated[str, Meta(max_length=10)] | UnsetType = UNSET
    session_days: Annotated[int, Meta(ge=0, le=1000)] | UnsetType = UNSET


class TokenShape(msgspec.Struct):
    """A token that works, of whom, and for what; of what it is narrowed to, ids, or null for everything."""

    id: int
    name: str
    owner: PersonShape
    scopes: list[str]
    collections: list[int] | None
    rooms: list[int] | None
    made_at: datetime
    ends_at: datetime | None
    used_at: datetime | None
    used_from: str | None


def shape_token(token: Token, owner: PersonShape) -> TokenShape:
    """A token, for programs: never what its program shows."""
    return TokenShape(
        id=token.id,
        name=token.name,
        owner=owner,
        scopes=list(token.scopes),
        collections=token.collections,
        rooms=token.rooms,
        made_at=in_utc(token.made_at),
        ends_at=token.ends_at and in_utc(token.ends_at),
        used_at=token.used_at and in_utc(token.used_at),
        used_from=token.used_from,
    )
