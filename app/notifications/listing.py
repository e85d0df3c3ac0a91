"""Notifications as people read them: what happened, to what, where to look; in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from markupsafe import Markup
from msgspec import Struct, field

from app.accounts.mentions import read_texts
from app.database import Transaction
from app.notifications.kinds import (
    NOTIFICATION_KINDS,
    SUBJECTS,
    NotificationKind,
    SubjectPlace,
    say_actor,
    text_of,
    word,
)
from app.notifications.models import Notification
from app.web.texts import Text, _l

# What is said of several things of different kinds.
SEVERAL = _l("%(count)d notifications about %(title)s")


class ListedNotification(Struct, frozen=True):
    """One notification as it is shown."""

    notification: Notification
    kind: NotificationKind
    text: Text
    values: dict[str, Any]
    address: str
    excerpt: str
    at: datetime


class Group(Struct):
    """What there is of one subject: how many, how many unread, and the newest of them."""

    subject: str
    place: SubjectPlace
    icon: str
    total: int
    unread: int
    newest: int
    items: list[ListedNotification] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many the row speaks of: the unread ones, if there are."""
        return self.unread or self.total

    @property
    def held(self) -> bool:
        """Whether something of it stays unread until it is acknowledged."""
        return any(item.notification.held and item.notification.read_at is None for item in self.items)

    @property
    def same(self) -> NotificationKind | None:
        """The kind that all shown ones are of."""
        kinds = {item.kind.name for item in self.spoken_of}
        return self.items[0].kind if len(kinds) == 1 else None

    @property
    def spoken_of(self) -> list[ListedNotification]:
        """The items that the row speaks of."""
        return [item for item in self.items if item.notification.read_at is None] or self.items

    @property
    def kinds(self) -> list[NotificationKind]:
        """The kinds of what is shown, each once."""
        return list({item.kind.name: item.kind for item in self.spoken_of}.values())


# Where subjects are seen, by the names of their kinds and their ids.
SubjectPlaces = dict[tuple[str, int], SubjectPlace]


async def find_subject_places(transaction: Transaction, pairs: Sequence[tuple[str, int]]) -> SubjectPlaces:
    """Where subjects are seen; one question for each kind of subject."""
    ids: dict[str, set[int]] = defaultdict(set)
    for name, number in pairs:
        ids[name].add(number)
    places = await transaction.together(
        *(SUBJECTS[name].find_places(transaction, sorted(numbers)) for name, numbers in ids.items())
    )
    return {(name, number): place for name, own in zip(ids, places, strict=True) for number, place in own.items()}


async def describe_items(
    transaction: Transaction, rows: Sequence[Any], places: SubjectPlaces | None = None
) -> list[ListedNotification]:
    """Items from rows of (notification, activity, name of who did it); those whose subject is gone are left out.
    `places` is where their subjects are seen, where that is known."""
    texts = [row[1].details.get("excerpt", "") for row in rows]
    if places is None:
        subjects = [(row[0].subject_kind, row[0].subject_id) for row in rows]
        places, excerpts = await transaction.together(
            find_subject_places(transaction, subjects), read_texts(transaction, *texts)
        )
    else:
        excerpts = await read_texts(transaction, *texts)
    items, language = [], transaction.tenant.language
    for (notification, activity, actor), excerpt in zip(rows, excerpts, strict=True):
        place = places.get((notification.subject_kind, notification.subject_id))
        if place is None:
            continue
        kind = NOTIFICATION_KINDS[notification.kind]
        title = place.seen_by(notification.member_id).title
        counted = {"count": notification.number} if "count" in activity.details else {}
        items.append(
            ListedNotification(
                notification,
                kind,
                text_of(kind, activity.details),
                {**activity.details, **counted, "actor": say_actor(actor, activity.details, language), "title": title},
                SUBJECTS[notification.subject_kind].address_at(kind, place, notification.number),
                excerpt,
                activity.created_at,
            )
        )
    return items


def say_one(item: ListedNotification, language: str) -> Markup:
    """What happened, as HTML."""
    return word(item.text, language, **item.values)


def say_many(group: Group, language: str) -> Markup:
    """What happened to one subject, as HTML: '5 changes to Dom Casmurro'."""
    same = group.same
    text = same.many if same else SEVERAL
    count = sum(item.values.get("count", 1) for item in group.spoken_of) - len(group.spoken_of) + group.count
    return word(text, language, count=count, title=group.place.title)
