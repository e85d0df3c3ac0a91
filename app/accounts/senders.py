"""Who sends a large body: looked at before it is taken.

One that is small is read at once. Of a larger one no more than its beginning is in memory until it is known whose it
is: a member has some of them at once, and who is not signed in has little to send.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AsyncExitStack

from limits import RateLimitItemPerHour
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest, begin, client_address
from app.accounts.passwords import GuessingLimit
from app.accounts.sessions import find_session
from app.settings import Settings
from app.web.cookies import read_cookie
from app.web.endings import end_with_answer
from app.web.errors import PageError
from app.web.limits import network_of
from app.web.texts import _l
from app.web.turns import NoTurn, OwnTurns

# How many large forms somebody may send who is not signed in, and how large: as records have them.
LONG_FORMS = RateLimitItemPerHour(30)
STRANGERS_BODY = 1024 * 1024
# How many of a person are taken at once, how many wait, and for how many seconds.
LARGE_AT_ONCE = 3
LARGE_WAITING = 20
LARGE_PATIENCE = 30
# Whose name is one, in the place of a workspace's id, who is not signed in.
STRANGER = "stranger"


class Senders:
    """Says whose a large body is, and how much of it is taken."""

    def __init__(self, settings: Settings, guessing: GuessingLimit) -> None:
        self.settings = settings
        self.guessing = guessing
        self.turns = OwnTurns(LARGE_AT_ONCE, LARGE_WAITING)

    async def admit(self, request: AnyRequest, size: int) -> None:
        """Wait until a large body may be taken that has so many bytes as far as is known, and note whose it is. It has
        its turn until the request is answered. Asked again as more of it comes, this waits for nothing.

        What somebody typed who is not signed in is shown to them again, as a session may have ended under their hands;
        but that costs more than other pages do, so they may do it thirty times an hour from an address, and not with
        what is larger than any record. Raises TooManyTries, and 401 and 429 pages.
        """
        state = request.scope["state"]
        if "sender" in state:
            check_size(state["sender"], size)
            return
        whose = await self.find(request)
        if whose is None:
            network = network_of(client_address(request))
            text = _l("Too many attempts. Wait %(wait)s, then try again.")
            whose = (STRANGER, network)
            check_size(whose, size)
            await self.guessing.reserve([(LONG_FORMS, ("long form", network))], text)
        ending = AsyncExitStack()
        try:
            await ending.enter_async_context(self.turns.take(whose, LARGE_PATIENCE))
        except NoTurn as error:
            raise PageError(
                429,
                _l("You are sending too much at once. Wait until it has arrived, then try again."),
                heading=_l("Too much at once"),
                retry_after=LARGE_PATIENCE,
            ) from error
        end_with_answer(request.scope, ending)
        state["sender"] = whose

    async def find(self, request: AnyRequest) -> tuple[Hashable, Hashable] | None:
        """Whose session the request has, as it is by now; None when nobody is signed in."""
        token = read_cookie(request.scope["headers"], self.settings.session_cookie)
        try:
            async with begin(request, writes=False) as transaction:
                found = await find_session(transaction, token)
        except NotFoundException:  # of a workspace that there is not
            return None
        return None if found is None else (found.member.tenant_id, found.member.id)


def check_size(whose: tuple[Hashable, Hashable], size: int) -> None:
    """Raise a 401 page when somebody who is not signed in sends more than any record has."""
    if whose[0] != STRANGER or size <= STRANGERS_BODY:
        return
    raise PageError(
        401,
        _l("This is too long to send without signing in. Sign in, then go back and send it again."),
        heading=_l("You are no longer signed in"),
    )
