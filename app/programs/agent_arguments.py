"""What the tools of agents take. What is written here is what an agent reads of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.chat.text.rendering import LONGEST_MESSAGE

CollectionSlug = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,80}$", description="The slug of a collection.")]
RoomSlug = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,80}$", description="The slug of a room.")]
Number = Annotated[int, Meta(ge=1, lt=2**53, description="The number of the record in its collection.")]
# The order of a long text is part of where a list goes on behind it.
PageGiven = Annotated[str, Meta(max_length=2000, description="What a list has given as `next`, for what follows.")]
Most = Annotated[int, Meta(ge=1, le=100, description="At most so many.")]
LockProof = Annotated[str, Meta(max_length=200, description="The `lock` that begin_editing has given.")]
Version = Annotated[int, Meta(ge=1, lt=2**53, description="The version of the record that you have read.")]
ValuesOfAgent = Annotated[
    dict[str, Any], Meta(description="Values by the keys of fields; null empties one. read_collection tells the keys.")
]
Key = Annotated[
    str,
    Meta(pattern="^[!-~]{1,255}$", description="Of your choice. Sent again with the same key, it is done only once."),
]
AskerGiven = Annotated[int, Meta(ge=0, lt=2**31, description="The `waiting` of one of the `requests`.")]


class ListArguments(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A part of a list."""

    limit: Most | UnsetType = UNSET
    after: PageGiven | UnsetType = UNSET


class OneCollection(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A collection."""

    collection: CollectionSlug


class RecordsFound(ListArguments, kw_only=True):
    """Which records are meant."""

    collection: CollectionSlug
    words: Annotated[str, Meta(max_length=200, description="Words, all of which a record has.")] | UnsetType = UNSET
    sort: Annotated[str, Meta(max_length=60, description="A field's key or `number`; `-` before it: from the end.")] | (
        UnsetType
    ) = UNSET


class OneRecord(OneCollection, kw_only=True):
    """A record."""

    number: Number


class RevisionsOf(OneRecord, kw_only=True):
    """A record, and how many of its revisions."""

    limit: Most | UnsetType = UNSET
    after: PageGiven | UnsetType = UNSET


class RecordGiven(OneCollection, kw_only=True):
    """A record that is to be added."""

    values: ValuesOfAgent
    key: Key | UnsetType = UNSET


class EditBegun(OneRecord, kw_only=True):
    """Which record is to be edited, and what to do while somebody else does."""

    wait: Annotated[bool, Meta(description="Take a place in line. Ask again to keep it, and at your turn.")] = False
    ask: Annotated[bool, Meta(description="Also ask whoever edits to hand over.")] = False


class EditKept(OneRecord, kw_only=True):
    """Which record you edit, or wait for."""

    lock: LockProof | UnsetType = UNSET


class EditAnswered(OneRecord, kw_only=True):
    """Whom you answer that asks for the record which you edit."""

    lock: LockProof
    waiting: AskerGiven


class ChangeGiven(OneRecord, kw_only=True):
    """What is to be changed of a record that you edit."""

    lock: LockProof
    version: Version
    values: ValuesOfAgent


class DeletionGiven(OneRecord, kw_only=True):
    """Which record is to be put into the trash, that you edit."""

    lock: LockProof
    version: Version


class RoomRead(ListArguments, kw_only=True):
    """A room, and which part of what was said in it."""

    room: RoomSlug


class MessagesFound(ListArguments, kw_only=True):
    """Which messages are meant."""

    words: Annotated[str, Meta(max_length=200, description='Words and "phrases", all of which are in a message.')]
    room: RoomSlug | UnsetType = UNSET


class MessageGiven(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A message that is to be posted."""

    room: RoomSlug
    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_MESSAGE, description="Markdown.")]
    reply_to: Annotated[int, Meta(ge=1, lt=2**53, description="The number of a message of the room.")] | UnsetType = (
        UNSET
    )
    key: Key | UnsetType = UNSET


Method = Literal["GET", "POST", "PATCH", "DELETE"]
