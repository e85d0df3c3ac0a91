"""Rows that one person edits at a time: the lock's columns, and the criteria that statements check them with.

The lock is in the row that it protects, so that the statement that writes the row checks it too. A lock in a table of
its own lost updates (docs/architecture.md).
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypedDict

from sqlalchemy import BigInteger, String, false, select, text
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.programs import name_inside, name_own_program, name_with_program
from app.database import Actor, PreparedSelect, Tenant, Tenanted, Transaction, UtcDateTime, now
from app.database.clock import lease_clock
from app.editing.facts import LockChanged
from app.web.forms import number_of
from app.web.texts import Text

# Leases in seconds. A page with JavaScript renews its own; one without has to do for a while. The longest also bounds
# how far ahead a lease can be believed, should the clock ever be set back.
LEASE = 30
LEASE_WITHOUT_JAVASCRIPT = 600
LONGEST_LOCK = LEASE_WITHOUT_JAVASCRIPT * 1000  # in milliseconds


class Editable(Tenanted):
    """Mixin of a row that one person edits at a time, and whose `version` grows with each change.

    Drafts and queues know it by its `kind_name` and id.

    `lock_token` grows each time that the lock changes hands, and never falls: everybody may know it, and what comes
    late with an older one writes nothing. Who holds the lock proves it with random bits, of which `lock_proof` is a
    digest. The lock belongs to a member and to the credential that it was taken with, a session or the token of a
    program, and ends with either. An offered lock is somebody's turn: theirs to take, until the lease ends, and nobody
    can prove to hold it. `lock_name`, `lock_role` and `lock_program`, the token's name, are copies, so that a row can
    be shown without another query.
    """

    guarded: ClassVar[bool] = True
    kind_name: ClassVar[str]

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    lock_token: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    lock_proof: Mapped[str | None] = mapped_column(String(64), default=None)
    lock_member_id: Mapped[int | None] = mapped_column(default=None)
    lock_name: Mapped[str | None] = mapped_column(String(80), default=None)
    lock_role: Mapped[str | None] = mapped_column(String(10), default=None)
    lock_since: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    lock_until: Mapped[int | None] = mapped_column(BigInteger, default=None)
    lock_session_id: Mapped[int | None] = mapped_column(default=None)
    lock_program_id: Mapped[int | None] = mapped_column(default=None)
    lock_program: Mapped[str | None] = mapped_column(String(60), default=None)
    lock_offered: Mapped[bool] = mapped_column(default=False, server_default=false())

    @property
    def lock_holder(self) -> Text:
        """Who holds the lock, and by which program."""
        return name_with_program(self.lock_name, self.lock_program)

    @property
    def lock_holder_inside(self) -> Text:
        """Likewise, inside of a sentence."""
        return name_inside(self.lock_name, self.lock_program)

    @property
    def lock_own_program(self) -> Text | None:
        """The program that holds the lock, as the member is told for whom it does; None where no program does."""
        return name_own_program(self.lock_program) if self.lock_program is not None else None


UNLOCKED: dict[str, Any] = {
    "lock_member_id": None,
    "lock_name": None,
    "lock_role": None,
    "lock_since": None,
    "lock_until": None,
    "lock_session_id": None,
    "lock_program_id": None,
    "lock_program": None,
    "lock_offered": False,
}
LOCK_COLUMNS = ("lock_token", "lock_proof", *UNLOCKED)


@dataclass(frozen=True, slots=True)
class Proof:
    """What proves that a lock is one's own: its token, and 128 random bits that were given to the taker alone.

    It is in the taker's edit page and in the answers to that page's own calls. It is in no partial, no address, no
    fact and no log, and the database has a digest of it. `repr` keeps quiet about it too.
    """

    token: int = 0
    secret: str = field(default="", repr=False)

    def __str__(self) -> str:
        """As forms and headers carry it."""
        return f"{self.token}-{self.secret}" if self.secret else ""

    @classmethod
    def read(cls, text: str) -> Proof:
        """What a form or a header carries; of what is none, a proof that proves nothing."""
        token, _, secret = text.partition("-")
        return cls(number_of(token), secret[:64])

    @classmethod
    def make(cls) -> Proof:
        """A new one, for a lock that is being taken; it gets its token by that."""
        return cls(secret=secrets.token_hex(16))

    def digest(self, member_id: int) -> str:
        """What the row has of it: of no use to another member, also when nobody holds the row any more."""
        return hashlib.sha256(f"{member_id}:{self.secret}".encode()).hexdigest()


def show_proof(actor: Actor, proof: Proof | None) -> dict[str, Any]:
    """The parameters by which a statement knows who shows a proof. Who has none, or no credential, holds nothing."""
    who = {"holder_id": actor.member_id, "holder_session_id": actor.session_id, "holder_program_id": actor.token_id}
    if actor.member_id is None or (actor.session_id is None and actor.token_id is None) or proof is None:
        return {**dict.fromkeys(who, 0), "proof_token": -1, "proof_digest": ""}
    return {**who, "proof_token": proof.token, "proof_digest": proof.digest(actor.member_id)}


class NoCredential(Exception):
    """A lock was asked for by something that has neither a session nor a token: it would end with nothing."""


class Credential(TypedDict):
    """What a lock or a place in line belongs to, beside the member: a session, or the token of a program that has a
    name. So statements call them."""

    session_id: int | None
    program_id: int | None
    program: str | None


def credential_of(actor: Actor) -> Credential:
    """The credential of who acts. Raises NoCredential."""
    if actor.session_id is None and actor.token_id is None:
        raise NoCredential
    return {"session_id": actor.session_id, "program_id": actor.token_id, "program": actor.program}


def lease_within(actor: Actor, seconds: int) -> int:
    """A lease of so many seconds, in milliseconds: it does not go on when the session or token has ended."""
    return lease_until(actor.ends_at, seconds)


def lease_until(ends_at: datetime | None, seconds: int) -> int:
    """A lease of so many seconds, in milliseconds, which ends with a credential that ends then."""
    if ends_at is None:
        return seconds * 1000
    return max(0, min(seconds * 1000, int((ends_at - now()).total_seconds() * 1000)))


READ_CLOCK = PreparedSelect(lambda: select(lease_clock()).select_from(Tenant))


async def read_clock(transaction: Transaction) -> int:
    """The database's lease clock, in milliseconds."""
    ((clock,),) = await transaction.rows(READ_CLOCK)
    return clock


def note_lock(transaction: Transaction, row: Editable, fact: type[LockChanged], member_id: int) -> None:
    """Note what has become of the lock of a row, and whom it is about."""
    transaction.keep(row)
    transaction.note(fact(by=transaction.actor, kind=row.kind_name, row_id=row.id, member_id=member_id))


class Held(Exception):
    """Somebody else holds the row, or the same person in another tab, or by a program. Nothing was written."""
