"""What notifications push: to `user.{id}` of each person alone, the bell and, as it arrives, a toast."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache

from msgspec import Struct
from sqlalchemy import ScalarSelect, bindparam, func, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.accounts.shell import bar_part
from app.database import Partial, PreparedSelect, Showing, Tenant, Transaction
from app.live.log import publish_partial, refresh
from app.notifications.facts import AnnouncementEnded, AnnouncementMade, AnnouncementWithdrawn
from app.notifications.following import FollowOf
from app.notifications.kinds import SUBJECTS, NotificationKind, SubjectPlace, say_actor, text_of, word
from app.notifications.models import Activity, Notification, is_in_inbox
from app.web.templates import render

# Up to so many are counted; '99+' is shown.
MOST_COUNTED = 1000


async def count_unread_notifications(transaction: Transaction, member_ids: Collection[int]) -> dict[int, int]:
    """How many unread notifications members have in their inboxes, by their ids; at most `MOST_COUNTED`."""
    return dict(await transaction.rows(select_unread(), ids=member_ids))


@cache
def select_unread() -> PreparedSelect[int, int]:
    """The select of how much is unread. It is made when all kinds of things are known."""
    return PreparedSelect(lambda: select(Member.id, count_unread()).where(Member.id.in_(bindparam("ids"))))


@cache
def select_bells() -> PreparedSelect[int, int, int | None]:
    """The select of how much is unread, with a row for each of some activities that are in the inbox."""
    seen = (Notification.tenant_id == Member.tenant_id) & (Notification.member_id == Member.id)
    found = (
        select(Member.id, count_unread(), Notification.activity_id)
        .outerjoin(Notification, seen & Notification.activity_id.in_(bindparam("activities")) & is_in_inbox())
        .where(Member.id.in_(bindparam("ids")))
    )
    return PreparedSelect(lambda: found)


def count_unread() -> ScalarSelect[int]:
    """How many unread notifications the member of a select has in the inbox."""
    unread = (
        select(Notification.id)
        .where(Notification.member_id == Member.id, Notification.tenant_id == Member.tenant_id)
        .where(Notification.read_at.is_(None), is_in_inbox())
        .limit(MOST_COUNTED)
        .correlate(Member)
        .subquery()
    )
    return select(func.count()).select_from(unread).scalar_subquery()


LIST_WHO_HAS_UNREAD = PreparedSelect(
    lambda: select(Notification.member_id).where(
        Notification.subject_kind == bindparam("kind"),
        Notification.subject_id.in_(bindparam("ids")),
        Notification.read_at.is_(None),
    )
)
LIST_ABOUT = PreparedSelect(
    lambda: select(Activity.id).where(
        Activity.subject_kind == bindparam("kind"), Activity.subject_id.in_(bindparam("ids"))
    )
)
# Of so many toasts of a kind at once each is shown.
MOST_TOASTS = 3
# Of what is told no more, the toasts of so many are taken away: of others none is left on any page.
MOST_GONE = 100


class Toast(Struct, frozen=True, eq=False):
    """What a toast says: what `actor` has done, to a thing that the reader knows by `title`; to be acknowledged if it
    is `held`."""

    activity: Activity
    kind: NotificationKind
    actor: str
    title: str
    excerpt: str
    address: str
    held: bool

    def render(self, tenant: Tenant, others: int) -> str:
        """As it is pushed, with how many others it stands for."""
        values = {**self.activity.details, "actor": self.actor, "title": self.title}
        return render(
            tenant.language,
            "notifications/toast_push.html",
            activity=self.activity,
            kind=self.kind.name,
            sentence=word(text_of(self.kind, self.activity.details), tenant.language, **values),
            excerpt=self.excerpt,
            others=others,
            address=self.address,
            icon=self.kind.icon,
            held=self.held,
        )


class Bell(Showing, Struct, frozen=True, eq=False):
    """That a member's bell counts anew, and a toast that comes with it, if any: who does not get to see that gets
    neither. Toasts of the activities `gone` are taken away: they are told no more."""

    member_id: int
    toast: Toast | None = None
    gone: tuple[int, ...] = ()


class Bells(Struct, frozen=True):
    """The toasts of the people whose bells count anew, how much is unread of each, and what is told no more."""

    toasts: dict[int, list[Toast]]
    counts: dict[int, int]
    gone: dict[int, tuple[int, ...]]


async def read_bells(transaction: Transaction, bells: Sequence[Bell]) -> Bells:
    """Count what is unread, once for all of them. The workspace's writers come one after another: the bell that has the
    highest cursor has the count that holds."""
    members = {bell.member_id for bell in bells}
    activities = {bell.toast.activity.id for bell in bells if bell.toast}
    gone = {bell.member_id: bell.gone for bell in bells if bell.gone}
    if not activities:
        counts = await count_unread_notifications(transaction, members)
        return Bells({bell.member_id: [] for bell in bells}, counts, gone)
    counts, seen = {}, set()
    for member_id, unread, activity_id in await transaction.rows(select_bells(), ids=members, activities=activities):
        counts[member_id] = unread
        seen.add((member_id, activity_id))
    toasts: dict[int, list[Toast]] = {}
    for bell in bells:
        if bell.toast is None or (bell.member_id, bell.toast.activity.id) in seen:
            toasts.setdefault(bell.member_id, []).extend([bell.toast] if bell.toast else [])
    return Bells(toasts, counts, gone)


def show_bells(tenant: Tenant, bells: Bells) -> Iterator[Partial]:
    """To each person their toasts and how much is unread; all that is the same is rendered once."""
    toasts: dict[tuple[int, int], str] = {}
    counts: dict[tuple[int, tuple[int, ...]], str] = {}
    for member_id, own in bells.toasts.items():
        unread, gone = bells.counts[member_id], bells.gone.get(member_id, ())
        texts = []
        for toast, others in gather_toasts(own):
            if (id(toast), others) not in toasts:
                toasts[id(toast), others] = toast.render(tenant, others)
            texts.append(toasts[id(toast), others])
        if (unread, gone) not in counts:
            counts[unread, gone] = render(tenant.language, "notifications/bell_push.html", unread=unread, gone=gone)
        yield Partial(f"user.{member_id}", "".join([*texts, counts[unread, gone]]))


def gather_toasts(toasts: Sequence[Toast]) -> list[tuple[Toast, int]]:
    """Toasts, each with how many others it stands for: of many of a kind that somebody does at once the first is shown,
    and the inbox has all."""
    alike: dict[tuple[str, str], list[Toast]] = {}
    for toast in toasts:
        alike.setdefault((toast.kind.name, toast.actor), []).append(toast)
    gathered: list[tuple[Toast, int]] = []
    for group in alike.values():
        gathered += [(group[0], len(group) - 1)] if len(group) > MOST_TOASTS else [(toast, 0) for toast in group]
    return gathered


def push_bells(transaction: Transaction, member_ids: Iterable[int], *, gone: Collection[int] = ()) -> None:
    """Let the pages of members show how much is unread at the end of this transaction, and no toast of the activities
    `gone` any more."""
    newest = tuple(sorted(gone)[-MOST_GONE:])
    transaction.show(*(Bell(member_id, gone=newest) for member_id in member_ids))


async def push_bells_of(transaction: Transaction, kind: str, ids: Collection[int], *, gone: bool = False) -> None:
    """Likewise the pages of those who have not read something that they were told of some things. They are told nothing
    of them any more, if that is `gone`."""
    activities = await transaction.column(LIST_ABOUT, kind=kind, ids=ids) if gone else ()
    push_bells(transaction, set(await transaction.column(LIST_WHO_HAS_UNREAD, kind=kind, ids=ids)), gone=activities)


def push_readers(transaction: Transaction, announcement_id: int) -> None:
    """Let admins who look at an announcement see who has read it."""
    target = f"announcement-{announcement_id}-refresh"
    publish_partial(transaction, "admins", "live/refresh_push.html", target=target)


def show_announced(
    tenant: Tenant, facts: Sequence[AnnouncementMade | AnnouncementWithdrawn | AnnouncementEnded]
) -> Iterator[Partial]:
    """Let admins see what was announced; who looks at an announcement that is told no more sees that it is not."""
    yield refresh(tenant, "admins", "announcements-refresh")
    for fact in facts:
        if not isinstance(fact, AnnouncementMade):
            yield refresh(tenant, "tenant", f"announcement-{fact.announcement_id}-refresh", fact=fact)


class ShownActivity(Struct, frozen=True):
    """An activity as one member is shown it: as what, and who has done it."""

    activity: Activity
    kind: NotificationKind
    by: Member | None
    member_id: int
    held: bool


async def push_toasts(transaction: Transaction, shown: Sequence[ShownActivity]) -> None:
    """Show members what happens to things of one kind as it happens, if they have it in their inbox then.

    Each toast is rendered once for all who read the same.
    """
    if not shown:
        return
    activities = list(dict.fromkeys(each.activity for each in shown))
    subject = SUBJECTS[activities[0].subject_kind]
    texts = [activity.details.get("excerpt", "") for activity in activities]
    places = await subject.find_places(transaction, [activity.subject_id for activity in activities])
    excerpts = dict(zip(activities, await read_texts(transaction, *texts) if any(texts) else texts, strict=True))
    toasts: dict[tuple[Activity, str, str], Toast] = {}
    for each in shown:
        activity, place = each.activity, places.get(each.activity.subject_id, SubjectPlace("", ""))
        title = place.seen_by(each.member_id).title if place.people else place.title
        key = activity, each.kind.name, title
        if key not in toasts:
            name, language = each.by.name if each.by else None, transaction.tenant.language
            actor = say_actor(name, activity.details, language)
            address = subject.address_at(each.kind, place, activity.number)
            toasts[key] = Toast(activity, each.kind, actor, title, excerpts[activity], address, each.held)
        transaction.show(Bell(each.member_id, toasts[key]))


@bar_part("notifications/_bell.html")
async def bell(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, object]:
    """How much is unread, on every page."""
    return {"unread": (await count_unread_notifications(transaction, [member.id]))[member.id]}


def show_followed(tenant: Tenant, showings: Sequence[FollowOf]) -> Iterator[Partial]:
    """A member's open pages of what they follow, or do not any more, fetch themselves anew."""
    for each in dict.fromkeys(showings):
        target = f"follow-{each.subject_kind}-{each.subject_id}-refresh"
        yield refresh(tenant, f"user.{each.member_id}", target, names=True)
