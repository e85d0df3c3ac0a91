"""Records as JSON, with the definition of their collection: nothing of them is lost in it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Any

from app.files.uploads import in_thread
from app.records.exports import EXPORTING, Batches, Export, ExportedRecord


async def export_json(export: Export, batches: Batches) -> AsyncGenerator[bytes]:
    """The pieces of a JSON object with the collection and its records, a line each."""
    before = f'{{"collection": {json.dumps(describe_definition(export), ensure_ascii=False)}, "records": ['.encode()
    async for records in batches:
        lines = await in_thread(partial(write_json_lines, export, records), executor=EXPORTING)
        if lines:
            yield before + b",".join(lines)
            before = b","
    yield (b"" if before == b"," else before) + b"\n]}\n"


def describe_definition(export: Export) -> dict[str, Any]:
    """The definition of a collection."""
    return {
        "name": export.collection.name,
        "slug": export.collection.slug,
        "fields": [
            {
                "key": field.key,
                "name": field.label,
                "kind": field.kind_name,
                "id": field.id,
                "choices": field.choices,
                "options": field.options,
                "required": field.required,
                "unique": field.unique,
            }
            for field in export.fields
        ],
    }


def write_json_lines(export: Export, records: Sequence[ExportedRecord]) -> list[bytes]:
    """Each record as an object on a line of its own."""
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
