"""What was told is taken back, told otherwise, or told again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select, update

from app.accounts.undo import keep_rows, put_back
from app.database import PreparedChange, PreparedSelect, Transaction
from app.notifications.channels import LIST_ABOUT, push_bells, push_bells_of
from app.notifications.following import Follow, Mute
from app.notifications.mails import plan_mails
from app.notifications.models import Activity, Notification

ABOUT_PART = (
    Notification.subject_kind == bindparam("about_kind"),
    Notification.subject_id == bindparam("about_id"),
    Notification.number == bindparam("part"),
    Notification.member_id.in_(bindparam("member_ids")),
)
TAKE_BACK = PreparedChange(lambda: delete(Notification).where(*ABOUT_PART), many=True)
GIVE_REASON = PreparedChange(
    lambda: update(Notification).where(*ABOUT_PART).values(kind=bindparam("reason")), many=True
)
LIST_ABOUT_PARTS = PreparedSelect(
    lambda: select(Activity.id, Activity.subject_id, Activity.number).where(
        Activity.subject_kind == bindparam("kind"),
        Activity.subject_id.in_(bindparam("ids")),
        Activity.number.in_(bindparam("numbers")),
    )
)
LIST_WHO_WAS_TOLD = PreparedSelect(
    lambda: select(Notification.member_id).where(Notification.activity_id.in_(bindparam("activities")))
)
DELETE_NOTIFICATIONS = PreparedChange(
    lambda: delete(Notification).where(Notification.activity_id.in_(bindparam("activities"))),
    many=True,
)
DELETE_ACTIVITIES = PreparedChange(lambda: delete(Activity).where(Activity.id.in_(bindparam("activities"))))


async def forget_subjects(transaction: Transaction, kind: str, ids: Sequence[int]) -> None:
    """Things are gone for good: what was told of them goes, and who follows them or has muted them."""
    await push_bells_of(transaction, kind, ids, gone=True)
    for model in (Notification, Activity, Follow, Mute):
        statement = delete(model).where(model.subject_kind == kind, model.subject_id.in_(ids))
        await transaction.execute(statement)


async def tell_otherwise(
    transaction: Transaction, subject: tuple[str, int], number: int, kinds: Mapping[int, str | None]
) -> None:
    """Members are told of a part of a thing for another reason than before, or None for none any more: then what they
    were told is taken back, with the mail that waits."""
    for kind in set(kinds.values()):
        meant: dict[str, Any] = {"about_kind": subject[0], "about_id": subject[1], "part": number}
        meant["member_ids"] = [member_id for member_id, each in kinds.items() if each == kind]
        if kind is None:
            await transaction.apply(TAKE_BACK, **meant)
        else:
            await transaction.apply(GIVE_REASON, **meant, reason=kind)
    push_bells(transaction, kinds)


async def keep_told(transaction: Transaction, subject: tuple[str, int], number: int) -> list[dict[str, Any]]:
    """What was told of a part of a thing, so that it can be told again as it was when the part is back."""
    found = await keep_rows(transaction, Activity, subject_kind=subject[0], subject_id=subject[1], number=number)
    return [{**each, "to": await keep_rows(transaction, Notification, activity_id=each["id"])} for each in found]


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
    gone = set(parts)
    activities: list[int] = []
    for kind in {kind for (kind, _), _ in gone}:
        whole = {number for (name, number), part in gone if name == kind and part is None}
        if whole:
            activities += await transaction.column(LIST_ABOUT, kind=kind, ids=whole)
        ids = {number for (name, number), part in gone if name == kind and part is not None}
        if ids:
            numbers = {part for (name, _), part in gone if name == kind and part is not None}
            found = await transaction.rows(LIST_ABOUT_PARTS, kind=kind, ids=ids, numbers=numbers)
            activities += [each for each, number, part in found if ((kind, number), part) in gone]
    if not activities:
        return
    told = set(await transaction.column(LIST_WHO_WAS_TOLD, activities=activities))
    await transaction.apply(DELETE_NOTIFICATIONS, activities=activities)
    await transaction.apply(DELETE_ACTIVITIES, activities=activities)
    push_bells(transaction, told, gone=activities)
