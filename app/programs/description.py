"""The OpenAPI document: what the framework tells of the endpoints, and what it can't know.

That is what is around every endpoint (`answering.py`, `kept_answers.py`, `limits.py`), what structs say of themselves,
and an example of each thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import msgspec

from app.accounts.scopes import SCOPES
from app.chat.rooms import RoomKind
from app.notifications.kinds import NOTIFICATION_KINDS
from app.programs.collection_shapes import LimitedRole
from app.programs.examples import make_example
from app.programs.stream_description import STREAM_TOLD, describe_events
from app.programs.streams import STREAM_ENDS
from app.records.choices import CHOICE_COLORS
from app.records.collections import COLLECTION_COLORS, COLLECTION_ICONS
from app.records.kinds import FIELD_KINDS
from app.records.permissions import LIMITED
from app.records.revisions import REVISED
from app.tenants.locales import LOCALES
from app.tenants.roles import ROLES
from app.web.colors import WORKSPACE_COLORS
from app.web.problems import JSON_TYPE, PROBLEM_TYPE, PROBLEMS, code_of
from app.web.texts import LANGUAGES

Described = dict[str, Any]
ANY_TYPE = "*/*"
STREAM_TYPE = "text/event-stream"
EVENTS_PATH = "/api/v1/events"
LISTED_STRUCT = re.compile(r"ListPart_(?:.*\.)?(\w+)_")
KEY_PARAMETER: Described = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A text of one's own: the same request with it is done once, and gives the first answer again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]{1,255}$"},
}
KNOWN_PARAMETER: Described = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The tag of what one has: 304 while nothing has changed.",
    "schema": {"type": "string"},
}
TEXT = {"type": "string"}
# What is told of with other things than its address begins with.
TOLD_WITH = {
    "tokens": "settings",
    "record-files": "files",
    "deleted-collections": "collections",
    "archived-rooms": "rooms",
    "saved": "rooms",
    "messages": "rooms",
    "profile": "members",
}
EXPORTED_AS = ("csv", "xlsx", "json")
WITH_LOCALE = ("SettingsShape", "SettingsChange", "TableGiven", "ImportGiven")
CHANGED_SETTINGS = ("name", "language", "locale", "color", "session_days")
# The fields of answers, by what they say.
ANSWER_FIELDS: Described = {
    "RateLimit": {"description": "What is left of the limit that the call counts for.", "schema": TEXT},
    "RateLimit-Policy": {"description": "That limit.", "schema": TEXT},
    "ETag": {"description": "The tag of what is answered; of what has one, its version.", "schema": TEXT},
    "Location": {"description": "Where what was made is found.", "schema": TEXT},
    "Retry-After": {"description": "In how many seconds it may do.", "schema": {"type": "integer"}},
}


def complete_description(document: Described) -> Described:
    """The document that the framework has made, with what it can't know. It is changed in place."""
    renamed = rename_lists(document["components"]["schemas"])
    describe_events(renamed)
    document["components"] |= {"schemas": renamed, "headers": ANSWER_FIELDS, "examples": list_problem_examples()}
    structs = {each.__name__: each for each in list_structs(msgspec.Struct)}
    for name, schema in renamed.items():
        complete_schema(schema, structs.get(name))
    for reference in list_references(document):
        reference["$ref"] = re.sub(r"[^/]*$", lambda found: short_name(found[0]), reference["$ref"], count=1)
    for schema in renamed.values():
        schema["examples"] = [make_example(schema, renamed)]
    problems: Described = document["components"].setdefault("responses", {})
    document["paths"][EVENTS_PATH]["get"]["responses"]["200"]["content"][STREAM_TYPE] = STREAM_TOLD
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            complete_operation(path, method, operation, renamed)
            share_problems(operation, problems)
    return document


def share_problems(operation: Described, problems: Described) -> None:
    """Have each problem described once, in `problems`: any call may have it, and it is the same for all."""
    for status, answer in operation["responses"].items():
        if int(status) >= 400:
            problems.setdefault(f"Problem{status}", answer)
            operation["responses"][status] = {"$ref": f"#/components/responses/Problem{status}"}


def short_name(name: str) -> str:
    """What a schema is called: the part of a list after what is listed."""
    found = LISTED_STRUCT.fullmatch(name)
    return f"{found[1].removesuffix('Shape')}List" if found else name


def rename_lists(schemas: Mapping[str, Described]) -> dict[str, Described]:
    """The schemas by their short names."""
    return {short_name(name): schema for name, schema in schemas.items()}


def list_structs(kind: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    """All kinds of structs that there are."""
    for each in kind.__subclasses__():
        yield each
        yield from list_structs(each)


def list_references(thing: Any) -> Iterator[Described]:
    """All references within something."""
    if isinstance(thing, dict):
        if isinstance(thing.get("$ref"), str):
            yield thing
        for each in thing.values():
            yield from list_references(each)
    elif isinstance(thing, list):
        for each in thing:
            yield from list_references(each)


def list_known_texts() -> dict[tuple[str, str], Iterable[str]]:
    """The texts that a member of a struct may be, by struct and member, where the program has a list of them."""
    kinds, color, roles, rooms = FIELD_KINDS, ("", *COLLECTION_COLORS), ROLES, get_args(RoomKind)
    return {
        **dict.fromkeys(
            (("FieldShape", "kind"), ("NewField", "kind"), ("KindWanted", "kind"), ("FormerValue", "kind")), kinds
        ),
        **dict.fromkeys((("CollectionShape", "color"), ("CollectionChange", "color")), color),
        **dict.fromkeys((("MemberShape", "role"), ("InvitationShape", "role"), ("MemberJoinedEvent", "role")), roles),
        **dict.fromkeys((("RoomShape", "kind"), ("RoomMadeEvent", "kind")), rooms),
        **dict.fromkeys(((shape, "locale") for shape in WITH_LOCALE), ("", *LOCALES)),
        ("FieldShape", "read_only_for"): LIMITED,
        ("PermissionsEvent", "role"): get_args(LimitedRole),
        ("CollectionShape", "icon"): COLLECTION_ICONS,
        ("ProblemShape", "code"): PROBLEMS,
        ("RecordsExportedEvent", "format"): EXPORTED_AS,
        ("RevisionShape", "what"): REVISED,
        ("SettingEvent", "setting"): CHANGED_SETTINGS,
        ("StreamEnd", "reason"): STREAM_ENDS,
        ("TokenShape", "scopes"): SCOPES,
        **dict.fromkeys((("SettingsShape", "color"), ("SettingsChange", "color")), WORKSPACE_COLORS),
        **dict.fromkeys((("SettingsShape", "language"), ("SettingsChange", "language")), LANGUAGES),
        ("CollectionChange", "icon"): COLLECTION_ICONS,
        ("ChoiceShape", "color"): CHOICE_COLORS,
        ("NotificationShape", "kind"): NOTIFICATION_KINDS,
        ("LockStanding", "state"): ("free", "held", "offered"),
        ("QueuePlace", "state"): ("waiting", "called", "missed"),
    }


def complete_schema(schema: Described, struct: type[msgspec.Struct] | None) -> None:
    """Say of a struct what it is for, and whether it takes members that are not named."""
    if struct is None and "description" in schema:
        return
    if struct is None:
        schema["description"] = "A part of a list. Send its `next` as the parameter of that name for the following one."
        return
    schema["description"] = " ".join((struct.__doc__ or "").split())
    for (name, member), texts in list_known_texts().items():
        if name == struct.__name__:
            described = schema["properties"][member]
            described.get("items", described)["enum"] = list(texts)
    if struct.__struct_config__.forbid_unknown_fields:
        schema["additionalProperties"] = False


def complete_operation(path: str, method: str, operation: Described, schemas: Mapping[str, Described]) -> None:
    """Say of a call what is around every one."""
    operation["tags"] = [tag_of_call(path)]
    operation["summary"] = operation["description"].partition(".")[0].partition(":")[0]
    parameters: list[Described] = operation.setdefault("parameters", [])
    for parameter in parameters:
        parameter["schema"] = without_null(parameter["schema"])
        parameter.pop("deprecated", None)
    named = {parameter["name"] for parameter in parameters}
    if method == "post":
        parameters.append(KEY_PARAMETER)
    tagged = method != "get" or "304" in operation["responses"]
    if method == "get" and tagged and "If-None-Match" not in named:
        parameters.append(KNOWN_PARAMETER)
    body = operation.get("requestBody", {}).get("content", {}).get(JSON_TYPE)
    if body is not None:
        body["schema"] = without_null(body["schema"])
        body["example"] = make_example(body["schema"], schemas)
    for status, answer in operation["responses"].items():
        complete_answer(method, int(status), answer, schemas, tagged=tagged)


def complete_answer(
    method: str, status: int, answer: Described, schemas: Mapping[str, Described], *, tagged: bool
) -> None:
    """Say which fields an answer has, and show one."""
    names = ["RateLimit", "RateLimit-Policy"]
    if tagged and status in (200, 201, 206, 304):
        names.append("ETag")
    if status == 201 and method == "post":
        names.append("Location")
    if status in (429, 503):
        names.append("Retry-After")
    answer["headers"] = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    for media_type, content in answer.get("content", {}).items():
        if media_type == ANY_TYPE:
            content["schema"] = {}  # whatever bytes: a text would be read as one
        elif media_type == PROBLEM_TYPE:
            code = code_of(status)
            content["examples"] = {code: {"$ref": f"#/components/examples/{code}"}}
        elif media_type == JSON_TYPE:
            content["example"] = make_example(content["schema"], schemas)
    if status < 300:
        answer["description"] = describe_success(answer, schemas)


def describe_success(answer: Described, schemas: Mapping[str, Described]) -> str:
    """What is said of an answer that is no problem."""
    for content in answer.get("content", {}).values():
        name = str(content["schema"].get("$ref", "")).rpartition("/")[2]
        if name in schemas:
            return str(schemas[name]["description"])
        return str(answer["description"])
    return "It was done."


def list_problem_examples() -> Described:
    """An answer with each problem, by its code."""
    return {
        code: {
            "summary": title,
            "value": {
                "type": f"urn:mutirao:problem:{code}",
                "title": title,
                "status": status,
                "detail": f"{title}.",
                "code": code,
                "request_id": "cc0fa4ec4a652ebd",
                "instance": "/api/v1/collections/books/records/42",
            },
        }
        for code, (status, title) in PROBLEMS.items()
    }


def without_null(schema: Described) -> Described:
    """The schema of what is sent, or left out: a parameter has no null."""
    choices = [each for each in schema.get("oneOf", ()) if each != {"type": "null"}]
    if len(choices) != 1 or len(choices) == len(schema.get("oneOf", ())):
        return schema
    return {**{name: value for name, value in schema.items() if name != "oneOf"}, **choices[0]}


def tag_of_call(path: str) -> str:
    """What a call is about: the last of the kinds of things in its address that has calls of its own."""
    parts = [part for part in path.removeprefix("/api/v1/").split("/") if not part.startswith("{")]
    return "records" if parts[:2] == ["collections", "records"] else TOLD_WITH.get(parts[0], parts[0])
