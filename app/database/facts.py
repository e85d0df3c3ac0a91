"""Facts: what operations have done, in plain values, and what follows from them at the end of the write.

An operation changes rows and notes a fact once the statement that is guarded has succeeded. It neither audits nor
notifies nor publishes: whoever adds a way in would forget one of them. All of that follows from facts, in one place
(`Transaction.complete`) and in the order of one list (`app/features.py`): first rows are changed, then what is shown of
them is read, then it is rendered, and at last all of it is logged.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from sqlalchemy import event
from sqlalchemy.orm import SessionTransaction

from app.database.tenancy import Tenant, TenantSession

if TYPE_CHECKING:
    from app.database.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, with which session or token, from which address, and by which way in; `program` is the token's name.

    `member_id` is None when it is not a member: whoever runs the command line, or the program itself. `ends_at` is when
    the session or token will end, if that is known ahead.
    """

    way: Literal["page", "token", "command line", "job"] = "job"
    member_id: int | None = None
    session_id: int | None = None
    address: str = ""
    token_id: int | None = None
    program: str | None = None
    ends_at: datetime | None = field(default=None, compare=False)


class LogEntry(Struct, frozen=True):
    """What the log says of a fact: its kind, such as 'message.posted', and what programs get of it.

    Who may follow `channel` may read `data`, also where it is read days later. So on `tenant` is only what everybody in
    the workspace sees, and of what is in a room nothing but on the room's own channel.
    """

    kind: str
    channel: str
    data: Mapping[str, Any]


class Fact(Struct, frozen=True, kw_only=True):
    """Something that an operation has done, and by whom. It holds plain values: rows may be other ones by the end."""

    by: Actor

    @property
    def log_entry(self) -> LogEntry | None:
        """What the log says of it; None for one that no program may read. Each kind decides: see `Unlogged`."""
        return None


class Unlogged(Fact, frozen=True, kw_only=True):
    """A fact that no program may read: of how people sign in, from where, and what they want to be told; of what
    operators do; or of what was told before, when it was done."""

    @property
    def log_entry(self) -> None:
        """Nothing."""
        return None


class Showing:
    """Something that pages are to be shown as it is at the end of the write, though it is no fact: a bell, say."""


class Partial(Struct):
    """HTML for the pages that follow a channel, the fact that it shows, of several the last, and the channels that it
    brings along, as its `data-follow` names them: whoever gets it follows them from there on, and may."""

    channel: str
    body: str
    fact: Fact | None = None
    follow: str = ""


class Follower(Struct, frozen=True):
    """Changes rows as follows from facts of some kinds: it is given all those of a transaction at once.

    It refuses nothing, and calls nothing outside the database: when it raises, the whole write is undone. It may note
    facts of the kinds in `notes`, which only followers that come later in the list may follow.
    """

    work: Callable[[Transaction, Sequence[Any]], Awaitable[None]]
    kinds: tuple[type[Fact], ...]
    notes: tuple[type[Fact], ...] = ()

    @property
    def name(self) -> str:
        """What it is called where something is wrong with it."""
        return self.work.__qualname__


class Shown(Struct, frozen=True):
    """What pages are shown of some kinds of facts and showings, all those of a transaction at once.

    `read` reads what is needed, when all rows are as they will be, in a number of statements that does not grow with
    the facts; where it is None, the facts are enough, and where it finds nothing, nothing is rendered. It may note
    showings of the kinds in `notes`, which only those that come later in the list show. `render` makes partials of what
    was read, and reads and writes nothing.
    """

    render: Callable[[Tenant, Any], Iterable[Partial]]
    kinds: tuple[type[Fact] | type[Showing], ...]
    read: Callable[[Transaction, Sequence[Any]], Awaitable[Any]] | None = None
    notes: tuple[type[Showing], ...] = ()

    @property
    def name(self) -> str:
        """What it is called where something is wrong with it."""
        return self.render.__qualname__


class FactError(RuntimeError):
    """A fact was noted where nothing could follow from it any more, or a showing where it could not be shown."""


class Followers:
    """What a program does at the end of a write: the followers, and what is shown, each in their order.

    `log` writes the transaction's facts and partials into the log.
    """

    def __init__(
        self,
        *followers: Follower,
        shown: Sequence[Shown] = (),
        log: Callable[[Transaction], Awaitable[None]] | None = None,
    ) -> None:
        check_order([*followers, *shown])
        self.followers = followers
        self.shown = shown
        self.log = log

    def __iter__(self) -> Iterator[Follower | Shown]:
        yield from self.followers
        yield from self.shown


def check_order(those: Sequence[Follower | Shown]) -> None:
    """Raise ValueError for one that notes what only those before it see, or nobody."""
    for place, each in enumerate(those):
        for kind in each.notes:
            if place >= min((n for n, other in enumerate(those) if issubclass(kind, other.kinds)), default=-1):
                raise ValueError(f"{each.name} notes {kind.__name__}, which none that comes later follows first")


class Facts:
    """The facts and showings that a transaction has noted, in their order."""

    def __init__(self, followers: Followers) -> None:
        self.followers = followers
        self.noted: list[Fact] = []
        self.settled = 0  # so many of them have been followed
        self.showings: list[Showing] = []
        self.savepoints: dict[SessionTransaction, tuple[int, int]] = {}
        self.may_be_noted: tuple[type[Fact], ...] = (Fact,)
        self.may_be_shown: tuple[type[Showing], ...] = (Showing,)

    def note(self, fact: Fact) -> None:
        """Note a fact. Raises FactError where those who would follow it have had their turn."""
        if not isinstance(fact, self.may_be_noted):
            raise FactError(f"{type(fact).__name__} is noted too late for what follows from it")
        self.noted.append(fact)

    def show(self, showing: Showing) -> None:
        """Note what pages are to be shown. Raises FactError where what would show it has been read."""
        if not isinstance(showing, self.may_be_shown):
            raise FactError(f"{type(showing).__name__} is noted too late to be shown")
        self.showings.append(showing)

    async def follow(self, transaction: Transaction) -> None:
        """Let each follower do its work, once, with all facts that it follows.

        Raises FactError in a savepoint, which could still be undone.
        """
        if transaction.in_nested_transaction():
            raise FactError("what follows from facts can't be undone with a savepoint")
        for follower in self.followers.followers:
            self.may_be_noted = follower.notes
            if facts := [fact for fact in self.noted[self.settled :] if isinstance(fact, follower.kinds)]:
                await follower.work(transaction, facts)
        self.may_be_noted = ()

    async def read(self, transaction: Transaction) -> list[Callable[[Tenant], list[Partial]]]:
        """Read what is shown of the facts and showings; what renders it."""
        renderers: list[Callable[[Tenant], list[Partial]]] = []
        noted = self.noted[self.settled :]
        for shown in self.followers.shown:
            self.may_be_shown = shown.notes
            if things := [each for each in (*noted, *self.showings) if isinstance(each, shown.kinds)]:
                found = things if shown.read is None else await shown.read(transaction, things)
                if not found:
                    continue
                facts: list[Any] = [each for each in things if isinstance(each, Fact)]
                renderers.append(partial(render_shown, shown, found, (facts or noted or [None])[-1]))
        self.may_be_shown = ()
        self.settled = len(self.noted)
        self.showings.clear()
        return renderers

    def open(self) -> None:
        """Let facts be noted again: the transaction is not at its end yet."""
        self.may_be_noted, self.may_be_shown = (Fact,), (Showing,)


def render_shown(shown: Shown, found: Any, cause: Fact | None, tenant: Tenant) -> list[Partial]:
    """The partials of what was read, each with the fact that it shows."""
    partials = list(shown.render(tenant, found))
    for each in partials:
        each.fact = each.fact or cause
    return partials


@event.listens_for(TenantSession, "after_transaction_create")
def begin_savepoint(session: TenantSession, transaction: SessionTransaction) -> None:
    """Know which facts were noted before a savepoint."""
    if transaction.nested and "facts" in session.info:
        facts: Facts = session.info["facts"]
        facts.savepoints[transaction] = len(facts.noted), len(facts.showings)


@event.listens_for(TenantSession, "after_soft_rollback")
def roll_back_to_savepoint(session: TenantSession, transaction: SessionTransaction) -> None:
    """What is undone has not been done: its facts go with it."""
    if transaction.nested and "facts" in session.info:
        facts: Facts = session.info["facts"]
        noted, showings = facts.savepoints[transaction]
        del facts.noted[noted:]
        del facts.showings[showings:]
