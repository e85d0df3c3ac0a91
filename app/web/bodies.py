"""Reading the body of a request, within its limits, and the form that is in it.

How long one takes is the client's choice: no transaction waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import unquote_to_bytes

from litestar import Request
from litestar.exceptions import ClientException, HTTPException
from litestar.types import HTTPReceiveMessage, Receive, Scope

from app.database import check_holds_none
from app.database.fairness import FairTurns
from app.web.forms import FOR_MEMBER, Form
from app.web.libraries import load_library
from app.web.mail_addresses import mail_address_judge
from app.web.texts import PIECE, drop_noncharacters

# Of a larger body it is asked whose it is before it is taken, and a longer form is parsed in a thread.
LARGE_BODY = 64 * 1024
WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")

Parsed = TypeVar("Parsed")

# A large form, or a table in it, takes the loop over 5 ms to parse: it is parsed in a thread, one after another, by
# turns between those who have sent them.
TO_PARSE = FairTurns(at_once=1, of_each=1)
PARSER = ThreadPoolExecutor(max_workers=1, thread_name_prefix="forms")
# More than the largest form of ours sends: a tick for each of a hundred choices in each of two hundred fields.
MOST_PAIRS = 25_000


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


async def read_ahead(request: Request[Any, Any, Any]) -> None:
    """Read the body of a request before anything else, whatever it is: no transaction waits for it. A form says whose
    page it was on, and an error page shows it."""
    if request.method not in WITH_BODY or "form" in request.scope["state"]:
        return
    await read_body(request)
    if is_form(request):
        with contextlib.suppress(ClientException):
            await provide_form(request)


def is_form(request: Request[Any, Any, Any]) -> bool:
    """Whether the body of a request is said to be a form."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return content_type == "application/x-www-form-urlencoded"


async def provide_form(request: Request[Any, Any, Any]) -> Form:
    """Parse a url-encoded body, and keep it as `named` if it names the member whose page it was on.

    Litestar's own parser keeps the last 1,024 bodies, passwords and all, in a cache.
    """
    state = request.scope["state"]
    if "form" not in state:
        form = state["form"] = await read_form(request)
        if FOR_MEMBER in form.values:
            state["named"] = form
    return state["form"]  # type: ignore[no-any-return]


async def read_form(request: Request[Any, Any, Any]) -> Form:
    """Parse it, for the first who asks. A long one is parsed when it is its sender's turn."""
    if request.method not in WITH_BODY:
        return Form()
    body = await read_body(request)
    if not body:
        return Form()
    if not is_form(request):
        raise ClientException("The form has a type that this page does not read.")
    try:
        if len(body) <= LARGE_BODY:
            return parse_form(body)
        return await parse_in_turn(request.scope["state"]["sender"], parse_form, body)
    except (UnicodeDecodeError, ValueError) as error:
        raise ClientException("The form can't be read.") from error


async def parse_in_turn(whose: Hashable, parse: Callable[..., Parsed], *given: object) -> Parsed:
    """Parse something long in the thread for that, by turns between those whose it is."""
    async with TO_PARSE.take(whose):
        return await asyncio.get_running_loop().run_in_executor(PARSER, parse, *given)


def parse_form(body: bytes) -> Form:
    """The form of a url-encoded body. Raises ValueError for what is none, or has too many fields."""
    pairs = body.decode().split("&")
    if len(pairs) > MOST_PAIRS:
        raise ValueError("too many fields")
    named = [(name, value) for name, _, value in (pair.partition("=") for pair in pairs if pair)]
    return Form([(unquote_long(name), drop_noncharacters(unquote_long(value))) for name, value in named])


def unquote_long(text: str) -> str:
    """What a part of a url-encoded body stands for: of a long one piece by piece."""
    found, at = [], 0
    while at < len(text):
        end = at + PIECE
        if end < len(text) and (mark := text.find("%", end - 2, end)) >= 0:
            end = mark  # no piece ends within the digits of a byte
        found.append(unquote_to_bytes(text[at:end].replace("+", " ")))
        at = end
    return b"".join(found).decode(errors="replace")
