"""Examples of what programs get and give, made from the schemas: the same each time, of things in a library."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What members and parameters are shown with, by their names.
NAMED: dict[str, Any] = {
    "id": 7,
    "number": 42,
    "version": 3,
    "slug": "books",
    "name": "Books",
    "title": "Dom Casmurro",
    "email": "carla@acme.test",
    "emoji": "👍",
    "text": "The books are counted.",
    "key": "title",
    "kind": "text",
    "values": {"title": "Dom Casmurro", "year": 1899},
    "options": {},
    "kinds": {"mention": {"in_app": True, "mail": "hourly", "fixed": False}},
    "quiet_from": "22:00",
    "quiet_until": "07:00",
    "time_zone": "America/Sao_Paulo",
    "language": "en",
    "locale": "pt_BR",
    "session_days": 30,
    "roles": {"member": {"browse": True, "read": True, "add": True, "edit": "own", "delete": "none"}},
    "lock": "5f9c4ab08cac7457e9111a30e4664920",
    "next": None,
    "link": "https://acme.hero.example/join?token=…",
    "what": "member.role",
    "subject": "record-42",
    "address": "/c/books/42",
    "media_type": "application/pdf",
    "role": "member",
    "state": "waiting",
    "color": "green",
    "icon": "book",
    "joined": True,
    "limit": 50,
    "uses": 3,
    "first": "Title",
}
# What they are shown with in one kind of thing.
IN_THING: dict[tuple[str, str], Any] = {
    ("PersonShape", "name"): "Ana",
    ("MemberShape", "name"): "Carla",
    ("Holder", "name"): "Ana",
    ("Holder", "program"): "nightly",
    ("MessageShape", "program"): "nightly",
    ("FileShape", "name"): "plan.pdf",
    ("RoomShape", "slug"): "general",
    ("RoomShape", "name"): "general",
    ("NewRoom", "name"): "Counting",
    ("RoomChange", "name"): "Counting",
    ("FoundMessage", "room"): "general",
    ("FoundMessage", "room_name"): "general",
    ("FoundMessage", "excerpt"): "The books are counted.",
    ("TypingShape", "channel"): "room.1",
    ("LockRequest", "name"): "Davi",
    ("LockRequest", "program"): "count",
    ("EventShape", "kind"): "room.entered",
    ("EventShape", "channel"): "room.1",
    ("EventShape", "data"): {"room": 1, "member": 3, "by": 3},
    ("PreferencesChange", "kinds"): {"mention": {"in_app": True, "mail": "hourly"}},
    ("SettingsShape", "name"): "Acme",
    ("SettingsChange", "name"): "Acme",
    ("TokenShape", "name"): "nightly",
    ("FieldShape", "name"): "Title",
    ("FieldShape", "default"): "",
    ("ChoiceShape", "name"): "Lent",
    ("GivenChoiceShape", "name"): "Lent",
    ("NewField", "name"): "Shelf mark",
    ("NewField", "key"): "shelf_mark",
    ("FieldChange", "name"): "Shelf mark",
    ("AnnouncementShape", "title"): "We move",
    ("NewAnnouncement", "title"): "We move",
    ("NotificationShape", "kind"): "mention",
    ("NotificationShape", "text"): "Ana changed Dom Casmurro",
    ("RoomShape", "kind"): "public",
    ("ProfileChange", "name"): "Carla",
    ("TableGiven", "table"): "#,Title,Year\n42,Dom Casmurro,1899",
    ("ImportGiven", "table"): "#,Title,Year\n42,Dom Casmurro,1899",
    ("ImportLine", "place"): "Line 2",
    ("ImportLine", "what"): "change",
    ("ColumnsLeftOut", "reason"): "Skipped, because the program fills it in:",
    ("ColumnsLeftOut", "columns"): ["Changed at"],
    ("FieldProblem", "field"): "year",
    ("FieldProblem", "detail"): "Write a number, such as 1,234.5.",
    ("RevisionShape", "what"): "changed",
    ("FormerValue", "kind"): "text",
    ("FormerValue", "text"): "about 1899",
    ("DraftShape", "values"): {"notes": "Counted"},
    ("AuditShape", "address"): "192.0.2.7",
}
# What is usually not there.
ABSENT = {"next", "deleted_at", "edited_at", "suspended_at", "ends_at", "problem", "place", "errors", "holder"}
EXAMPLE_MOMENT = "2026-01-31T09:30:00Z"
DEEPEST = 6


def make_example(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str = "", depth: int = 0) -> Any:
    """An example of what a schema describes; a member of a `name` is shown with what is usual there."""
    if "$ref" in schema:
        return make_example(schemas[schema["$ref"].rpartition("/")[2]], schemas, name, depth + 1)
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices:
        if name in ABSENT and any(each.get("type") == "null" for each in choices):
            return None
        told = next(each for each in choices if each.get("type") != "null")
        return make_example(told, schemas, name, depth)
    if "enum" in schema:
        return NAMED[name] if name in NAMED and NAMED[name] in schema["enum"] else schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object":
        return make_object(schema, schemas, name, depth)
    if "prefixItems" in schema:
        return [make_example(each, schemas, "", depth + 1) for each in schema["prefixItems"]]
    if kind == "array":
        return [make_example(schema["items"], schemas, "", depth + 1)] if depth < DEEPEST else []
    return make_value(schema, kind, name)


def make_object(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str, depth: int) -> Any:
    """An example of an object: all of its members."""
    members = schema.get("properties", {})
    if not members:
        return NAMED.get(name, {})
    about = schema.get("title", "")
    return {
        each: IN_THING.get((about, each)) or make_example(part, schemas, each, depth + 1)
        for each, part in members.items()
    }


def make_value(schema: Mapping[str, Any], kind: str | None, name: str) -> Any:
    """An example of a text, a number, or whatever."""
    if schema.get("format") == "date-time":
        return EXAMPLE_MOMENT
    usual = NAMED.get(name)
    if kind == "integer":
        return usual if type(usual) is int else schema.get("minimum", 1)
    if kind == "boolean":
        return usual if type(usual) is bool else False
    if kind == "string":
        return usual if isinstance(usual, str) else "…"
    return usual
