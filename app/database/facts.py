"""Facts: what operations have done, in plain values, and what follows from them at the end of the write.

An operation changes rows and notes a fact once the statement that is guarded has succeeded. It neither audits nor
notifies nor publishes: whoever adds a way in would forget one of them. All of that follows from facts, in one place
(`Transaction.complete`) and in the order of one list (`app/features.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import event
from sqlalchemy.orm import SessionTransaction

from app.database.tenancy import TenantSession

if TYPE_CHECKING:
    from app.database.engine import Transaction


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, with which session, from which address, and by which way in.

    `member_id` is None when it is not a member: whoever runs the command line, or the program itself.
    """

    way: Literal["page", "command line", "job"] = "job"
    member_id: int | None = None
    session_id: int | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What the log says of a fact: its kind, such as 'message.posted', and what programs get of it.

    Who may follow `channel` may read `data`, also where it is read days later. So on `tenant` is only what everybody in
    the workspace sees, and of what is in a room nothing but on the room's own channel.
    """

    kind: str
    channel: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that an operation has done, and by whom. It holds plain values: rows may be other ones by the end."""

    by: Actor

    @property
    def log_entry(self) -> LogEntry | None:
        """What the log says of it; None for one that no program may read. Each kind decides: see `Unlogged`."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlogged(Fact):
    """A fact that no program may read: of how people sign in, from where, and what they want to be told; of what
    operators do; or of what was told before, when it was done."""

    @property
    def log_entry(self) -> None:
        """Nothing."""
        return None


@dataclass(frozen=True, slots=True)
class Follower:
    """Does what follows from facts of some kinds: it is given all those of a transaction at once.

    It refuses nothing, and calls nothing outside the database: when it raises, the whole write is undone. It may note
    facts of the kinds in `notes`, which only followers that come later in the list may follow.
    """

    work: Callable[[Transaction, Sequence[Any]], Awaitable[None]]
    kinds: tuple[type[Fact], ...]
    notes: tuple[type[Fact], ...] = ()


class FactError(RuntimeError):
    """A fact was noted where nothing could follow from it any more."""


class Followers:
    """The followers of a program, in the order in which they work."""

    def __init__(self, *followers: Follower) -> None:
        self.followers = followers
        for place, follower in enumerate(followers):
            for kind in follower.notes:
                if place >= min((n for n, each in enumerate(followers) if issubclass(kind, each.kinds)), default=-1):
                    name = follower.work.__qualname__
                    raise ValueError(f"{name} notes {kind.__name__}, which none that comes later follows first")

    def __iter__(self) -> Iterator[Follower]:
        return iter(self.followers)


class Facts:
    """The facts that a transaction has noted, in their order."""

    def __init__(self, followers: Followers) -> None:
        self.followers = followers
        self.noted: list[Fact] = []
        self.savepoints: dict[SessionTransaction, int] = {}
        self.may_be_noted: tuple[type[Fact], ...] = (Fact,)
        self.cause: Fact | None = None

    def note(self, fact: Fact) -> None:
        """Note a fact. Raises FactError where those who would follow it have had their turn."""
        if not isinstance(fact, self.may_be_noted):
            raise FactError(f"{type(fact).__name__} is noted too late for what follows from it")
        self.noted.append(fact)

    async def follow(self, transaction: Transaction) -> None:
        """Let each follower do its work, once, with all facts that it follows."""
        for follower in self.followers:
            facts = [fact for fact in self.noted if isinstance(fact, follower.kinds)]
            self.may_be_noted = follower.notes
            if facts:
                self.cause = facts[-1]
                await follower.work(transaction, facts)
        self.may_be_noted = ()
        self.cause = None


@event.listens_for(TenantSession, "after_transaction_create")
def begin_savepoint(session: TenantSession, transaction: SessionTransaction) -> None:
    """Know which facts were noted before a savepoint."""
    if transaction.nested and "facts" in session.info:
        facts: Facts = session.info["facts"]
        facts.savepoints[transaction] = len(facts.noted)


@event.listens_for(TenantSession, "after_soft_rollback")
def roll_back_to_savepoint(session: TenantSession, transaction: SessionTransaction) -> None:
    """What is undone has not been done: its facts go with it."""
    if transaction.nested and "facts" in session.info:
        facts: Facts = session.info["facts"]
        del facts.noted[facts.savepoints[transaction] :]
