"""Kinds of notifications and the things they are about. Features register both; this package knows none of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Literal

from markupsafe import Markup, escape
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import ColumnElement

from app.accounts.members import Role
from app.accounts.programs import name_with_program
from app.database import Transaction
from app.web.forms import number_of
from app.web.texts import Text, keep_direction, translations

# How often mails are sent. 'never' is not at all, 'once' as it happens.
MAILS = ("never", "once", "hourly", "daily")
PlaceOnHome = Literal["waits", "recent", ""]


class NotificationKind(Struct, frozen=True):
    """A kind of notification.

    `one` says what happened, by what is in the activity's details as `what` ('' for the rest); `many` says it of
    several. `why` answers 'why did I get this'. `mail` and `in_app` are what holds for who has not chosen. One that is
    `fixed` can't be switched off or muted; one with `role` is for members of that rank. One with `address` is seen
    there, and not where its subject is; one with `mail_subject` has that as its mail's subject, which is shorter than
    what happened. The home page shows it, `on_home`, while it is unread with what `waits`, or among `recent` changes,
    or otherwise, or not at all.
    """

    name: str
    label: Text
    why: Text
    one: Mapping[str, Text]
    many: Text
    icon: str = "bell"
    mail: str = "never"
    in_app: bool = True
    fixed: bool = False
    role: Role = "guest"
    on_home: PlaceOnHome = "waits"
    address: str = ""
    mail_subject: Text | None = None


class SubjectPlace(Struct, frozen=True):
    """What a subject is called, and where it is seen. One between `people`, by number and name, is called after the
    others."""

    title: str
    address: str
    people: tuple[tuple[int, str], ...] = ()

    def seen_by(self, member_id: int) -> SubjectPlace:
        """The place as one of the people sees it."""
        return replace(self, title=name_of_others(self.people, member_id)) if self.people else self


def name_of_others(people: Iterable[tuple[int, str]], member_id: int) -> str:
    """What is called after its people is called for one of them, from their numbers and names."""
    return ", ".join(name for number, name in people if number != member_id)


# A criterion for 'this member may see the thing with this id', made from two columns or values.
Visible = Callable[[Any, Any], ColumnElement[bool]]
FindSubjectPlaces = Callable[[Transaction, Sequence[int]], Coroutine[Any, Any, dict[int, SubjectPlace]]]


class Subject(Struct, frozen=True):
    """A kind of thing that notifications are about, such as 'record'.

    `visible` is asked whenever notifications are read: who loses the right to a thing loses what is told of it. What it
    makes is kept as long as the process runs, so that nothing in it may be of the moment.
    `part` is the end of an address that leads to a part of the thing by its number, such as a message of a room.
    `note_read` is called when somebody has read something that was told of it.
    """

    name: str
    icon: str
    visible: Visible
    find_places: FindSubjectPlaces
    part: str = ""
    followable: bool = False
    note_read: Callable[[Transaction, int], None] | None = None

    def address_at(self, kind: NotificationKind, place: SubjectPlace, number: int) -> str:
        """Where what is told of a thing, or of a part of it, is seen."""
        return kind.address or place.address + (self.part.format(number) if number else "")


NOTIFICATION_KINDS: dict[str, NotificationKind] = {}
SUBJECTS: dict[str, Subject] = {}


def install_kinds(*tables: Sequence[NotificationKind]) -> None:
    """Have the kinds of all features, which the preferences list in this order. Raises ValueError for two of a name."""
    found: dict[str, NotificationKind] = {}
    for kind in (kind for table in tables for kind in table):
        if kind.name in found:
            raise ValueError(f"two kinds of notification are called {kind.name}")
        found[kind.name] = kind
    NOTIFICATION_KINDS.clear()
    NOTIFICATION_KINDS.update(found)


def register_subject(subject: Subject) -> Subject:
    """Make a kind of thing known."""
    SUBJECTS[subject.name] = subject
    return subject


def list_fixed() -> list[str]:
    """The kinds that everybody is always told of, by mail too."""
    return [kind.name for kind in NOTIFICATION_KINDS.values() if kind.fixed]


def text_of(kind: NotificationKind, details: Mapping[str, Any]) -> Text:
    """What a kind says of one activity."""
    return kind.one.get(str(details.get("what", "")), kind.one[""])


def say_actor(name: str | None, details: Mapping[str, Any], language: str) -> str:
    """Who has done something, by a program or not, as its details say."""
    if not name or details.get("program") is None:
        return keep_direction(name or "")
    return name_with_program(name, details["program"]).translate(language)


def word(text: Text, language: str, **values: Any) -> Markup:
    """A sentence as HTML, with its names emphasised."""
    bold = Markup("<b>{}</b>")
    shown = {name: bold.format(value) if isinstance(value, str) else value for name, value in values.items()}
    return escape(translations(language).gettext(text.message)) % shown


def word_plainly(text: Text, language: str, **values: Any) -> str:
    """A sentence as plain text."""
    return Text(text.message, values).translate(language)


def split(subject: str) -> tuple[str, int]:
    """The kind and the id in a name such as `record-42`; ('', 0) for what is none."""
    name, _, number = subject.rpartition("-")
    return (name, number_of(number)) if name in SUBJECTS and number_of(number) else ("", 0)
