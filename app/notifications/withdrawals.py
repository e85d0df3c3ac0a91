"""What was told is taken back, told otherwise, or told again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select, tuple_, update

from app.accounts.undo import keep_rows, put_back
from app.database import Transaction
from app.notifications.channels import push_bells
from app.notifications.mails import plan_mails
from app.notifications.models import Activity, Notification
from app.notifications.preferences import Follow, Mute


async def forget_subjects(transaction: Transaction, kind: str, ids: Sequence[int]) -> None:
    """Things are gone for good: what was told of them goes, and who follows them or has muted them."""
    about = Notification.subject_kind == kind, Notification.subject_id.in_(ids)
    unread = select(Notification.member_id).where(*about, Notification.read_at.is_(None))
    push_bells(transaction, set(await transaction.scalars(unread)))
    for model in (Notification, Activity, Follow, Mute):
        statement = delete(model).where(model.subject_kind == kind, model.subject_id.in_(ids))
        await transaction.execute(statement)


async def tell_otherwise(
    transaction: Transaction, subject: tuple[str, int], number: int, kinds: Mapping[int, str | None]
) -> None:
    """Members are told of a part of a thing for another reason than before, or None for none any more: then what they
    were told is taken back, with the mail that waits."""
    about = (
        Notification.subject_kind == subject[0],
        Notification.subject_id == subject[1],
        Notification.number == number,
    )
    for kind in set(kinds.values()):
        meant = Notification.member_id.in_([member_id for member_id, each in kinds.items() if each == kind])
        statement: Any = delete(Notification) if kind is None else update(Notification).values(kind=kind)
        statement = statement.where(*about, meant)
        await transaction.execute(statement)
    push_bells(transaction, kinds)


async def keep_told(transaction: Transaction, subject: tuple[str, int], number: int) -> list[dict[str, Any]]:
    """What was told of a part of a thing, so that it can be told again as it was when the part is back."""
    found = await keep_rows(
        transaction,
        Activity,
        Activity.subject_kind == subject[0],
        Activity.subject_id == subject[1],
        Activity.number == number,
    )
    return [
        {**each, "to": await keep_rows(transaction, Notification, Notification.activity_id == each["id"])}
        for each in found
    ]


async def tell_again(transaction: Transaction, told: Sequence[Mapping[str, Any]]) -> None:
    """Put back what was told, with what was read of it; nobody is shown a toast again."""
    people: set[int] = set()
    for each in told:
        values = {name: value for name, value in each.items() if name not in ("id", "to")}
        (activity,) = put_back(transaction, Activity, [values])
        await transaction.flush()
        rows = [{name: value for name, value in row.items() if name != "id"} for row in each["to"]]
        notifications = put_back(transaction, Notification, rows, activity_id=activity.id)
        people |= {row["member_id"] for row in rows}
        plan_mails(transaction, [one.mail_at for one in notifications if one.mail_at])
    await transaction.flush()
    push_bells(transaction, people)


async def withdraw(transaction: Transaction, *parts: tuple[tuple[str, int], int | None]) -> None:
    """Take back what was told of things, or of a part of each: it is gone."""
    # One list for any number of them: SQLite takes no criterion of more than a thousand terms.
    subject = Activity.subject_kind, Activity.subject_id
    wanted: dict[Any, set[Any]] = {
        tuple_(*subject): {subject for subject, number in parts if number is None},
        tuple_(*subject, Activity.number): {(*subject, number) for subject, number in parts if number is not None},
    }
    ids: list[int] = []
    for key, gone in wanted.items():
        if gone:
            ids += await transaction.scalars(select(Activity.id).where(key.in_(gone)))
    if not ids:
        return
    told = set(await transaction.scalars(select(Notification.member_id).where(Notification.activity_id.in_(ids))))
    for model, column in ((Notification, Notification.activity_id), (Activity, Activity.id)):
        statement = delete(model).where(column.in_(ids))
        await transaction.execute(statement)
    push_bells(transaction, told)
