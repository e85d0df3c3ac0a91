"""What is done with every answer to a program, as it goes out."""

from __future__ import annotations

import hashlib
from typing import Any

from litestar.types import Message, Send

from app.programs.access import Caller
from app.programs.limits import LimitStanding
from app.web.origins import is_origin_allowed

EXPOSED_HEADERS = (
    b"Accept-Ranges, Content-Range, ETag, Location, Mcp-Session-Id, Retry-After, RateLimit, RateLimit-Policy, "
    b"X-Request-ID"
)


# What an answer to a change says, whose tag is to be that of what it answers with, as if it was read.
TAGGED = {"ETag": '""'}


def digest_of(body: bytes) -> str:
    """The part of an entity tag that says what is in a body."""
    return hashlib.sha256(body).hexdigest()[:16]


class Answering:
    """Sends an answer on, with its entity tag, what is left of the limits, and whose pages may read it.

    An endpoint gives a thing's version as its tag, `"3"`. A digest of the body is added (`"3-…"`), as what is shown of
    a thing also depends on others, such as the names of fields. What a program has already is 304.
    """

    def __init__(self, scope: Any, send: Send) -> None:
        self.scope = scope
        self.send = send
        self.start: Any = None

    async def __call__(self, message: Message) -> None:
        """Take a part of the answer. The beginning waits for the first part of the body."""
        if message["type"] == "http.response.start":
            self.start = message
            return
        if self.start is not None:
            start, self.start = self.start, None
            start["headers"] = [*start["headers"], *self.list_fields()]
            if message["type"] == "http.response.body" and not message.get("more_body"):
                message = self.tag(start, message)
            await self.send(start)
        await self.send(message)

    def list_fields(self) -> list[tuple[bytes, bytes]]:
        """What every answer says."""
        state, fields = self.scope["state"], []
        standing: LimitStanding | None = state.get("standing")
        if standing is not None:
            fields = [(name.lower().encode(), value.encode()) for name, value in standing.fields.items()]
        origin = next((value for name, value in self.scope["headers"] if name == b"origin"), b"")
        caller: Caller | None = state.get("caller")
        if caller is not None and origin and is_origin_allowed(origin.decode("latin-1"), caller.origins):
            fields += [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED_HEADERS)]
        return [*fields, (b"vary", b"Origin, Authorization")]

    def tag(self, start: Any, message: Any) -> Any:
        """Give a whole answer its entity tag; the body, none where the program has it."""
        body: bytes = message.get("body", b"")
        given = dict(start["headers"])
        if start["status"] not in (200, 201) or not body or (b"etag" not in given and self.scope["method"] != "GET"):
            return message
        digest = digest_of(body).encode()
        version = given.get(b"etag", b"").strip(b'"')
        tag = b'"' + (version + b"-" if version else b"") + digest + b'"'
        start["headers"] = [pair for pair in start["headers"] if pair[0] != b"etag"] + [(b"etag", tag)]
        if self.scope["method"] != "GET" or not self.is_known(tag):
            return message
        start["status"] = 304
        start["headers"] = [pair for pair in start["headers"] if not pair[0].startswith(b"content-")]
        return {**message, "body": b""}

    def is_known(self, tag: bytes) -> bool:
        """Whether the program says that it has what bears a tag."""
        known = [value for name, value in self.scope["headers"] if name == b"if-none-match"]
        tags = [each.strip().removeprefix(b"W/") for value in known for each in value.split(b",")]
        return tag in tags or b"*" in tags
