"""Deliveries: what was sent to webhooks, and what was answered. They are kept as long as facts are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String, Text, bindparam, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps_with_settings
from app.live.channels import list_allowed
from app.settings import Settings
from app.web.errors import Gone
from app.web.paging import Paged, place_of_page
from app.web.texts import _l

DELIVERIES_A_PAGE = 20


class WebhookDelivery(Tenanted, Base):
    """One time that something was sent: `cursor` and `channel` of its fact, none of a test; the `body` and what came
    back, or in `error` why nothing did."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhook.tenant_id", "webhook.id"], ondelete="CASCADE"),
        Index("ix_webhook_delivery_webhook_id", "tenant_id", "webhook_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    webhook_id: Mapped[int]
    cursor: Mapped[int | None] = mapped_column(BigInteger)
    channel: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(40))
    message_id: Mapped[str] = mapped_column(String(60))
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    milliseconds: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None]
    answer: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(String(200), default="")

    @property
    def taken(self) -> bool:
        """Whether the receiver has said that it has it."""
        return self.status is not None and 200 <= self.status < 300


COUNT_DELIVERIES = PreparedSelect(
    lambda: select(func.count(WebhookDelivery.id)).where(WebhookDelivery.webhook_id == bindparam("webhook_id"))
)
LIST_DELIVERIES = PreparedSelect(
    lambda: (
        select(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == bindparam("webhook_id"))
        .order_by(WebhookDelivery.id.desc())
        .limit(bindparam("most"))
        .offset(bindparam("skipped"))
    )
)
FIND_DELIVERY = PreparedSelect(
    lambda: select(WebhookDelivery).where(
        WebhookDelivery.id == bindparam("id"), WebhookDelivery.webhook_id == bindparam("webhook_id")
    )
)


async def page_deliveries(transaction: Transaction, webhook_id: int, page: str) -> Paged[WebhookDelivery]:
    """What was sent to a webhook, the newest first."""
    count = await transaction.value(COUNT_DELIVERIES, webhook_id=webhook_id) or 0
    number = place_of_page(page, count, DELIVERIES_A_PAGE)
    skipped = (number - 1) * DELIVERIES_A_PAGE
    found = await transaction.column(LIST_DELIVERIES, webhook_id=webhook_id, most=DELIVERIES_A_PAGE, skipped=skipped)
    return Paged(found, count, number, size=DELIVERIES_A_PAGE)


async def list_readable_deliveries(
    transaction: Transaction, member: Member, deliveries: Paged[WebhookDelivery]
) -> set[int]:
    """The ids of the deliveries of which a member may read what was sent: another's webhook may get what they may
    not."""
    channels = {each.channel for each in deliveries.items if each.channel}
    allowed = await list_allowed(transaction, member, sorted(channels))
    return {each.id for each in deliveries.items if not each.channel or each.channel in allowed}


async def get_delivered_cursor(transaction: Transaction, webhook_id: int, delivery_id: int) -> int:
    """The cursor of the fact that was sent. Raises Gone."""
    found = await transaction.value(FIND_DELIVERY, id=delivery_id, webhook_id=webhook_id)
    if found is None or found.cursor is None:
        raise Gone(_l("This delivery is no longer available."))
    return found.cursor


@sweeps_with_settings(WebhookDelivery)
async def delete_old_deliveries(transaction: Transaction, limit: int, settings: Settings) -> int:
    """Delete what was sent long ago."""
    return await delete_by_keys(
        transaction, WebhookDelivery, WebhookDelivery.sent_at < now() - settings.facts_kept_for, limit=limit
    )
