"""What a request has begun ends before its answer goes out, whatever becomes of the request.

The framework ends what a dependency has opened only when all dependencies were found: when a later one fails, it
forgets the generator, which then stays where it is until the garbage collector comes by, with the writer's turn.
"""

from __future__ import annotations

import contextlib
from collections.abc import MutableMapping
from typing import Any

from litestar.types import HTTPScope


class NotAnswered(Exception):
    """The request comes to nothing, and so does what it has begun."""


def end_with_answer(scope: HTTPScope, ending: contextlib.AsyncExitStack, *, early: bool = False) -> None:
    """Let something end with the request's answer, unless it has ended by then, as what may end early does."""
    scope["state"].setdefault("endings", []).append(ending)
    if early:
        scope["state"].setdefault("early endings", []).append(ending)


async def end_early(scope: HTTPScope) -> None:
    """End the transaction that a request has begun, as it has read what it needs: what follows waits for others."""
    for ending in scope["state"].pop("early endings", ()):
        await ending.aclose()


async def end_all(state: MutableMapping[str, Any]) -> None:
    """Undo what a request has begun and not ended. Of what has ended nothing is left to undo."""
    for ending in state.pop("endings", ()):
        with contextlib.suppress(Exception):  # that a lost connection can't be rolled back: the request has said why
            await ending.__aexit__(NotAnswered, NotAnswered(), None)
