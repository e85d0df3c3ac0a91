"""The tools of agents: each is one endpoint for programs, called with what the agent gives.

A record is only changed and deleted by who shows its lock, so that people see who edits it, and nothing is overwritten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec

from app.accounts.scopes import Grant, Scope
from app.programs.agent_arguments import (
    ChangeGiven,
    DeletionGiven,
    EditAnswered,
    EditBegun,
    EditKept,
    ListArguments,
    MessageGiven,
    MessagesFound,
    Method,
    OneCollection,
    OneRecord,
    RecordGiven,
    RecordsFound,
    RevisionsOf,
    RoomRead,
)
from app.programs.inner_calls import InnerCall

COLLECTION_OF = "/collections/{collection}"
RECORDS_OF = COLLECTION_OF + "/records"
RECORD_OF = RECORDS_OF + "/{number}"
LOCK_OF = RECORD_OF + "/lock"
ROOM_OF = "/rooms/{room}"
IN_PATH = re.compile(r"{(\w+)}")
# Arguments that endpoints take as parameters, as headers, and how they are called there. Others are in the body.
AS_PARAMETERS = {"words": "q", "sort": "sort", "limit": "limit", "after": "next"}
AS_HEADERS = {"lock": "lock", "version": "if-match", "key": "idempotency-key"}


def take_integers(given: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments, of which 42.0 is the integer 42, as JSON Schema has it."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value for name, value in given.items()
    }


@dataclass(frozen=True)
class AgentTool:
    """A tool: the endpoint that it calls, and the scopes that the token needs for it. `tells` are what is read of the
    same record afterwards, by the names under which it is told."""

    name: str
    description: str
    scopes: tuple[Scope, ...]
    takes: type[msgspec.Struct]
    method: Method
    path: str
    tells: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def schema(self) -> dict[str, Any]:
        """What it takes, as JSON Schema has it."""
        _, parts = msgspec.json.schema_components([self.takes])
        schema: dict[str, Any] = parts[self.takes.__name__]
        return {**schema, "additionalProperties": False}

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    def is_given(self, grant: Grant) -> bool:
        """Whether a token is for it."""
        return all(grant.holds(scope) for scope in self.scopes)

    def describe_call(self, given: Mapping[str, Any]) -> InnerCall:
        """The call of the endpoint. Raises msgspec.ValidationError."""
        arguments = msgspec.to_builtins(msgspec.convert(take_integers(given), self.takes))
        path = self.fill(self.path, arguments)
        left = {name: value for name, value in arguments.items() if f"{{{name}}}" not in self.path}
        as_parameters = AS_PARAMETERS | ({"room": "room"} if self.reads else {})
        query = {as_parameters[name]: left.pop(name) for name in list(left) if name in as_parameters}
        headers = {AS_HEADERS[name]: str(left.pop(name)) for name in list(left) if name in AS_HEADERS}
        if "if-match" in headers:
            headers["if-match"] = f'"{headers["if-match"]}"'
        return InnerCall(self.method, path, query, left if self.method in ("POST", "PATCH") else None, headers)

    def describe_more(self, given: Mapping[str, Any]) -> dict[str, InnerCall]:
        """The calls of what is told besides."""
        return {name: InnerCall("GET", self.fill(path, take_integers(given))) for name, path in self.tells.items()}

    def fill(self, path: str, arguments: Mapping[str, Any]) -> str:
        """A path with what is in it."""
        return IN_PATH.sub(lambda found: str(arguments[found[1]]), path)


READS: tuple[Scope, ...] = ("records:read",)
WRITES: tuple[Scope, ...] = ("records:write",)
AGENT_TOOLS = {
    tool.name: tool
    for tool in (
        AgentTool("list_collections", "The collections of records.", READS, ListArguments, "GET", "/collections"),
        AgentTool(
            "read_collection",
            "A collection with its fields: their keys, kinds and choices.",
            READS,
            OneCollection,
            "GET",
            COLLECTION_OF,
            {"fields": COLLECTION_OF + "/fields"},
        ),
        AgentTool("find_records", "Records of a collection, by words or all.", READS, RecordsFound, "GET", RECORDS_OF),
        AgentTool(
            "read_record", "A record, and how it stands with its lock.", READS, OneRecord, "GET", RECORD_OF,
            {"lock": LOCK_OF},
        ),
        AgentTool(
            "read_history", "What a record was after each change, and who made it.", READS, RevisionsOf, "GET",
            RECORD_OF + "/revisions",
        ),
        AgentTool("add_record", "Add a record.", WRITES, RecordGiven, "POST", RECORDS_OF),
        AgentTool(
            "begin_editing",
            "Take the lock of a record, which you need to change it. People see that you edit, and may ask you to hand"
            " over. It lasts 60 seconds, and as much longer as you call keep_editing. Where somebody else edits, it is"
            " refused, or with `wait` you have a place in line: call again within 60 seconds, until you have `lock`.",
            WRITES, EditBegun, "POST", LOCK_OF, {"record": RECORD_OF},
        ),
        AgentTool(
            "keep_editing",
            "Go on editing, or without `lock`, go on waiting. It tells who asks you to hand over: answer with hand_over"
            " or decline, or give up with stop_editing. The lock that it gives is the one to show from then on.",
            WRITES, EditKept, "PATCH", LOCK_OF, {"standing": LOCK_OF},
        ),
        AgentTool(
            "change_record",
            "Change a record that you edit, by its lock. Fields that are not named stay. You go on editing.",
            WRITES, ChangeGiven, "PATCH", RECORD_OF, {"standing": LOCK_OF},
        ),
        AgentTool(
            "stop_editing", "Give the lock back, or without `lock`, leave the line.", WRITES, EditKept, "DELETE",
            LOCK_OF,
        ),
        AgentTool(
            "hand_over", "Hand the record over to one who asks.", WRITES, EditAnswered, "POST", LOCK_OF + "/hand-over"
        ),
        AgentTool(
            "decline", "Tell one who asks that you go on editing for now.", WRITES, EditAnswered, "POST",
            LOCK_OF + "/keep",
        ),
        AgentTool(
            "delete_record",
            "Delete a record that you edit: it moves to the trash, from where people can restore it for 30 days.",
            (*WRITES, "admin"), DeletionGiven, "DELETE", RECORD_OF,
        ),
        AgentTool("list_rooms", "The rooms of the chat.", ("chat:read",), ListArguments, "GET", "/rooms"),
        AgentTool(
            "read_messages", "What was said in a room, the newest first.", ("chat:read",), RoomRead, "GET",
            ROOM_OF + "/messages",
        ),
        AgentTool(
            "search_messages", "Messages that have words.", ("chat:read",), MessagesFound, "GET", "/messages/search"
        ),
        AgentTool(
            "post_message", "Post a message into a room, in the name of whose token you show.", ("chat:write",),
            MessageGiven, "POST", ROOM_OF + "/messages",
        ),
        AgentTool("list_people", "Who is in the workspace.", ("people:read",), ListArguments, "GET", "/members"),
    )
}  # fmt: skip
