"""The reference: what the OpenAPI document says of each call, as its pages show it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from app.accounts.scopes import SCOPES
from app.programs.access import ANY_SCOPE
from app.web.texts import Text, _l

DEEPEST_SHOWN = 4
KINDS_OF_CALLS: dict[str, Text] = {
    "collections": _l("Collections and fields"),
    "records": _l("Records"),
    "rooms": _l("Rooms and messages"),
    "files": _l("Files"),
    "members": _l("Members"),
    "invitations": _l("Invitations"),
    "notifications": _l("Notifications"),
    "announcements": _l("Announcements"),
    "settings": _l("Settings and tokens"),
    "audit": _l("Audit log"),
    "events": _l("Events"),
}
# What a token needs, as people read it.
SCOPES_TOLD: dict[Any, object] = {**SCOPES, ANY_SCOPE: _l("Any permission: it receives what it may read")}


class ShownCall(Struct, frozen=True):
    """A call as a list has it."""

    name: str
    method: str
    path: str
    summary: str


class ShownMember(Struct, frozen=True):
    """A member of what is sent or answered, or a parameter: `depth` says how deep within others it is."""

    name: str
    kind: str
    required: bool
    about: str
    depth: int = 0


class ShownAnswer(Struct, frozen=True):
    """An answer: what it is, an example, and what each of its members is."""

    status: int
    about: str
    example: str
    members: Sequence[ShownMember]


class CallDetails(Struct, frozen=True):
    """All that is said of a call."""

    call: ShownCall
    about: str
    scope: str
    scope_label: object
    parameters: Sequence[ShownMember]
    body: ShownAnswer | None
    answers: Sequence[ShownAnswer]
    problems: Sequence[ShownAnswer]
    command: str


def list_calls(document: Mapping[str, Any]) -> dict[str, list[ShownCall]]:
    """The calls by what they are about, in the order of `KINDS_OF_CALLS`."""
    found: dict[str, list[ShownCall]] = {kind: [] for kind in KINDS_OF_CALLS}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            call = ShownCall(operation["operationId"], method.upper(), path, operation["summary"])
            found[operation["tags"][0]].append(call)
    return found


def find_call(document: Mapping[str, Any], name: str, origin: str) -> CallDetails | None:
    """All that is said of the call of a name, for a workspace at an origin; None for what is none."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation["operationId"] == name:
                return describe_call(document, path, method, operation, origin)
    return None


def describe_call(
    document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any], origin: str
) -> CallDetails:
    """All that is said of a call."""
    schemas = document["components"]["schemas"]
    content = operation.get("requestBody", {}).get("content", {})
    answers = [
        describe_answer(int(status), find_answer_of(document, each), schemas)
        for status, each in operation["responses"].items()
    ]
    return CallDetails(
        call=ShownCall(name_of_call(operation), method.upper(), path, operation["summary"]),
        about=operation["description"],
        scope=operation["x-scope"],
        scope_label=SCOPES_TOLD[operation["x-scope"]],
        parameters=[
            ShownMember(each["name"], name_kind(each["schema"]), each["required"], each.get("description", ""))
            for each in operation["parameters"]
        ],
        body=describe_answer(0, {"content": content, "description": ""}, schemas) if content else None,
        answers=[each for each in answers if each.status < 400],
        problems=[each for each in answers if each.status >= 400],
        command=write_command(path, method, operation, origin),
    )


def find_answer_of(document: Mapping[str, Any], answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer, also one that is described for all calls."""
    if "$ref" not in answer:
        return answer
    found: Mapping[str, Any] = document["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return found


def name_of_call(operation: Mapping[str, Any]) -> str:
    """What a call is named by."""
    return str(operation["operationId"])


def describe_answer(status: int, answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> ShownAnswer:
    """What is sent or answered, with its members."""
    about = str(answer["description"])
    for content in answer.get("content", {}).values():
        example = content.get("example")
        shown = "" if example is None or status >= 400 else json.dumps(example, indent=2, ensure_ascii=False)
        members = [] if status >= 400 else list_named_members(content["schema"], schemas)
        return ShownAnswer(status, about or about_of(content["schema"], schemas), shown, members)
    return ShownAnswer(status, about, "", [])


def resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to, also one that may be null, or the items of a list."""
    if "$ref" in schema:
        found: Mapping[str, Any] = schemas[schema["$ref"].rpartition("/")[2]]
        return found
    for each in schema.get("oneOf", ()):
        if each.get("type") != "null":
            return resolve(each, schemas)
    return resolve(schema["items"], schemas) if "items" in schema else schema


def about_of(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """What is said of what a schema describes."""
    return str(resolve(schema, schemas).get("description", ""))


def list_named_members(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], prefix: str = "", depth: int = 0
) -> list[ShownMember]:
    """The members of what a schema describes, and those of them."""
    known = resolve(schema, schemas)
    found = []
    for name, part in known.get("properties", {}).items():
        inner = resolve(part, schemas)
        about = inner.get("description", "") if inner is not part else part.get("description", "")
        required = name in known.get("required", ())
        found.append(ShownMember(prefix + name, name_kind(part), required, about, depth))
        if depth < DEEPEST_SHOWN and inner.get("properties"):
            found += list_named_members(part, schemas, f"{prefix}{name}.", depth + 1)
    return found


def name_kind(schema: Mapping[str, Any]) -> str:
    """What kind of value a schema describes, in a few words."""
    choices = schema.get("oneOf")
    if choices:
        return " | ".join(name_kind(each) for each in choices)
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2]).removesuffix("Shape")
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    if schema.get("type") == "array":
        return f"[{name_kind(schema['items'])}]"
    return str(schema.get("format") or schema.get("type") or "any")


def write_command(path: str, method: str, operation: Mapping[str, Any], origin: str) -> str:
    """The call by curl."""
    values = {"slug": "general" if "/rooms/" in path else "books", "number": "42", "version": "2", "key": "title"}
    filled = re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], "👍" if found[1] == "emoji" else "7"), path)
    named = {each["name"]: each for each in operation["parameters"]}
    query = [f"{name}={value}" for name, value in (("name", "plan.pdf"),) if named.get(name, {}).get("in") == "query"]
    lines = [f'curl -X {method.upper()} -H "Authorization: Bearer $TOKEN"']
    if "If-Match" in named:
        lines.append("  -H 'If-Match: \"3\"'")
    body = operation.get("requestBody", {}).get("content", {})
    if "application/json" in body:
        said = json.dumps(body["application/json"]["example"], ensure_ascii=False).replace("'", r"'\''")
        lines += ["  -H 'Content-Type: application/json'", f"  -d '{said}'"]
    elif body:
        lines.append("  -T plan.pdf")
    lines.append(f'"{origin}{filled}{"?" + query[0] if query else ""}"')
    return " \\\n".join(lines)
