"""What the OpenAPI document says of streams: what events hold, by their kinds, and what a stream tells beside them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from app.programs.event_shapes import KINDS_OF_EVENTS, TruncatedEvent


class StreamChannels(msgspec.Struct):
    """What is followed of what was asked for (events `begin`, and `channels` when rights have changed, or there is
    more), and what may not be."""

    channels: list[str]
    refused: list[str]


class StreamSignal(msgspec.Struct):
    """Who is there, or who types (`signal`, with `signals=true`): it is not kept."""

    kind: Literal["presence", "typing"]
    channel: str
    data: Any


class StreamEnd(msgspec.Struct):
    """Why a stream ends (`end`), and whether to come back with the cursor."""

    reason: str
    retry: bool


SCHEMA_ADDRESS = "#/components/schemas/"


def describe_events(schemas: dict[str, Any]) -> None:
    """Add to the schemas of a document what events hold, by their kinds, and what a stream tells beside them."""
    kinds = [*KINDS_OF_EVENTS, TruncatedEvent, StreamChannels, StreamSignal, StreamEnd]
    _, components = msgspec.json.schema_components(kinds, ref_template=SCHEMA_ADDRESS + "{name}")
    schemas.update(components)
    truncated = refer_to_schema(TruncatedEvent.__name__)
    schemas["EventShape"]["allOf"] = [
        {
            "if": {"properties": {"kind": {"enum": list(names)}}},
            "then": {"properties": {"data": {"anyOf": [refer_to_schema(kind.__name__), truncated]}}},
        }
        for kind, names in KINDS_OF_EVENTS.items()
    ]
    told = {"": "EventShape", "begin": "StreamChannels", "channels": "StreamChannels", "gap": "EventGap"}
    told |= {"signal": "StreamSignal", "end": "StreamEnd"}
    schemas["StreamedEvent"] = {
        "title": "StreamedEvent",
        "description": "One Server-Sent Event. `id` is its cursor; without `event` it is something that has happened.",
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    **({"event": {"const": name}} if name else {}),
                    "data": refer_to_schema(schema),
                },
                "required": ["event", "data"] if name else ["id", "data"],
                "additionalProperties": False,
            }
            for name, schema in told.items()
        ],
    }


def refer_to_schema(name: str) -> dict[str, str]:
    """What leads to a schema of a name."""
    return {"$ref": SCHEMA_ADDRESS + name}


STREAM_TOLD = {
    "schema": {"type": "array", "items": refer_to_schema("StreamedEvent")},
    "example": "id: 1235\ndata: "
    '{"cursor":1235,"kind":"room.entered","channel":"room.1","data":{"room":1,"member":3,"by":3}}\n\n',
}
