"""What notifications push: to `user.{id}` of each person alone, the bell and, as it arrives, a toast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import func, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.accounts.shell import bar_part
from app.database import Transaction
from app.live.log import publish, publish_partial
from app.notifications.kinds import SUBJECTS, Kind, Place, text_of, word
from app.notifications.models import Happening, Notification, is_shown
from app.web.templates import render

# Up to so many are counted; '99+' is shown.
COUNTED = 1000
# Of more people than this, all are counted in one statement, however much each has.
FEW = 20


async def count_unread(transaction: Transaction, member_ids: Iterable[int]) -> dict[int, int]:
    """How many unread notifications members have in their inboxes, by their ids; at most `COUNTED`."""
    ids = sorted(set(member_ids))
    unread = (Notification.read_at.is_(None), is_shown())
    if len(ids) > FEW:
        statement = (
            select(Notification.member_id, func.count().label("unread"))
            .where(Notification.member_id.in_(ids), *unread)
            .group_by(Notification.member_id)
        )
        found = {row.member_id: min(row.unread, COUNTED) for row in await transaction.execute(statement)}
        return {member_id: found.get(member_id, 0) for member_id in ids}
    counts = {}
    for member_id in ids:
        listed = select(Notification.id).where(Notification.member_id == member_id, *unread).limit(COUNTED)
        counts[member_id] = len((await transaction.scalars(listed)).all())
    return counts


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """That a member's bell counts anew, and a toast that comes with it, if any."""

    member_id: int
    toast: str = ""


@dataclass(slots=True)
class Bells:
    """The people whose bells a transaction rings, each with the toasts to show; counted once for all of them."""

    transaction: Transaction
    toasts: dict[int, list[str]]
    counts: dict[int, int] | None = None
    rendered: dict[int, str] = field(default_factory=dict)

    async def render(self, member_id: int) -> str:
        """What a person's pages get. Called when all that was committed before is to be seen."""
        if self.counts is None:
            self.counts = await count_unread(self.transaction, self.toasts)
        unread = self.counts[member_id]
        if unread not in self.rendered:
            language = self.transaction.tenant.language
            self.rendered[unread] = render(language, "notifications/bell_push.html", unread=unread)
        return "".join([*self.toasts[member_id], self.rendered[unread]])


async def publish_bells(transaction: Transaction, rings: Sequence[Ring]) -> None:
    """Log an event for each person."""
    toasts: dict[int, list[str]] = defaultdict(list)
    for each in rings:
        toasts[each.member_id].extend([each.toast] if each.toast else [])
    bells = Bells(transaction, dict(toasts))
    for member_id in bells.toasts:
        publish(transaction, f"user.{member_id}", partial(bells.render, member_id))


def push_bells(transaction: Transaction, member_ids: Iterable[int]) -> None:
    """Let the pages of members show how much is unread at the end of this transaction."""
    transaction.gather(publish_bells, *(Ring(member_id) for member_id in member_ids))


def push_readers(transaction: Transaction, announcement_id: int) -> None:
    """Let admins who look at an announcement see who has read it."""
    target = f"announcement-{announcement_id}-refresh"
    publish_partial(transaction, "admins", "live/refresh_push.html", target=target)


async def push_toasts(
    transaction: Transaction,
    shown: Sequence[tuple[Happening, Iterable[int]]],
    kind: Kind,
    by: Member | None,
    *,
    held: bool,
) -> None:
    """Show members what happens to things of one kind as it happens, each to the members of the ids beside it.

    Each toast is rendered once for all who read the same.
    """
    if not shown:
        return
    subject = SUBJECTS[shown[0][0].subject_kind]
    places = await subject.find_places(transaction, [happening.subject_id for happening, _ in shown])
    language = transaction.tenant.language
    excerpts = await read_texts(transaction, *(happening.details.get("excerpt", "") for happening, _ in shown))
    for (happening, member_ids), excerpt in zip(shown, excerpts, strict=True):
        place = places.get(happening.subject_id, Place("", ""))
        toasts: dict[str, str] = {}
        for member_id in member_ids:
            title = place.seen_by(member_id).title
            if title not in toasts:
                values = {**happening.details, "actor": by.name if by else "", "title": title}
                toasts[title] = render(
                    language,
                    "notifications/toast_push.html",
                    happening=happening,
                    kind=kind.name,
                    sentence=word(text_of(kind, happening.details), language, **values),
                    excerpt=excerpt,
                    address=subject.address_at(place, happening.number),
                    icon=kind.icon,
                    held=held,
                )
            transaction.gather(publish_bells, Ring(member_id, toasts[title]))


@bar_part("notifications/_bell.html")
async def bell(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, object]:
    """How much is unread, on every page."""
    return {"unread": (await count_unread(transaction, [member.id]))[member.id]}
