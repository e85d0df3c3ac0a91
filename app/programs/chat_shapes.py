"""What programs get and give of rooms, messages and their files."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import bindparam, select

from app.accounts.mentions import read_texts
from app.chat.attachments import Attachment
from app.chat.messages import Message
from app.chat.reactions import Reaction
from app.chat.room_lists import ListedRoom
from app.chat.rooms import Room
from app.chat.timeline import count_edits, find_attachments, find_reactions, find_writers, group_reactions
from app.database import PreparedSelect, Transaction
from app.programs.shapes import PersonShape, in_utc
from app.records.files import RecordFile


class RoomShape(msgspec.Struct):
    """A room, of what is said in which is told on `channel`."""

    slug: str
    name: str
    description: str
    kind: str
    joined: bool
    archived: bool
    channel: str


class FileShape(msgspec.Struct):
    """A file that was brought: to a room, or for a record."""

    id: int
    name: str
    size: int
    media_type: str
    created_at: datetime


class NewMessage(msgspec.Struct, forbid_unknown_fields=True):
    """A message that is to be posted. `reply_to` is the number of one in the same room, `files` are the ids of files
    that were brought to it; one with files needs no text."""

    text: str = ""
    reply_to: int | None = None
    files: Annotated[list[int], Meta(max_length=50)] = []


class MessageChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed of a message."""

    text: str


class NewReaction(msgspec.Struct, forbid_unknown_fields=True):
    """An emoji that is to be put under a message."""

    emoji: Annotated[str, Meta(max_length=64)]


class ReactionShape(msgspec.Struct):
    """An emoji under a message, and who has put it there."""

    emoji: str
    people: list[PersonShape]


class MessageShape(msgspec.Struct):
    """A message. `version` is 1, and one more for each time it was changed. A deleted one has no text.
    `bot` is that a bot has written it, `program` what has posted it for its author: the name of a token, behind
    `agent: ` where it was an agent's."""

    number: int
    version: int
    author: PersonShape
    bot: bool
    program: str | None
    text: str
    reply_to: int | None
    files: list[FileShape]
    reactions: list[ReactionShape]
    created_at: datetime
    edited_at: datetime | None
    deleted_at: datetime | None


class MessageRevisionShape(msgspec.Struct):
    """What a message was before it was changed."""

    version: int
    text: str
    made_at: datetime


LIST_MESSAGE_NUMBERS = PreparedSelect(
    lambda: select(Message.id, Message.number).where(Message.id.in_(bindparam("ids")))
)


def shape_listed_room(room: ListedRoom) -> RoomShape:
    """A room of a list, for programs."""
    return RoomShape(room.slug, room.name, room.description, room.kind, room.joined, False, f"room.{room.id}")


def shape_room(room: Room, name: str, *, joined: bool) -> RoomShape:
    """A room, for programs."""
    return RoomShape(
        room.slug, name, room.description, room.kind, joined, room.archived_at is not None, f"room.{room.id}"
    )


def shape_file(file: Attachment | RecordFile) -> FileShape:
    """A file, for programs."""
    return FileShape(file.id, file.name, file.size, file.media_type, in_utc(file.created_at))


async def shape_messages(transaction: Transaction, messages: list[Message]) -> list[MessageShape]:
    """Messages with what belongs to them, for programs, in a fixed number of statements."""
    ids = [message.id for message in messages]
    answered = {message.reply_to_id for message in messages if message.reply_to_id}
    numbers: dict[Any, int] = dict(await transaction.rows(LIST_MESSAGE_NUMBERS, ids=answered)) if answered else {}
    texts = await read_texts(transaction, *(message.text for message in messages))
    edits = await count_edits(transaction, ids)
    reactions = await find_reactions(transaction, ids)
    files = await find_attachments(transaction, ids)
    people = await find_writers(
        transaction,
        {*(message.member_id for message in messages), *(each.member_id for all in reactions.values() for each in all)},
    )

    def shape_reactions(given: list[Reaction]) -> list[ReactionShape]:
        grouped = group_reactions(given, people)
        return [ReactionShape(emoji, [PersonShape(each.id, each.name) for each in by]) for emoji, by in grouped]

    return [
        MessageShape(
            number=message.number,
            version=edits.get(message.id, 0) + 1,
            author=PersonShape(message.member_id, people[message.member_id].name),
            bot=people[message.member_id].bot,
            program=message.program,
            text="" if message.deleted_at else text,
            reply_to=numbers.get(message.reply_to_id),
            files=[] if message.deleted_at else [shape_file(file) for file in files.get(message.id, ())],
            reactions=shape_reactions(reactions.get(message.id, [])),
            created_at=in_utc(message.created_at),
            edited_at=message.edited_at and in_utc(message.edited_at),
            deleted_at=message.deleted_at and in_utc(message.deleted_at),
        )
        for message, text in zip(messages, texts, strict=True)
    ]
