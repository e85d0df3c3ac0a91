"""Records as JSON, with the definition of their collection: nothing of them is lost in it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from functools import partial
from typing import Any

from app.files.uploads import in_thread
from app.records.exports import EXPORTING, Batches, Export, ExportedRecord
from app.records.fields import Field
from app.records.kinds.known_people import NOBODY


async def export_json(export: Export, batches: Batches) -> AsyncGenerator[bytes]:
    """The pieces of a JSON object with the collection and its records, a line each."""
    described = ", ".join(
        f'"{name}": {json.dumps(said, ensure_ascii=False)}' for name, said in describe_definition(export).items()
    )
    before = f'{{{described}, "records": ['.encode()
    people: set[int] = set()
    async for records in batches:
        lines = await in_thread(partial(write_json_lines, export, records, people), executor=EXPORTING)
        if lines:
            yield before + b",".join(lines)
            before = b","
    described = json.dumps(describe_people(export, people), ensure_ascii=False)
    yield (b"" if before == b"," else before) + f'\n], "people": {described}}}\n'.encode()


def describe_people(export: Export, ids: Iterable[int]) -> list[dict[str, Any]]:
    """People whom values have: their names, and the addresses of those whom the one who exports could choose."""
    known = next((field.people for field in export.fields if field.kind.names_people), NOBODY)
    rows = (known.rows[each] for each in sorted(ids) if each in known)
    return [{"id": id_, "name": name, "address": email if can_be else None} for id_, name, email, can_be in rows]


def describe_definition(export: Export) -> dict[str, Any]:
    """Where records are from, and the definition of their collection."""
    return {
        **export.origin,
        "collection": {**export.origin["collection"], "fields": describe_fields(export.fields)},
    }


def describe_fields(fields: Sequence[Field]) -> list[dict[str, Any]]:
    """The fields of an export."""
    return [
        {
            "key": field.key,
            "name": field.label,
            "kind": field.kind_name,
            "id": field.id,
            "choices": field.choices,
            "options": field.options,
            "required": field.required,
            "unique": field.unique,
            "help": field.help,
            "default": field.kind.to_json(field.default, field),
            "read_only_for": field.read_only_for,
        }
        for field in fields
    ]


def write_json_lines(export: Export, records: Sequence[ExportedRecord], people: set[int]) -> list[bytes]:
    """Each record as an object on a line of its own; whom their values have is added to the people."""
    refs = [field.ref for field in export.fields if field.kind.names_people]
    for record in records if refs else ():
        values = record.read_values()
        people.update(int(each) for ref in refs for each in values.get(ref, "").split())
    return [b"\n" + json.dumps(describe_record(export, record), ensure_ascii=False).encode() for record in records]


def describe_record(export: Export, record: ExportedRecord) -> dict[str, Any]:
    """A record with its values, by the keys of fields."""
    values = record.read_values()
    return {
        "number": record.number,
        "version": record.version,
        "values": {field.key: field.kind.to_json(values.get(field.ref, ""), field) for field in export.fields},
        "created_at": record.created_at.isoformat(),
        "created_by": record.created_by,
        "changed_at": record.changed_at.isoformat(),
        "changed_by": record.changed_by,
    }
