"""The way from outside to the program: names, TLS, the proxy, and the host that it passes on."""

from __future__ import annotations

import asyncio
import socket
import ssl
from urllib.parse import urlsplit

import websockets
from sqlalchemy.exc import DBAPIError

# What closes a socket that comes without a session, as /live does.
NOT_SIGNED_IN = 4401


class Fault(Exception):
    """Something is wrong; the message says what, in one line."""


def describe_error(error: BaseException) -> str:
    """What an exception says, in one line."""
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    return " ".join(said.split()) or type(error).__name__


def is_here(name: str) -> bool:
    """Whether browsers take a name for this machine, without looking it up."""
    return name == "localhost" or name.endswith(".localhost")


async def resolve_host(name: str) -> None:
    """Look a name up. Raises Fault."""
    if is_here(name):
        return
    try:
        await asyncio.get_running_loop().getaddrinfo(name, None)
    except socket.gaierror as error:
        raise Fault(f"BASE_URL: the name {name} leads nowhere ({error.strerror}): it needs a record") from error


async def dial(url: str) -> None:
    """Open a socket as a page does, which is not signed in. Raises Fault."""
    host = urlsplit(url).hostname or ""
    await resolve_host(host)
    there = {"host": "127.0.0.1"} if is_here(host) else {}
    try:
        async with websockets.connect(f"ws{url.removeprefix('http')}/live", origin=url, proxy=None, **there) as page:  # type: ignore[arg-type]
            await page.wait_closed()
    except ssl.SSLError as error:
        raise Fault(f"BASE_URL: the certificate of {host} is not one to trust: {describe_error(error)}") from error
    except websockets.InvalidStatus as error:
        raise Fault(f"BASE_URL: {url} {explain(error.response)}") from error
    except (OSError, websockets.WebSocketException) as error:
        raise Fault(f"BASE_URL: nothing answers at {url}: {describe_error(error)}") from error
    if page.close_code != NOT_SIGNED_IN:
        raise Fault(f"BASE_URL: what answers at {url} is not this program")


def explain(response: websockets.Response) -> str:
    """What an answer that opens no socket says of the way."""
    status = response.status_code
    if status in (502, 503, 504):
        return f"leads to a proxy that does not reach the program ({status})"
    if status == 403:
        return "leads to a program that knows itself by another address: the proxy has to pass on the Host header"
    if response.headers.get("x-page"):
        return f"leads to a proxy that does not pass on WebSockets ({status})"
    return f"leads to something that is not this program ({status})"
