"""Answers that are sent piece by piece, as they come to be, and end when who asked for them has gone away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import structlog
from litestar import Response
from litestar.types import Receive, Scope, Send

from app.database.steps import take_steps
from app.web.errors import first_line, is_database_away

log = structlog.get_logger("web")


class Streamed(Response[None]):
    """An answer made of pieces, each made when the client has taken the one before.

    It begins with its first piece: what fails until then is answered by an error page, and what fails later cuts the
    connection, so that no client takes a part for the whole. Whatever becomes of it, the generator of the pieces is
    closed before the request is over, in the task that it worked in. To HEAD it is not begun.
    """

    def __init__(
        self, pieces: AsyncGenerator[bytes], *, media_type: str, headers: dict[str, str], status: int = 200
    ) -> None:
        super().__init__(None, media_type=media_type, headers=headers, status_code=status)
        self.status = status
        self.pieces = pieces

    def to_asgi_response(self, *arguments: Any, **options: Any) -> Any:
        """Send the pieces until there are no more, or nobody is there to take them."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            tasks = [
                asyncio.ensure_future(take_steps(self.send_pieces(scope, send))),
                asyncio.ensure_future(wait_until_gone(receive)),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in tasks:
                    each.cancel()
                await asyncio.wait(tasks)
            if not tasks[0].cancelled():
                tasks[0].result()

        return answer

    async def send_pieces(self, scope: Scope, send: Send) -> None:
        """Send all there is. Raises what the first piece raises."""
        begun, path = False, scope["path"]
        async with aclosing(self.pieces) as pieces:
            if scope["state"].get("head"):
                await self.start(send)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            try:
                async for piece in pieces:
                    if not begun:
                        await self.start(send)
                        begun = True
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            except Exception as error:
                if not begun:
                    raise
                if is_database_away(error):
                    log.error("answer cut off: the database is not available", path=path, reason=first_line(error))
                else:
                    log.error("answer cut off", path=path, exc_info=error)
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def start(self, send: Send) -> None:
        """Send the headers."""
        headers = {"content-type": str(self.media_type), **self.headers}
        encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": encoded})


async def wait_until_gone(receive: Receive) -> None:
    """Wait until the client has closed its connection."""
    while (await receive())["type"] != "http.disconnect":
        pass
