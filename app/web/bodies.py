"""Bodies of requests. How long one takes is the client's choice: no transaction waits for it."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.types import HTTPReceiveMessage, Receive, Scope

from app.database import check_holds_none
from app.web.libraries import load_library
from app.web.mail_addresses import mail_address_judge

# Of a larger body it is asked whose it is before it is taken, and a longer form is parsed in a thread.
LARGE_BODY = 64 * 1024


def hold_nothing(scope: Scope, receive: Receive) -> Receive:
    """A way to receive a request's body that raises HoldsTransaction in a transaction, whether or not the rest of the
    body is there already: so whoever does that learns it from the first test."""
    waits = {name: value for name, value in scope["headers"] if name in (b"content-length", b"transfer-encoding")}
    if waits.get(b"content-length", b"0") == b"0" and b"transfer-encoding" not in waits:
        return receive
    is_there = False

    async def receive_holding_nothing() -> HTTPReceiveMessage:
        nonlocal is_there
        if not is_there:
            check_holds_none()
        message: Any = await receive()
        is_there = message["type"] != "http.request" or not message.get("more_body", False)
        return message  # type: ignore[no-any-return]

    return receive_holding_nothing


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The body of a request, read by the first who asks. What it is refused with is the same for all who do.

    Raises ClientException, such as for one that is too large.
    """
    state = request.scope["state"]
    if "body" not in state:
        try:
            state["body"] = await receive_body(request)
        except HTTPException as refusal:
            state["body"] = refusal
    body: bytes | HTTPException = state["body"]
    if isinstance(body, HTTPException):
        raise body
    return body


async def receive_body(request: Request[Any, Any, Any]) -> bytes:
    """Receive a body: of a large one its beginning, and the rest when it is known who sends it (accounts/senders.py).

    How large one is, is known at once where its header says it, and otherwise when it has come. Raises ClientException
    and what `Senders.admit` raises.
    """
    pieces: list[bytes] = []
    said, received = request.content_length or 0, 0
    async for piece in request.stream():
        pieces.append(piece)
        received += len(piece)
        if max(said, received) > LARGE_BODY:
            await request.app.state.senders.admit(request, max(said, received))
    body = b"".join(pieces)
    await prepare_addresses(body)
    return body


async def prepare_addresses(body: bytes) -> None:
    """Bring the library in where there may be an address in what a request has sent: before it is read, and before
    the writer waits for it."""
    if b"@" in body or b"%40" in body:
        await load_library(mail_address_judge)
