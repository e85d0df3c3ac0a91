"""What was sent to servers of others by webhooks, and what was answered: what all kinds of webhooks keep of that."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

from msgspec import Struct
from sqlalchemy import String, Text, bindparam, func, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, mapped_column

from app.database import PreparedSelect, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys
from app.settings import Settings
from app.web.errors import Gone
from app.web.forms import number_of
from app.web.outgoing import Outgoing
from app.web.outgoing_addresses import NotSent
from app.web.paging import Paged, place_of_page
from app.web.texts import _l

DELIVERIES_A_PAGE = 20


# What a receiver asks for is waited for by these answers alone.
LATER = (429, 503)


class CameBack(Struct, frozen=True):
    """What came of something that was sent: the answer, or why there is none; `retry_after` in seconds, if it says
    that."""

    milliseconds: int = 0
    status: int | None = None
    answer: str = ""
    error: str = ""
    retry_after: int = 0

    @property
    def taken(self) -> bool:
        """Whether the receiver has said that it has it."""
        return is_taken(self.status)

    @property
    def why(self) -> str:
        """Why it was not taken, in one line."""
        return self.error or f"the receiver answers {self.status}"

    @property
    def kept(self) -> dict[str, Any]:
        """What is kept of it, by the columns of a delivery."""
        names = ("milliseconds", "status", "answer", "error")
        return {name: getattr(self, name) for name in names}


def is_taken(status: int | None) -> bool:
    """Whether an answer says that the receiver has what was sent."""
    return status is not None and 200 <= status < 300


async def send_to(outgoing: Outgoing, address: str, headers: Mapping[str, str], body: bytes) -> CameBack:
    """Send something now; what came of it."""
    began = time.perf_counter()
    try:
        said = await outgoing.post(address, headers, body)
    except NotSent as error:
        return CameBack(round((time.perf_counter() - began) * 1000), error=str(error)[:200])
    took = round((time.perf_counter() - began) * 1000)
    later = number_of(said.headers.get("retry-after", "")) if said.status in LATER else 0
    text = said.body.decode(errors="replace").replace("\0", "�")
    return CameBack(took, status=said.status, answer=text, retry_after=later)


class Delivered:
    """One time that something was sent: the `body` and what came back, or in `error` why nothing did."""

    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, index=True)
    milliseconds: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None]
    answer: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str] = mapped_column(String(200), default="")

    @property
    def taken(self) -> bool:
        """Whether the receiver has said that it has it."""
        return is_taken(self.status)


AnyDelivery = TypeVar("AnyDelivery", bound=Delivered)


class Deliveries(Generic[AnyDelivery]):
    """The deliveries of a kind of webhook, which a page shows: `whose` is the column that says of which one each is."""

    def __init__(self, model: type[AnyDelivery], whose: InstrumentedAttribute[int]) -> None:
        table: Any = model
        self.model = table
        self.count = PreparedSelect(lambda: select(func.count(table.id)).where(whose == bindparam("whose")))
        self.list: PreparedSelect[AnyDelivery] = PreparedSelect(
            lambda: (
                select(table)
                .where(whose == bindparam("whose"))
                .order_by(table.id.desc())
                .limit(bindparam("most"))
                .offset(bindparam("skipped"))
            )
        )
        self.find: PreparedSelect[AnyDelivery] = PreparedSelect(
            lambda: select(table).where(table.id == bindparam("id"), whose == bindparam("whose"))
        )

    async def read_page(self, transaction: Transaction, whose: int, page: str) -> Paged[AnyDelivery]:
        """What was sent, the newest first."""
        count = await transaction.value(self.count, whose=whose) or 0
        number = place_of_page(page, count, DELIVERIES_A_PAGE)
        skipped = (number - 1) * DELIVERIES_A_PAGE
        found = await transaction.column(self.list, whose=whose, most=DELIVERIES_A_PAGE, skipped=skipped)
        return Paged(found, count, number, size=DELIVERIES_A_PAGE)

    async def delete_old(self, transaction: Transaction, limit: int, settings: Settings) -> int:
        """Delete what was sent before the facts that are kept; how many it was."""
        old = self.model.sent_at < now() - settings.facts_kept_for
        return await delete_by_keys(transaction, self.model, old, limit=limit)

    async def get(self, transaction: Transaction, whose: int, delivery_id: int) -> AnyDelivery:
        """One of them. Raises Gone."""
        found = await transaction.value(self.find, id=delivery_id, whose=whose)
        if found is None:
            raise Gone(_l("This delivery is no longer available."))
        return found
