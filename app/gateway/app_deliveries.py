"""Deliveries to apps' servers: the packets that were sent, and what was answered. Of each app the newest are kept."""

from __future__ import annotations

import json
from typing import ClassVar

from sqlalchemy import ForeignKeyConstraint, Index, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.database import Base, PreparedChange, Tenanted, Transaction
from app.jobs.sweeps import sweeps_with_settings
from app.tenants.deliveries import CameBack, Delivered, Deliveries

# Of one app; packets may have 128 KiB each.
MOST_APP_DELIVERIES = 100
LONGEST_KINDS = 120


class AppDelivery(Delivered, Tenanted, Base):
    """One time that a packet was sent to an app's server; `kind` are the names of the events in it."""

    __tablename__ = "gateway_app_delivery"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "app_id"], ["gateway_app.tenant_id", "gateway_app.id"], ondelete="CASCADE"),
        Index("ix_gateway_app_delivery_app_id", "tenant_id", "app_id", "id"),
    )

    app_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(LONGEST_KINDS))
    cursor: ClassVar[None] = None  # what is told is in no log
    message_id: ClassVar[str] = ""

    @property
    def repeatable(self) -> bool:
        """Whether it can be sent again: any can."""
        return True


APP_DELIVERIES = Deliveries(AppDelivery, AppDelivery.app_id)
sweeps_with_settings(AppDelivery)(APP_DELIVERIES.delete_old)
NEWER = aliased(AppDelivery)
DROP_OLDER = PreparedChange(
    lambda: delete(AppDelivery).where(
        AppDelivery.app_id == bindparam("app_id"),
        AppDelivery.id
        <= (
            select(NEWER.id)
            .where(NEWER.app_id == bindparam("app_id"))
            .order_by(NEWER.id.desc())
            .offset(bindparam("spared"))
            .limit(1)
            .scalar_subquery()
        ),
    )
)


async def keep_app_delivery(transaction: Transaction, app_id: int, body: str, came: CameBack) -> None:
    """Keep a packet that was sent to an app's server, and of the older ones so many."""
    kinds = ", ".join(dict.fromkeys(event["name"] for event in json.loads(body)["events"]))
    await transaction.insert(AppDelivery(app_id=app_id, kind=kinds[:LONGEST_KINDS], body=body, **came.kept))
    await transaction.apply(DROP_OLDER, app_id=app_id, spared=MOST_APP_DELIVERIES)
