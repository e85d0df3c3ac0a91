"""Much that somebody does at once to things of one whole: who would be told of more than a few of them is told once, of
the whole, how many there are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import bindparam, select, update

from app.database import PreparedChange, PreparedSelect, Transaction, now
from app.notifications.channels import push_bells
from app.notifications.kinds import NOTIFICATION_KINDS
from app.notifications.models import Activity, Notification
from app.notifications.notifications import Occasion, list_concerned, notify_all, read_audience

# Of so many each is told by itself.
MOST_TOLD_APART = 3
# What somebody goes on with so soon is counted with what is still unread of it: an import takes several transactions.
GOES_ON_WITHIN = timedelta(minutes=5)

# Whom, by the kind of what they are told and their ids; and how many things that is about.
Counts = Counter[tuple[str, int]]

LIST_GOING_ON = PreparedSelect(
    lambda: (
        select(Notification.id, Notification.kind, Notification.member_id, Activity.details)
        .join(Activity, (Activity.id == Notification.activity_id) & (Activity.tenant_id == Notification.tenant_id))
        .where(
            Notification.subject_kind == bindparam("name"),
            Notification.subject_id == bindparam("whole_id"),
            Notification.member_id.in_(bindparam("ids")),
            Notification.read_at.is_(None),
            Activity.actor_id == bindparam("by_id"),
            Activity.created_at > bindparam("since"),
        )
        .order_by(Notification.id)
    )
)
COUNT_MORE = PreparedChange(
    lambda: (
        update(Notification)
        .where(Notification.id.in_(bindparam("ids")))
        .values(number=Notification.number + bindparam("more"))
    ),
    many=True,
)


async def notify_together(
    transaction: Transaction, whole: tuple[str, int], occasions: Sequence[Occasion], *, what: str
) -> None:
    """Notify members of what one member has done to several things alike. Of more than a few they are told once, of the
    `whole`, by the sentence for `what`, whose %(count)d is the number of the notification."""
    kinds = {kind: NOTIFICATION_KINDS[kind] for occasion in occasions for kind, _ in occasion.reasons}
    audience = await read_audience(transaction, occasions, kinds)
    concerned = [
        {kind: ids - audience.muting.get(occasion.subject[1], set()) for kind, ids in found.items()}
        for occasion in occasions
        for found in [list_concerned(occasion, kinds, audience)]
    ]
    counts: Counts = Counter((kind, each) for found in concerned for kind, ids in found.items() for each in ids)
    many = Counter({key: count for key, count in counts.items() if count > MOST_TOLD_APART})
    apart = [
        replace(occasion, reasons=[(kind, sorted(each for each in ids if (kind, each) not in many))])
        for occasion, found in zip(occasions, concerned, strict=True)
        for kind, ids in found.items()
        if any((kind, each) not in many for each in ids)
    ]
    await notify_all(transaction, apart)
    by = occasions[0].by
    many -= await count_going_on(transaction, whole, many, by.id if by else 0, what)
    alike: Mapping[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for (kind, member_id), count in sorted(many.items()):
        alike[count][kind].append(member_id)
    await notify_all(
        transaction,
        [
            Occasion(whole, list(to.items()), by=by, number=count, details={"what": what, "count": count})
            for count, to in alike.items()
        ],
    )


async def count_going_on(
    transaction: Transaction, whole: tuple[str, int], many: Counts, by_id: int, what: str
) -> Counts:
    """Add to what somebody was told a moment ago of the same, and has not read; what was mailed is not mailed again.
    Returns what was added."""
    if not many:
        return Counter()
    members = {member_id for _, member_id in many}
    since = now() - GOES_ON_WITHIN
    rows = await transaction.rows(
        LIST_GOING_ON, name=whole[0], whole_id=whole[1], ids=members, by_id=by_id, since=since
    )
    found = {
        (kind, member_id): notification_id
        for notification_id, kind, member_id, details in rows
        if details.get("what") == what and (kind, member_id) in many
    }
    more: dict[int, list[int]] = defaultdict(list)
    for key, notification_id in found.items():
        more[many[key]].append(notification_id)
    for count, ids in more.items():
        await transaction.apply(COUNT_MORE, ids=ids, more=count)
    push_bells(transaction, {member_id for _, member_id in found})
    return Counter({key: many[key] for key in found})
