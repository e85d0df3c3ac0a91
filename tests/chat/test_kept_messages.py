"""A message that is kept is what it would be if it were made anew, whatever has changed that it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from markupsafe import Markup
from msgspec.structs import replace

from app.chat import kept_messages
from app.chat.attachments import Attachment
from app.chat.kept_messages import write_kept_message, write_message_anew
from app.chat.messages import Message
from app.chat.rooms import Room
from app.chat.timeline import Author, Quote, ShownMessage
from app.editing.row_places import Card, RowPlace
from app.records.records import Record

SAID_AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
BRUNO = Author(2, "Bruno")
PLACE = RowPlace("record-5", "record.5", "/c/books/5", "Dom Casmurro", "collection.1", state="Lent")


def make_record() -> Record:
    return Record(id=5, tenant_id=1, number=5, version=1, values={}, search="", lock_member_id=None)


@dataclass
class World:
    """A message in a room, and in which language it is shown."""

    room: Room = field(default_factory=lambda: Room(id=1, slug="general", name="General", kind="public", last_number=9))
    language: str = "en"
    shown: ShownMessage = field(
        default_factory=lambda: ShownMessage(
            Message(id=7, room_id=1, number=3, member_id=1, key="k1", text="Hi", created_at=SAID_AT),
            Author(1, "Ana"),
            "Ana",
            Markup("<p>Hi</p>"),
            "Hi",
            quote=Quote(6, 2, BRUNO, "Hello"),
            reactions=[("👍", [BRUNO])],
            cards=[Card(make_record(), PLACE)],
        )
    )

    def write(self) -> str:
        return str(write_kept_message(self.shown, self.room, self.language))

    def anew(self) -> str:
        return str(write_message_anew(self.shown, self.room, self.language))


def change(what: str, value: Any) -> Callable[[World], object]:
    """What changes something that is shown of a message."""
    return lambda world: setattr(world.shown, what, value)


def change_message(what: str, value: Any) -> Callable[[World], object]:
    """What changes the message itself."""
    return lambda world: setattr(world.shown.message, what, value)


def change_card(**values: Any) -> Callable[[World], object]:
    """What changes a record that it shows."""
    return change("cards", [Card(make_record(), replace(PLACE, **values))])


def lock(world: World) -> None:
    record = world.shown.cards[0].row
    record.lock_member_id, record.lock_name, record.lock_role = 1, "Bruno", "admin"
    record.lock_until, record.lock_offered = 10**15, False


def attach(name: str) -> Callable[[World], object]:
    """What adds a file."""
    file = Attachment(id=1, room_id=1, message_id=7, key="k", name=name, size=5)
    return change("attachments", [file])


CHANGES: dict[str, Callable[[World], object]] = {
    "address of the room": lambda world: setattr(world.room, "slug", "all"),
    "language": lambda world: setattr(world, "language", "pt_BR"),
    "id": change_message("id", 8),
    "number": change_message("number", 4),
    "who has written it": change_message("member_id", 3),
    "key": change_message("key", "k2"),
    "program": change_message("program", "Robot"),
    "moment": change_message("created_at", SAID_AT.replace(hour=13)),
    "no text": change_message("text", ""),
    "deleted": change_message("deleted_at", SAID_AT),
    "deleted by": lambda world: (change_message("deleted_at", SAID_AT)(world), change("deleted_by", BRUNO)(world)),
    "text": change("html", Markup("<p>Ho</p>")),
    "name": change("author", Author(1, "Ana Maria")),
    "bot": change("author", Author(1, "Ana", bot=True)),
    "pinned": change("pinned", True),
    "edited": change("edits", 1),
    "no quote": change("quote", None),
    "quote": change("quote", Quote(6, 2, BRUNO, "Hullo")),
    "name of who is quoted": change("quote", Quote(6, 2, Author(2, "Bruna"), "Hello")),
    "no reactions": change("reactions", []),
    "reaction": change("reactions", [("🎉", [BRUNO])]),
    "who reacts": change("reactions", [("👍", [BRUNO, Author(1, "Ana")])]),
    "no card": change("cards", []),
    "card's title": change_card(title="Quincas Borba"),
    "card's state": change_card(state=""),
    "card in the bin": change_card(gone=True),
    "card's address": change_card(address="/c/novels/5"),
    "card's icon": change_card(icon="key"),
    "card that is asked for": change("cards", [Card(make_record(), PLACE, told=False)]),
    "card that is refused": change("cards", [Card(make_record(), PLACE, told=False, refused=True)]),
    "who edits": lock,
    "file": attach("notes.txt"),
    "other file": attach("other.txt"),
}


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kept_messages, "KEPT_MESSAGES", {})
    return


def test_a_message_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = World().write()
    assert first == World().anew()
    monkeypatch.delattr(kept_messages, "write_message_anew")
    assert World().write() == first


def test_whatever_changes_that_it_shows_makes_another_message() -> None:
    before = {"nothing": World().write()}
    for name, make in CHANGES.items():
        world = World()
        make(world)
        before[name] = world.write()
        assert before[name] == world.anew(), name
    assert len(set(before.values())) == len(before), "each change shows"
    for name, make in CHANGES.items():
        world = World()
        make(world)
        assert world.write() == before[name], f"{name}: it is shown again as it was"


def test_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_messages, "MOST_MESSAGES_KEPT", 3)
    for number in range(10):
        world = World()
        world.shown.message.id = number
        world.write()
    assert len(kept_messages.KEPT_MESSAGES) == 3
