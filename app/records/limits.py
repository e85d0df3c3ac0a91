"""How often one person may search and import, and how much at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from limits import RateLimitItemPerMinute

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.sessions import Askers
from app.web.errors import PageError
from app.web.limits import Windows
from app.web.texts import _l
from app.web.turns import NoTurn, OwnTurns

LIST_SEARCHES_A_MINUTE = RateLimitItemPerMinute(60)
LISTS_AT_ONCE = 2
LISTS_WAITING = 20
# How long a list waits for others of the same person, in seconds.
LIST_PATIENCE = 10
# One import is looked at, and then sent again to be done.
IMPORTS_A_MINUTE = RateLimitItemPerMinute(40)
IMPORTS_AT_ONCE = 1
IMPORTS_WAITING = 5
# How long an import waits for others of the same person, in seconds.
IMPORT_PATIENCE = 30


def searches_of(tenant_id: int, member_id: int) -> tuple[str, ...]:
    """Where it is counted what a person searches lists for, whichever way they come in."""
    return ("list search", str(tenant_id), str(member_id))


class ListLimit(OwnTurns):
    """Counts what each person searches lists for, 60 times a minute, and lets a process read two lists of a person at
    once: a list of many thousands is long work, and who asks for many takes turns with themselves. A person's programs
    are counted with their pages.

    Pages take a turn as an argument, `turn`, so that it begins before their transaction does. For programs it is taken
    by whatever lets them in (`programs/access.py`).
    """

    def __init__(self, windows: Windows, askers: Askers) -> None:
        super().__init__(LISTS_AT_ONCE, LISTS_WAITING)
        self.windows = windows
        self.askers = askers

    async def check(self, member: Member) -> None:
        """Count one more search. Raises a 429 page when it is one too many."""
        whose = searches_of(member.tenant_id, member.id)
        if not await self.windows.hit(LIST_SEARCHES_A_MINUTE, *whose):
            raise PageError(
                429,
                _l("You have searched too often. Wait %(wait)s, then try again."),
                heading=_l("Too many searches"),
                retry_after=await self.windows.wait(LIST_SEARCHES_A_MINUTE, *whose),
            )

    @asynccontextmanager
    async def turn(self, request: AnyRequest) -> AsyncIterator[None]:
        """Wait for a turn of whoever asks. Nobody waits who is not signed in, and sees no list anyway."""
        whose = await self.askers.find(request)
        if whose is None:
            yield
            return
        async with self.turn_of(*map(int, whose)):
            yield

    @asynccontextmanager
    async def turn_of(self, tenant_id: int, member_id: int) -> AsyncIterator[None]:
        """Wait until fewer than two lists of a member are read. Raises a 429 page when too many wait already, or for
        too long."""
        async with AsyncExitStack() as having:
            try:
                await having.enter_async_context(self.take((tenant_id, member_id), LIST_PATIENCE))
            except NoTurn as error:
                raise self.refuse() from error
            yield

    def refuse(self) -> PageError:
        """The page that says it was one too many."""
        return PageError(
            429,
            _l("You have opened too many lists at once. Wait until they have loaded, then try again."),
            heading=_l("Too many lists at once"),
            retry_after=LIST_PATIENCE,
        )


async def take_turn(request: AnyRequest) -> AsyncIterator[None]:
    """A turn of whoever asks, as long as their list is read."""
    lists: ListLimit = request.app.state.lists
    async with lists.turn(request):
        yield


# A longer table, in letters, is counted, and its pages are made in a thread.
SHORT_TABLE = 20_000


class ImportLimit(OwnTurns):
    """Counts the long tables that each person imports: 20 a minute, with a look at each before. A process does one
    import of a person after another."""

    def __init__(self, windows: Windows) -> None:
        super().__init__(IMPORTS_AT_ONCE, IMPORTS_WAITING)
        self.windows = windows

    @asynccontextmanager
    async def turn(self, member: Member, *, long: bool) -> AsyncIterator[None]:
        """Count one more import, if it is a long one, and wait until the others of its member are over. Raises a 429
        page when it is one too many, or waits for too long."""
        whose = ("import", str(member.tenant_id), str(member.id))
        if long and not await self.windows.hit(IMPORTS_A_MINUTE, *whose):
            raise self.refuse(await self.windows.wait(IMPORTS_A_MINUTE, *whose))
        async with AsyncExitStack() as having:
            try:
                await having.enter_async_context(self.take(whose, IMPORT_PATIENCE))
            except NoTurn as error:
                raise self.refuse(IMPORT_PATIENCE) from error
            yield

    def refuse(self, wait: float) -> PageError:
        """The page that says it was one too many."""
        return PageError(
            429,
            _l("You have several imports running. Wait until they finish, then try again."),
            heading=_l("Too many imports"),
            retry_after=wait,
        )
