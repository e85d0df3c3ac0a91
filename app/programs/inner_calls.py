"""Calls of an endpoint from within: what an agent asks for is what a program could ask for with the same token, and
nothing else. So scopes, rights, limits, locks and what follows are those of the endpoint, however it is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct, field

from app.programs.routes import API
from app.web.endings import end_all

# What of the request is the inner call's, too: who asks, of which workspace.
PASSED_ON = (b"authorization", b"host", b"user-agent")


class InnerCall(Struct, frozen=True):
    """A call of an endpoint, by a path below the API's. With no `body`, it has none."""

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


class InnerAnswer(Struct, frozen=True):
    """What an endpoint has answered: `said` is its JSON, None where it has nothing to say."""

    status: int
    headers: Mapping[str, str]
    said: Any

    @property
    def good(self) -> bool:
        """Whether it was done."""
        return self.status < 400


def describe_inside(scope: Any, call: InnerCall) -> Any:
    """The request that a call is, within another one."""
    body = b"" if call.body is None else json.dumps(call.body).encode()
    given = {"content-type": "application/json", "content-length": str(len(body))} | dict(call.headers)
    return body, {
        **{name: scope[name] for name in ("type", "asgi", "http_version", "scheme", "client", "server")},
        "method": call.method,
        "path": API + call.path,
        "raw_path": quote(API + call.path).encode(),
        "root_path": "",
        "query_string": urlencode(call.query).encode(),
        "headers": [
            *(pair for pair in scope["headers"] if pair[0] in PASSED_ON),
            *((name.encode(), value.encode()) for name, value in given.items()),
        ],
        "state": {name: scope["state"][name] for name in ("request_id", "slug")} | {"head": False, "agent": True},
    }


async def call_inside(scope: Any, call: InnerCall) -> InnerAnswer:
    """Call an endpoint as whoever has sent a request, an agent's."""
    endpoints = scope["litestar_app"]
    body, inner = describe_inside(scope, call)
    status, headers, pieces = 0, {}, []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            await end_all(inner["state"])
            status = message["status"]
            headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            pieces.append(message.get("body", b""))

    try:
        await endpoints(inner, receive, send)
        if status < 400:
            for step in inner["state"].get("afterwards", ()):
                await step()
    finally:
        await end_all(inner["state"])
        endpoints.state.answering.discard(inner["state"].get("answering"))
    content = b"".join(pieces)
    return InnerAnswer(status, headers, json.loads(content) if content else None)
