"""What programs get and give of locks: who holds one, who waits for it, and who asks whoever holds it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.accounts.members import Member
from app.accounts.programs import is_of_bot
from app.editing.rows import Editable
from app.editing.waiting_rows import ANSWER_WITHIN, Waiting
from app.programs.shapes import Holder

# How long a program holds a lock, and a place in line, before it has to renew it.
PROGRAM_LEASE = 60

Holding = Annotated[int, Meta(ge=0, lt=2**53)]
Request = Literal["asked", "kept", "unanswered"]


class LockWanted(msgspec.Struct, forbid_unknown_fields=True):
    """How a lock is asked for where somebody holds it: with `wait`, a place in line is taken; with `ask`, whoever holds
    it is also asked to hand over."""

    wait: bool = False
    ask: bool = False


class HeldLock(msgspec.Struct):
    """A lock that is held. `lock` proves it, and is shown this once: send it as the header `Lock`. It lasts `lease`
    seconds, and as much longer as it is renewed."""

    lock: str
    lease: int
    until: datetime
    version: int


class LockRenewed(msgspec.Struct):
    """A lock that goes on, with `lock`: another one, where the lease had ended and nobody had it since."""

    lock: str
    lease: int
    until: datetime


class QueuePlace(msgspec.Struct):
    """A place in line: `position` is 1 for the next. It lasts `lease` more seconds, and longer where it is renewed; at
    one's turn (`called`) that is how long the lock can be taken by asking for it again. `request` is what has become of
    asking the holder: null where one did not, `asked`, `kept` where they want to keep it for now, and `unanswered`
    where they have not answered for 30 seconds, so that one may take it over."""

    position: int
    state: str
    lease: int
    request: Request | None


class LockAwaited(msgspec.Struct):
    """That the lock is somebody else's, and the place in line. `holding` is what it is taken over by."""

    place: QueuePlace
    holder: Holder
    until: datetime | None
    holding: int


class LockRequest(msgspec.Struct):
    """Somebody who asks whoever holds a lock to hand over: `program` is the name of the token, where a program asks.
    `waiting` is what they are answered by."""

    waiting: int
    member: int
    name: str
    bot: bool
    program: str | None
    request: Request


class LockStanding(msgspec.Struct):
    """How it stands with the lock of a record: `free`, `held`, or `offered`, which is somebody's turn. `mine` is that
    it was taken with this very token; `requests` are those who ask whoever holds it, as that member is told. `holding`
    says which holding it is, so that no other one is taken over."""

    state: str
    mine: bool
    holder: Holder | None
    since: datetime | None
    until: datetime | None
    waiting: int
    place: QueuePlace | None
    holding: int
    requests: list[LockRequest]


class TakeOver(msgspec.Struct, forbid_unknown_fields=True):
    """Which holding is to be taken over, as it was seen: nothing is taken from whoever has the lock by then."""

    holding: Holding


class LockAnswer(msgspec.Struct, forbid_unknown_fields=True):
    """Who is answered, of those who ask or wait."""

    waiting: Annotated[int, Meta(ge=0, lt=2**31)]


def find_request(waiting: Waiting, clock: int) -> Request | None:
    """What has become of what somebody in line has asked."""
    if waiting.asked_at is None:
        return None
    if waiting.kept:
        return "kept"
    return "unanswered" if waiting.unanswered or clock - waiting.asked_at >= ANSWER_WITHIN * 1000 else "asked"


def shape_place(row: Editable, queue: list[Waiting], member: Member, clock: int) -> QueuePlace | None:
    """A member's place in line for a row, as it stands by the lease clock."""
    own = next((each for each in queue if each.member_id == member.id), None)
    if own is None:
        return None
    position = 1 + sum(each.state == "waiting" and each.id < own.id for each in queue)
    called = own.state == "called" and row.lock_offered and row.lock_member_id == member.id
    until = (row.lock_until or 0) if called else own.until
    return QueuePlace(position, own.state, max(0, until - clock) // 1000, find_request(own, clock))


def shape_requests(queue: list[Waiting], clock: int) -> list[LockRequest]:
    """Those who ask, and were not answered."""
    asked = [(each, find_request(each, clock)) for each in queue if each.state == "waiting" and not each.kept]
    return [
        LockRequest(each.id, each.member_id, each.name, is_of_bot(each.program), each.program, request)
        for each, request in asked
        if request
    ]
