"""Webhooks: where what happens is sent to, and with whose rights; and what each has still to send."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKeyConstraint,
    LargeBinary,
    String,
    UniqueConstraint,
    bindparam,
    func,
    select,
    true,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.rights import may, require
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.live.needed import keeps_facts
from app.settings import Settings
from app.tenants.turns_to_send import SendingTurn
from app.web.errors import Gone
from app.web.forms import Invalid
from app.web.outgoing_addresses import LONGEST_ADDRESS, check_outgoing_address, read_outgoing_address
from app.web.texts import _l
from app.webhooks.facts import WebhookMade
from app.webhooks.signing import WEBHOOK_SEED_LENGTH, make_webhook_seed, webhook_secret_of

MOST_WEBHOOKS = 20
MOST_WEBHOOK_KINDS = 50
# How long the secret before signs, too, when there is another one.
ROTATING_FOR = timedelta(days=1)
# What facts are about, as their kinds begin.
WEBHOOK_FAMILIES = {
    "record": _l("Records"),
    "records": _l("Bulk changes to records"),
    "collection": _l("Collections"),
    "fields": _l("Fields of collections"),
    "lock": _l("Editing"),
    "message": _l("Messages"),
    "room": _l("Rooms"),
    "discussion": _l("Discussions"),
    "member": _l("People"),
    "invitation": _l("Invitations"),
    "announcement": _l("Announcements"),
    "setting": _l("Settings"),
    "logo": _l("Logo"),
    "app": _l("Apps"),
    "incoming": _l("Incoming webhooks"),
    "webhook": _l("Webhooks"),
}
# All kinds of facts, as the features that are installed have them (`features.py`).
WEBHOOK_EVENTS: set[str] = set()
KIND_PATTERN = re.compile(r"([a-z]+)\.(?:\*|[a-z]+(?:-[a-z]+)*)")


class Webhook(Tenanted, Base):
    """An address that gets facts of some `kinds` (`record.changed`, `record.*`; none: of all), with the rights of the
    member who made it; from some collections and rooms, where these are given."""

    __tablename__ = "webhook"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(index=True)
    address: Mapped[str] = mapped_column(String(LONGEST_ADDRESS))
    kinds: Mapped[list[str]] = mapped_column(JSON)
    collections: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    rooms: Mapped[list[int] | None] = mapped_column(JSON(none_as_null=True))
    seed: Mapped[bytes] = mapped_column(LargeBinary(WEBHOOK_SEED_LENGTH))
    old_seed: Mapped[bytes | None] = mapped_column(LargeBinary(WEBHOOK_SEED_LENGTH))
    rotated_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_why: Mapped[str] = mapped_column(String(200), default="")

    @property
    def host(self) -> str:
        """The host of its address."""
        return read_outgoing_address(self.address).host

    def secrets(self, secret_key: str) -> list[str]:
        """What it signs with, the newest first."""
        seeds = [self.seed]
        if self.old_seed is not None and self.rotated_at is not None and self.rotated_at > now() - ROTATING_FOR:
            seeds.append(self.old_seed)
        return [webhook_secret_of(secret_key, seed) for seed in seeds]


class WebhookTurn(SendingTurn, Base):
    """What a webhook has to send, which one worker does at a time: `what` is `log` for what comes after its `cursor` in
    the log, or `again` for the fact at that cursor, or `test`.

    Of the log's, `active` is off while the webhook is disabled, and the facts after its cursor need not be kept.
    """

    __tablename__ = "webhook_turn"
    __table_args__ = (
        ForeignKeyConstraint(["workspace_id", "webhook_id"], ["webhook.tenant_id", "webhook.id"], ondelete="CASCADE"),
    )

    webhook_id: Mapped[int] = mapped_column(index=True)
    cursor: Mapped[int] = mapped_column(BigInteger)
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
    failing_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failing_cursor: Mapped[int | None] = mapped_column(BigInteger)


LIST_WEBHOOKS = PreparedSelect(
    lambda: (
        select(Webhook, WebhookTurn, Member)
        .join(Member, (Member.id == Webhook.member_id) & (Member.tenant_id == Webhook.tenant_id))
        .join(WebhookTurn, (WebhookTurn.webhook_id == Webhook.id) & (WebhookTurn.what == "log"))
        .order_by(Webhook.id.desc())
    )
)
FIND_WEBHOOK = PreparedSelect(
    lambda: (
        select(Webhook, WebhookTurn, Member)
        .join(Member, (Member.id == Webhook.member_id) & (Member.tenant_id == Webhook.tenant_id))
        .join(WebhookTurn, (WebhookTurn.webhook_id == Webhook.id) & (WebhookTurn.what == "log"))
        .where(Webhook.id == bindparam("id"))
    )
)
FIND_LEAST_CURSOR = PreparedSelect(
    lambda: select(func.min(WebhookTurn.cursor)).where(
        WebhookTurn.workspace_id == bindparam("workspace_id"), WebhookTurn.what == "log", WebhookTurn.active
    )
)


@keeps_facts
async def find_least_cursor(transaction: Transaction) -> int | None:
    """The cursor behind which there is something that an enabled webhook has still to send; None without any."""
    return await transaction.value(FIND_LEAST_CURSOR, workspace_id=transaction.tenant.id)


class WantedWebhook(Struct, frozen=True):
    """What is said of a webhook before it is made."""

    address: str
    kinds: Sequence[str] = ()
    collections: Sequence[int] | None = None
    rooms: Sequence[int] | None = None


async def make_webhook(
    transaction: Transaction, settings: Settings, member: Member, wanted: WantedWebhook
) -> tuple[Webhook, str]:
    """Make a webhook with a member's rights, and say its secret, this once: it sends what happens from now on.

    Raises Invalid, and a 403 page for who may not have one.
    """
    require(member, "manage", "webhooks")
    check_outgoing_address(settings, wanted.address)
    if len(wanted.kinds) > MOST_WEBHOOK_KINDS:
        raise Invalid(kinds=_l("At most %(limit)d.", limit=MOST_WEBHOOK_KINDS))
    for kind in wanted.kinds:
        found = KIND_PATTERN.fullmatch(kind)
        if found is None or found[1] not in WEBHOOK_FAMILIES:
            raise Invalid(kinds=_l("“%(kind)s” is not an event type.", kind=kind[:40]))
        known = sorted(each for each in WEBHOOK_EVENTS if each.startswith(f"{found[1]}."))
        if known and not kind.endswith(".*") and kind not in known:
            about = {"kind": kind[:40], "known": ", ".join(known)}
            raise Invalid(kinds=_l("“%(kind)s” is not an event type. Choose from: %(known)s.", **about))
    if len(await transaction.rows(LIST_WEBHOOKS)) >= MOST_WEBHOOKS:
        text = _l("At most %(limit)d webhooks. Delete one you no longer need.", limit=MOST_WEBHOOKS)
        raise Invalid(address=text)
    webhook = Webhook(
        member_id=member.id,
        address=wanted.address,
        kinds=sorted(set(wanted.kinds)),
        collections=None if wanted.collections is None else sorted(wanted.collections),
        rooms=None if wanted.rooms is None else sorted(wanted.rooms),
        seed=make_webhook_seed(),
    )
    await transaction.insert(webhook)
    transaction.note(WebhookMade(by=transaction.actor, webhook_id=webhook.id, host=webhook.host, member_id=member.id))
    turn = {"workspace_id": transaction.tenant.id, "webhook_id": webhook.id, "what": "log"}
    await transaction.insert(WebhookTurn(**turn, cursor=transaction.cursor))  # behind its own making
    transaction.due = True
    return webhook, webhook_secret_of(settings.secret_key, webhook.seed)


async def list_webhooks(transaction: Transaction) -> list[tuple[Webhook, WebhookTurn, Member]]:
    """The webhooks of the workspace, each with what it has to send and with its maker, the newest first."""
    return list(await transaction.rows(LIST_WEBHOOKS))


async def get_webhook(transaction: Transaction, webhook_id: int) -> tuple[Webhook, WebhookTurn, Member]:
    """A webhook of the workspace, likewise. Raises Gone."""
    found = await transaction.find(FIND_WEBHOOK, id=webhook_id)
    if found is None:
        raise Gone(_l("This webhook has already been deleted."))
    return found


def has_rights(maker: Member) -> bool:
    """Whether whoever has made a webhook may still have one."""
    return maker.active and may(maker, "manage", "webhooks")
