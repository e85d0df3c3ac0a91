"""Deliveries: what was sent to webhooks, and what was answered. They are kept as long as facts are."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.database import Base, Tenanted, Transaction
from app.jobs.sweeps import sweeps_with_settings
from app.live.channels import list_allowed
from app.tenants.deliveries import Delivered, Deliveries
from app.web.errors import Gone
from app.web.paging import Paged
from app.web.texts import _l


class WebhookDelivery(Delivered, Tenanted, Base):
    """One time that something was sent to a webhook: `cursor` and `channel` of its fact, none of a test."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "webhook_id"], ["webhook.tenant_id", "webhook.id"], ondelete="CASCADE"),
        Index("ix_webhook_delivery_webhook_id", "tenant_id", "webhook_id", "id"),
    )

    webhook_id: Mapped[int]
    cursor: Mapped[int | None] = mapped_column(BigInteger)
    channel: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(40))
    message_id: Mapped[str] = mapped_column(String(60))

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent again: a test is sent anew."""
        return self.cursor is not None


WEBHOOK_DELIVERIES = Deliveries(WebhookDelivery, WebhookDelivery.webhook_id)
sweeps_with_settings(WebhookDelivery)(WEBHOOK_DELIVERIES.delete_old)


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
    found = await WEBHOOK_DELIVERIES.get(transaction, webhook_id, delivery_id)
    if found.cursor is None:
        raise Gone(_l("This delivery is no longer available."))
    return found.cursor
