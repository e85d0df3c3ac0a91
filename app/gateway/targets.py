"""Targets: which of the program's channels stands behind a workspace's channel of the gateway, and who asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct
from sqlalchemy import bindparam, select

from app.accounts.members import Member, is_active
from app.accounts.program_tokens import Token, is_working
from app.accounts.programs import name_program
from app.accounts.sessions import Session
from app.chat.rooms import Room
from app.database import Actor, PreparedSelect, Transaction, now
from app.live.channels import list_allowed
from app.live.places import list_places
from app.records.collections import FIND_COLLECTION
from app.records.records import Record

TENANT_CHANNEL = re.compile(
    r"private-tenant\.(?P<tenant>[1-9][0-9]{0,17})"
    r"(?:(?P<admins>\.admins)|\.collection\.(?P<collection>[a-z0-9-]{1,80})|\.room\.(?P<room>[a-z0-9-]{1,80}))?"
)
PRESENT_CHANNEL = re.compile(r"presence-tenant\.([1-9][0-9]{0,17})")
USER_CHANNEL = re.compile(r"private-user\.([1-9][0-9]{0,17})")
EDITING_CHANNEL = re.compile(r"presence-editing\.([a-z0-9-]{1,80})\.([1-9][0-9]{0,17})")

FIND_ROOM_BY_SLUG = PreparedSelect(lambda: select(Room.id).where(Room.slug == bindparam("slug")))
FIND_RECORD_IN = PreparedSelect(
    lambda: select(Record.id).where(
        Record.collection_id == bindparam("collection_id"),
        Record.number == bindparam("number"),
        Record.deleted_at.is_(None),
    )
)
FIND_SESSION_BY_ID = PreparedSelect(
    lambda: (
        select(Session, Member)
        .join(Member, (Member.id == Session.member_id) & (Member.tenant_id == Session.tenant_id))
        .where(Session.id == bindparam("id"), Session.expires_at > bindparam("moment", callable_=now), *is_active())
    )
)
FIND_WORKING_TOKEN = PreparedSelect(
    lambda: (
        select(Token, Member)
        .join(Member, (Member.id == Token.member_id) & (Member.tenant_id == Token.tenant_id))
        .where(Token.id == bindparam("id"), is_working(), *is_active())
    )
)


class Asker(Struct, frozen=True):
    """Who asks for a channel, and with what: a session or a token."""

    member: Member
    session_id: int | None
    token: Token | None
    expires_at: datetime | None
    language: str = "en"

    @property
    def token_id(self) -> int | None:
        """The token that was shown, if it was one."""
        return self.token.id if self.token else None

    def act(self, address: str) -> Actor:
        """Who acts, where it is done in a transaction."""
        way, name = ("token", name_program(self.token.name, bot=self.member.bot)) if self.token else ("page", None)
        return Actor(
            way,  # type: ignore[arg-type]
            member_id=self.member.id,
            session_id=self.session_id,
            address=address,
            token_id=self.token_id,
            program=name,
            ends_at=self.expires_at,
        )

    @contextmanager
    def granted(self) -> Iterator[Member]:
        """The member, who may in this block what the token was given of their rights."""
        if self.token is None:
            yield self.member
            return
        self.member.grant = self.token.grant
        try:
            yield self.member
        finally:
            del self.member.grant


class Target(Struct, frozen=True):
    """What is behind a channel: one of the program's, `places` of which facts go to whoever asks. What is edited is
    the record with an id, of a collection with an address."""

    inner: str
    places: frozenset[str]
    record_id: int = 0
    slug: str = ""
    number: int = 0


async def find_asker(transaction: Transaction, session_id: int | None, token_id: int | None) -> Asker | None:
    """Whose session or token that is; None where it has ended, or the member is kept out."""
    language = transaction.tenant.language
    if token_id is not None:
        by_token = await transaction.find(FIND_WORKING_TOKEN, id=token_id)
        return by_token and Asker(by_token[1], None, by_token[0], by_token[0].ends_at, language)
    by_session = await transaction.find(FIND_SESSION_BY_ID, id=session_id or 0)
    return by_session and Asker(by_session[1], by_session[0].id, None, by_session[0].expires_at, language)


async def find_target(transaction: Transaction, asker: Asker, channel: str) -> Target | None:
    """What is behind a channel of the workspace; None where it is nothing, another workspace's, or not for who asks."""
    inner, record_id, slug, number = await find_inner(transaction, channel)
    if not inner:
        return None
    with asker.granted() as member:
        if inner not in await list_allowed(transaction, member, [inner]):
            return None
        places = frozenset(list_places([inner], member.grant))
    return Target(inner, places, record_id, slug, number)


async def find_inner(transaction: Transaction, channel: str) -> tuple[str, int, str, int]:
    """The program's own channel behind one of the gateway's, '' for none; and what is edited on it."""
    own, nothing = transaction.tenant.id, ("", 0, "", 0)
    if found := USER_CHANNEL.fullmatch(channel):
        return f"user.{found[1]}", 0, "", 0
    if found := PRESENT_CHANNEL.fullmatch(channel):
        return ("tenant", 0, "", 0) if int(found[1]) == own else nothing
    if found := EDITING_CHANNEL.fullmatch(channel):
        collection = await transaction.find(FIND_COLLECTION, slug=found[1])
        if collection is None:
            return nothing
        asked = {"collection_id": collection[0].id, "number": int(found[2])}
        record_id = await transaction.value(FIND_RECORD_IN, **asked)
        return (f"record.{record_id}", record_id, found[1], int(found[2])) if record_id else nothing
    found = TENANT_CHANNEL.fullmatch(channel)
    if found is None or int(found["tenant"]) != own:
        return nothing
    if found["admins"]:
        return "admins", 0, "", 0
    if found["collection"]:
        collection = await transaction.find(FIND_COLLECTION, slug=found["collection"])
        return (f"collection.{collection[0].id}", 0, "", 0) if collection else nothing
    if found["room"]:
        room_id = await transaction.value(FIND_ROOM_BY_SLUG, slug=found["room"])
        return (f"room.{room_id}", 0, "", 0) if room_id else nothing
    return "tenant", 0, "", 0


def is_editing(channel: str) -> bool:
    """Whether a channel is about who edits something."""
    return channel.startswith("presence-editing.")
