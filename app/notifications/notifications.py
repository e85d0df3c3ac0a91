"""Notifying: written in the transaction of its cause, told to open pages with it, and taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select

from app.accounts.members import RANK, Member, Role
from app.database import Transaction, now
from app.notifications.channels import push_bells, push_toast
from app.notifications.kinds import KINDS
from app.notifications.mails import plan_mails
from app.notifications.models import Happening, Notification, is_shown
from app.notifications.preferences import Choice, Follow, Mute, find_muting, mail_moment, read_choices, read_times

EVERYBODY = "everybody"


async def notify(
    transaction: Transaction,
    *,
    kind: str,
    subject: tuple[str, int],
    to: Iterable[int] | Role | str,
    by: Member | None = None,
    number: int = 0,
    held: bool = False,
    without: Iterable[int] = (),
    details: Mapping[str, Any] | None = None,
) -> set[int]:
    """Notify members by their ids, or everybody, or those of a role's rank, of what happens to a subject.

    Nobody is notified of what they do themselves (`by`), but for what is always told, nor those `without`. The answer
    are the ids of those whom it concerns, also when they don't want to know; a caller passes them as `without` of the
    next, so that everybody is told once and for the best reason. What is `held`, to be acknowledged, comes to
    everybody's inbox: muting and preferences don't keep it away.
    """
    known = KINDS[kind]
    # Of what happens to accounts people are told whoever did it: it may have been somebody with their session.
    left_out = set(without) | ({by.id} if by and not known.fixed else set())
    ids = await find_receivers(transaction, to, left_out)
    if not ids:
        return set()
    concerned = set(ids)
    if not known.fixed and not held:
        ids = ids - await find_muting(transaction, *subject)
    choices = {
        member_id: Choice(in_app=choice.in_app or held, mail=choice.mail)
        for member_id, choice in (await read_choices(transaction, known, ids)).items()
        if choice.in_app or held or choice.mail != "never"
    }
    if not choices:
        return concerned
    happening = Happening(
        subject_kind=subject[0],
        subject_id=subject[1],
        number=number,
        actor_id=by.id if by else None,
        details=dict(details or {}),
    )
    transaction.add(happening)
    await transaction.flush()
    moment = now()
    times = await read_times(transaction, choices)
    rows: list[dict[str, Any]] = [
        {
            "happening_id": happening.id,
            "member_id": member_id,
            "kind": kind,
            "subject_kind": subject[0],
            "subject_id": subject[1],
            "number": number,
            "shown": choice.in_app,
            "held": held,
            "mail_at": moment if known.fixed else mail_moment(choice.mail, moment, times[member_id]),
        }
        for member_id, choice in sorted(choices.items())
    ]
    await transaction.insert_rows(Notification, *rows)
    plan_mails(transaction, [row["mail_at"] for row in rows if row["mail_at"]])
    seeing = select(Notification.member_id).where(Notification.happening_id == happening.id, is_shown())
    await push_toast(transaction, list(await transaction.scalars(seeing)), known, happening, by, held=held)
    return concerned


async def find_receivers(transaction: Transaction, to: Iterable[int] | Role | str, left_out: set[int]) -> set[int]:
    """The ids of active members among those meant."""
    statement = select(Member.id).where(Member.suspended_at.is_(None), Member.removed_at.is_(None))
    if isinstance(to, str):
        roles = [role for role, rank in RANK.items() if to == EVERYBODY or rank >= RANK[to]]
        statement = statement.where(Member.role.in_(roles))
    else:
        wanted = set(to) - left_out
        if not wanted:
            return set()
        statement = statement.where(Member.id.in_(wanted))
    return set(await transaction.scalars(statement)) - left_out


async def forget_subjects(transaction: Transaction, kind: str, ids: Sequence[int]) -> None:
    """Things are gone for good: what was told of them goes, and who follows them or has muted them."""
    about = Notification.subject_kind == kind, Notification.subject_id.in_(ids)
    unread = select(Notification.member_id).where(*about, Notification.read_at.is_(None))
    push_bells(transaction, set(await transaction.scalars(unread)))
    for model in (Notification, Happening, Follow, Mute):
        statement = delete(model).where(model.subject_kind == kind, model.subject_id.in_(ids))
        await transaction.execute(statement.execution_options(synchronize_session=False))


async def withdraw(transaction: Transaction, subject: tuple[str, int], number: int | None = None) -> None:
    """Take back what was told of a thing, or of a part of it: it is gone."""
    criteria = [Happening.subject_kind == subject[0], Happening.subject_id == subject[1]]
    if number is not None:
        criteria.append(Happening.number == number)
    ids = list(await transaction.scalars(select(Happening.id).where(*criteria)))
    if not ids:
        return
    told = set(await transaction.scalars(select(Notification.member_id).where(Notification.happening_id.in_(ids))))
    for model, column in ((Notification, Notification.happening_id), (Happening, Happening.id)):
        statement = delete(model).where(column.in_(ids)).execution_options(synchronize_session=False)
        await transaction.execute(statement)
    push_bells(transaction, told)
