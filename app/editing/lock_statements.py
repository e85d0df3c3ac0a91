"""What statements ask of a row's lock, and what they write into it: by parameters, and made once.

A criterion is a function of the model, and so are the values of the lock's columns; `change_lock` puts one of each into
the one statement that checks and writes. The parameters of who shows a proof are those of `show_proof` (`rows.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm.attributes import set_committed_value

from app.accounts.program_tokens import Token, is_working
from app.accounts.sessions import Session
from app.database import PreparedChange, PreparedSelect, Transaction, now
from app.database.clock import lease_clock
from app.editing.row_places import EDITABLE_KINDS
from app.editing.rows import LOCK_COLUMNS, LONGEST_LOCK, UNLOCKED, Editable

# What a statement asks of a row, and what it writes into its lock's columns: by parameters.
Criterion = Callable[[type[Editable]], ColumnElement[bool]]
LockValues = Callable[[type[Editable]], dict[str, Any]]


def is_held(model: type[Editable]) -> ColumnElement[bool]:
    """Whether somebody's lease runs, by the database's clock."""
    clock = lease_clock()
    return and_(
        model.lock_member_id.is_not(None),
        model.lock_until > clock,
        model.lock_until <= clock + LONGEST_LOCK,
    )


def is_signed_in() -> ColumnElement[bool]:
    """Whether the session `session_id`, or the token `program_id`, of the member `member_id` is there still: nothing is
    locked for one that has ended meanwhile."""
    by_page = exists().where(
        Session.id == bindparam("session_id"),
        Session.member_id == bindparam("member_id"),
        Session.expires_at > bindparam("moment", callable_=now, unique=True),
    )
    by_program = exists().where(
        Token.id == bindparam("program_id"), Token.member_id == bindparam("member_id"), is_working()
    )
    return or_(by_page, by_program)


def is_writable(model: type[Editable]) -> ColumnElement[bool]:
    """Whether somebody who shows a proof, if any, may write the row now: by the parameters of `show_proof`.

    The criterion of every statement that changes an editable row, beside the version.
    """
    return or_(~is_held(model), is_holder(model))


def is_holder(model: type[Editable]) -> ColumnElement[bool]:
    """Whether the lock is the one that a member took with their session, or a program with its token, and that they
    prove: by the parameters of `show_proof`."""
    return and_(
        model.lock_member_id == bindparam("holder_id"),
        or_(
            model.lock_session_id == bindparam("holder_session_id"),
            model.lock_program_id == bindparam("holder_program_id"),
        ),
        ~model.lock_offered,
        is_last_proven(model),
    )


def is_last_proven(model: type[Editable]) -> ColumnElement[bool]:
    """Whether the lock is, or was at last, the one that is proven, and nobody has had it since: likewise."""
    return and_(model.lock_token == bindparam("proof_token"), model.lock_proof == bindparam("proof_digest"))


def is_free_or_mine(model: type[Editable]) -> ColumnElement[bool]:
    """Whether nobody holds a row, or it is the member's turn, or they hold it by the token `moving`."""
    mine = or_(model.lock_offered, model.lock_token == bindparam("moving"))
    return or_(~is_held(model), and_(model.lock_member_id == bindparam("member_id"), mine))


def is_live_holder(model: type[Editable]) -> ColumnElement[bool]:
    """Whether a member proves to hold a row, with a credential that goes on."""
    return and_(is_holder(model), is_signed_in())


def is_still_proven(model: type[Editable]) -> ColumnElement[bool]:
    """Whether nobody has had the lock of a row since the lease that is proven, and the row is as the page shows it."""
    unchanged = model.version == bindparam("seen_version")
    return and_(model.lock_member_id.is_(None), is_last_proven(model), unchanged)


def is_seen_holding(model: type[Editable]) -> ColumnElement[bool]:
    """Whether the lock is the one that was seen."""
    return and_(model.lock_token == bindparam("seen_token"), model.lock_member_id == bindparam("seen_holder_id"))


def has_lapsed(model: type[Editable]) -> ColumnElement[bool]:
    """Whether the lease of whoever holds a row has ended."""
    return and_(model.lock_member_id == bindparam("seen_holder_id"), ~is_held(model))


def prolonged(model: type[Editable]) -> dict[str, Any]:
    """The values of a lock whose lease begins anew."""
    return {"lock_until": lease_clock() + bindparam("lease")}


def given_back(model: type[Editable]) -> dict[str, Any]:
    """The values of a lock that is freed by intent: a renewal that was under way then does not take it up again."""
    return {**UNLOCKED, "lock_token": model.lock_token + 1, "lock_proof": None}


def taken(model: type[Editable]) -> dict[str, Any]:
    """The values of a lock that a member takes."""
    return {
        "lock_token": model.lock_token + 1,
        "lock_proof": bindparam("digest"),
        "lock_member_id": bindparam("member_id"),
        "lock_name": bindparam("name"),
        "lock_role": bindparam("role"),
        "lock_since": bindparam("since"),
        "lock_until": lease_clock() + bindparam("lease"),
        "lock_session_id": bindparam("session_id"),
        "lock_program_id": bindparam("program_id"),
        "lock_program": bindparam("program"),
        "lock_offered": False,
    }


def is_nobodys(model: type[Editable]) -> ColumnElement[bool]:
    """Whether nobody has the lock of a row."""
    return model.lock_member_id.is_(None)


def offered(model: type[Editable]) -> dict[str, Any]:
    """The values of a lock that is somebody's turn."""
    return {**taken(model), "lock_proof": None, "lock_offered": True}


def is_shorter_turn(model: type[Editable]) -> ColumnElement[bool]:
    """Whether it is a member's turn, and ends before `until`."""
    return and_(is_held(model), is_turn(model), model.lock_until < bindparam("until"))


def is_longer_turn(model: type[Editable]) -> ColumnElement[bool]:
    """Whether it is a member's turn, and ends after `until`."""
    return and_(is_turn(model), model.lock_until > bindparam("until"))


def is_turn(model: type[Editable]) -> ColumnElement[bool]:
    """Whether it is a member's turn to edit a row."""
    return and_(model.lock_member_id == bindparam("member_id"), model.lock_offered)


def ends_then(model: type[Editable]) -> dict[str, Any]:
    """The values of a lock that lasts until a moment of the lease clock."""
    return {"lock_until": bindparam("until")}


def held_with(model: type[Editable]) -> tuple[ColumnElement[bool], ...]:
    """The criteria of rows that are held with some sessions or tokens."""
    return model.lock_member_id.is_not(None), or_(
        model.lock_session_id.in_(bindparam("sessions")), model.lock_program_id.in_(bindparam("programs"))
    )


@cache
def signed_in(criterion: Criterion) -> Criterion:
    """A criterion, and that the member's session or token is there still."""
    return lambda model: and_(criterion(model), is_signed_in())


@cache
def select_held(kind: str) -> PreparedSelect[int]:
    """The select of a row of a kind that a member proves to hold."""
    model = EDITABLE_KINDS[kind].model
    return PreparedSelect(lambda: select(model.id).where(model.id == bindparam("row_id"), is_holder(model)))


@cache
def select_proven(kind: str) -> PreparedSelect[int]:
    """The select of a row of a kind that a member proves to hold, or to have held as the last."""
    model = EDITABLE_KINDS[kind].model

    def make() -> Select[int]:
        was_last = and_(is_nobodys(model), is_last_proven(model))
        return select(model.id).where(model.id == bindparam("row_id"), or_(is_holder(model), was_last))

    return PreparedSelect(make)


@cache
def select_held_with(kind: str) -> PreparedSelect[Editable]:
    """The select of the rows of a kind that are held with some sessions or tokens."""
    model = EDITABLE_KINDS[kind].model
    return PreparedSelect(lambda: select(model).where(*held_with(model)).order_by(model.id), anew=True)


@cache
def free_of(kind: str) -> PreparedChange:
    """The statement that frees those of some rows of a kind that are held."""
    model = EDITABLE_KINDS[kind].model
    return PreparedChange(
        lambda: (
            update(model)
            .where(model.id.in_(bindparam("ids")), model.lock_member_id.is_not(None))
            .values(**UNLOCKED)
            .returning(model.id)
        )
    )


@cache
def lock_change_of(kind: str, criterion: Criterion, values: LockValues) -> PreparedChange:
    """The statement that changes the lock of one row. Raises TypeError for one that would write anything else."""
    model = EDITABLE_KINDS[kind].model
    written = values(model)
    if not set(written) <= set(LOCK_COLUMNS):
        raise TypeError(f"a lock has no {', '.join(sorted(set(written) - set(LOCK_COLUMNS)))}")
    return PreparedChange(
        lambda: (
            update(model)
            .where(model.id == bindparam("row_id"), criterion(model))
            .values(**written)
            .returning(*(getattr(model, name) for name in LOCK_COLUMNS))
        )
    )


async def change_lock(
    transaction: Transaction, row: Editable, criterion: Criterion, values: LockValues, **parameters: Any
) -> bool:
    """Write the lock's columns in one statement, if the row meets the criterion; the object is what the row is then."""
    change = lock_change_of(row.kind_name, criterion, values)
    found = (await transaction.apply(change, row_id=row.id, **parameters)).rows
    changed = bool(found)
    if not changed:
        found = await transaction.rows(select_lock(row.kind_name), row_id=row.id)
    for name, value in zip(LOCK_COLUMNS, found[0], strict=True):
        set_committed_value(row, name, value)
    return changed


@cache
def select_lock(kind: str) -> PreparedSelect[*tuple[Any, ...]]:
    """The select of the lock's columns of a row of a kind."""
    model = EDITABLE_KINDS[kind].model
    return PreparedSelect(
        lambda: select(*(getattr(model, name) for name in LOCK_COLUMNS)).where(model.id == bindparam("row_id"))
    )


def freed(model: type[Editable]) -> dict[str, Any]:
    """The values of a lock that nobody holds."""
    return UNLOCKED
