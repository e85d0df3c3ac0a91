"""Mails of notifications: what is due for a person goes out as one mail, and only if it is still to be told."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from markupsafe import escape
from sqlalchemy import bindparam, func, literal, or_, select, update

from app.accounts.members import Member
from app.accounts.rights import is_entitled
from app.accounts.time_zones import known_time_zone, write_in_zone
from app.database import PreparedChange, Tenant, Transaction, now
from app.jobs.jobs import ClaimedJob, job, put_job
from app.mail.outbox import Content, Urgency, composer, list_untried, list_waiting_mails, put_mail
from app.mail.rendering import Face, render_mail
from app.notifications.facts import MailsDue
from app.notifications.kinds import NOTIFICATION_KINDS, list_fixed, word, word_plainly
from app.notifications.listing import ListedNotification, describe_items
from app.notifications.models import Activity, Notification, is_permitted
from app.settings import Settings
from app.web.texts import _l, shorten_text

MOST_IN_MAIL = 50
# Bytes of what is said in a mail, twice, and of what was written, as HTML: Gmail cuts what is longer than 102 kB.
MOST_MAILED_BYTES = 14_000
# PostgreSQL takes 32,767 values in a statement.
MOST_AT_ONCE = 10_000
# What lists of mails have room for is less; a sentence that goes on says so.
LONGEST_SUBJECT = 100

TAKE_ALWAYS_TOLD = PreparedChange(
    lambda: (
        update(Notification)
        .where(Notification.member_id.in_(bindparam("ids")), Notification.mail_at.is_not(None))
        .where(Notification.kind.in_(map(literal, list_fixed())))
        .values(mail_at=None)
        .returning(Notification.member_id, Notification.id)
    ),
    many=True,
)


def plan_mails(transaction: Transaction, moments: Iterable[datetime]) -> None:
    """Have mails that are due at these moments sent."""
    if moments := tuple(moments):
        transaction.note(MailsDue(by=transaction.actor, moments=moments))


async def put_mails_job(transaction: Transaction, facts: Sequence[MailsDue]) -> None:
    """Put the workspace's job, or let it be done earlier."""
    tenant_id, at = transaction.tenant.id, min(moment for fact in facts for moment in fact.moments)
    await put_job(transaction, "notification mails", key=str(tenant_id), workspace_id=tenant_id, at=at)


@job("notification mails")
async def bundle_mails(work: ClaimedJob) -> None:
    """Put one mail into the outbox for each person of a workspace for whom something is due.

    One that waits there untried takes more in: after hours without the mail server nobody gets a hundred. What is
    always told goes in mails of its own, at once and in full: nobody can bury it among other things.
    """
    async with work.finishing() as transaction:
        statement = (
            update(Notification)
            .where(Notification.mail_at <= now())
            .values(mail_at=None)
            .returning(Notification.id, Notification.member_id, Notification.kind)
        )
        due: dict[int, list[int]] = defaultdict(list)
        always: dict[int, list[int]] = defaultdict(list)
        # One statement finds and clears them: what falls due meanwhile is the next mail's.
        for row in sorted(await transaction.execute(statement)):
            (always if row.kind in list_fixed() else due)[row.member_id].append(row.id)
        for member_id, ids in always.items():
            put_always_told(transaction, member_id, ids)
        waiting = await list_untried(transaction, "notifications")
        untried = {mail.payload["member"]: mail for mail in waiting if mail.urgency != Urgency.AT_ONCE}
        for member_id, ids in due.items():
            if mail := untried.get(member_id):
                mail.payload = {**mail.payload, "notifications": [*mail.payload["notifications"], *ids]}
            else:
                put_mail(
                    transaction,
                    composer="notifications",
                    urgency=Urgency.WHENEVER,
                    member=member_id,
                    notifications=ids,
                )
        work.again = await transaction.scalar(
            select(func.min(Notification.mail_at)).where(Notification.mail_at.is_not(None))
        )


def put_always_told(transaction: Transaction, member_id: int, ids: Sequence[int], **more: Any) -> None:
    """Put what is always told into the outbox, to be sent at once, and in full."""
    for start in range(0, len(ids), MOST_IN_MAIL):
        put_mail(
            transaction,
            composer="notifications",
            urgency=Urgency.AT_ONCE,
            member=member_id,
            notifications=list(ids[start : start + MOST_IN_MAIL]),
            **more,
        )


async def mail_at_last(transaction: Transaction, addresses: Mapping[int, str]) -> None:
    """Put what is always told into the outbox for members who have no address any more: it goes where they had it."""
    told: dict[int, list[int]] = {member_id: [] for member_id in addresses}
    for member_id, notification_id in (await transaction.apply(TAKE_ALWAYS_TOLD, ids=addresses)).rows:
        told[member_id].append(notification_id)
    for mail in await list_waiting_mails(transaction, "notifications"):
        if mail.payload["member"] in addresses and mail.urgency == Urgency.AT_ONCE:
            mail.payload = {**mail.payload, "receiver": addresses[mail.payload["member"]]}
    for member_id, ids in told.items():
        put_always_told(transaction, member_id, sorted(ids), receiver=addresses[member_id])


@composer("notifications")
async def write_mail(transaction: Transaction, settings: Settings, payload: dict[str, Any]) -> Content | None:
    """A mail with those notifications that are still unread, and of what the person may still see.

    What is always told is told whatever was read, and also to somebody who is suspended.
    """
    member = await transaction.get(Member, payload["member"])
    receiver = member and (member.email or payload.get("receiver"))
    if member is None or not receiver:
        return None
    told_whatever = Notification.kind.in_(list_fixed())
    kept_out = not member.active or transaction.tenant.suspended_at is not None
    statement = (
        select(Notification, Activity, Member.name, Member.id, Member.picture)
        .join(
            Activity,
            (Activity.id == Notification.activity_id) & (Activity.tenant_id == Notification.tenant_id),
        )
        .outerjoin(Member, (Member.id == Activity.actor_id) & (Member.tenant_id == Activity.tenant_id))
        .where(
            Notification.member_id == member.id,
            told_whatever if kept_out else or_(Notification.read_at.is_(None), told_whatever),
            is_permitted(),
        )
        .order_by(Notification.id)
    )
    ids: list[int] = payload["notifications"]
    rows: list[Any] = []
    for start in range(0, len(ids), MOST_AT_ONCE):
        some = Notification.id.in_(ids[start : start + MOST_AT_ONCE])
        rows.extend(await transaction.execute(statement.where(some)))
    items = await describe_items(transaction, [row[:3] for row in rows[-MOST_IN_MAIL:]])
    if not items:
        return None
    described = len(items)
    if not items[0].kind.fixed:
        items = leave_out_oldest(items, transaction.tenant.language)
    count = len(rows[:-MOST_IN_MAIL]) + described
    tenant = transaction.tenant
    language = tenant.language
    plain = [word_plainly(item.text, language, **item.values) for item in items]
    always = items[0].kind.fixed
    kinds = sorted({row[0].kind for row in rows if not NOTIFICATION_KINDS[row[0].kind].fixed})
    headers = {}
    unsubscribe = ""
    if kinds:
        token = make_unsubscribe_token(settings, tenant.id, member.id, kinds)
        unsubscribe = settings.workspace_url(tenant.slug, f"/unsubscribe?token={token}")
        headers = {"List-Unsubscribe": f"<{unsubscribe}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    # Guests get to know of some people alone, and who is kept out of nobody any more.
    pictured = not kept_out and is_entitled(member, "see", "everybody")
    faces = {
        notification.id: Face(actor_id or tenant.id, name or tenant.name, picture if pictured else None)
        for notification, _, name, actor_id, picture in rows[-MOST_IN_MAIL:]
    }
    shown: dict[str, Any] = {
        "member": member,
        "items": [
            {
                "plain": line,
                "html": word(item.text, language, **item.values),
                "excerpt": tell_circumstances(item, member, tenant) if always else item.excerpt,
                "face": faces[item.notification.id],
                "address": settings.workspace_url(tenant.slug, item.address),
            }
            for item, line in zip(items, plain, strict=True)
        ],
        "always": always,
        "older": count - len(items),
        "inbox": settings.workspace_url(tenant.slug, "/notifications"),
        "unsubscribe": unsubscribe,
        "preferences": settings.workspace_url(tenant.slug, "/notifications/preferences"),
    }
    return render_mail(
        settings,
        tenant,
        "notifications/mail",
        receiver=receiver,
        subject=shorten_text(name_mail(items, plain, count, tenant), LONGEST_SUBJECT),
        headers=headers,
        faces=faces.values(),
        **shown,
    )


def name_mail(items: Sequence[ListedNotification], plain: Sequence[str], count: int, tenant: Tenant) -> str:
    """The subject of a mail of `count` notifications: what happened, in short, or how many they are."""
    kind = items[0].kind
    if count == 1:
        short = kind.mail_subject
        return word_plainly(short, tenant.language, **items[0].values, workspace=tenant.name) if short else plain[0]
    if kind.fixed:
        return word_plainly(kind.many, tenant.language, count=count)
    return _l("%(count)d notifications from %(workspace)s", count=count, workspace=tenant.name).translate(
        tenant.language
    )


def tell_circumstances(item: ListedNotification, member: Member, tenant: Tenant) -> str:
    """When something happened to an account, as its owner's clock says; of a sign-in also with what and from where."""
    zone = known_time_zone(member.time_zone)
    _, date, time = write_in_zone(item.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M"), zone, tenant.formats)
    said = (f"{date}, {time} ({zone})", item.values.get("device"), item.values.get("network_address"))
    return " · ".join(part for part in said if part)


def leave_out_oldest(items: list[ListedNotification], language: str) -> list[ListedNotification]:
    """The newest that a mail has room for, one at least. Of what is always told nothing is left out."""
    kept, left = len(items), MOST_MAILED_BYTES
    for item in reversed(items):
        left -= len((word(item.text, language, **item.values) + escape(item.excerpt)).encode())
        if left < 0 and kept < len(items):
            break
        kept -= 1
    return items[kept:]


def sign(settings: Settings, words: str) -> str:
    """What proves that we made a token."""
    key = hashlib.sha256(b"unsubscribe\0" + settings.secret_key.encode()).digest()
    return hmac.new(key, words.encode(), hashlib.sha256).hexdigest()


def make_unsubscribe_token(settings: Settings, tenant_id: int, member_id: int, kinds: Sequence[str]) -> str:
    """The token of a link that ends mails of some kinds to a member; it works without a session, and for ever."""
    words = f"{tenant_id}.{member_id}.{'~'.join(kinds)}"
    return f"{words}.{sign(settings, words)}"


def read_token(settings: Settings, tenant: Tenant, token: str) -> tuple[int, list[str]] | None:
    """The member and the kinds that a token is for; None for one that is not this workspace's, or not ours."""
    words, _, signature = token.rpartition(".")
    if not signature.isascii() or not hmac.compare_digest(sign(settings, words), signature):
        return None
    tenant_id, member_id, kinds = words.split(".")
    if int(tenant_id) != tenant.id:
        return None
    return int(member_id), [kind for kind in kinds.split("~") if kind in NOTIFICATION_KINDS]
