"""Undo: an act that can be taken back offers that, for as long as it can.

What is needed for it is kept with the act, in its transaction (`offer_undo`), and the page that follows shows the
offer: with scripts as a toast, without them as a part of the page. It is taken up at one route for all, by the function
that the act's feature has registered (`undoes`). That asks what the act itself asked: whether the member may, and
whether things still are as the act has left them; if not, it raises TooLate.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from litestar import MediaType, Response, post
from litestar.exceptions import NotFoundException
from litestar.response import Redirect
from msgspec import Struct
from sqlalchemy import JSON, Column, ForeignKeyConstraint, Index, String, bindparam, inspect, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.access import AnyRequest
from app.accounts.ended_forms import find_end, keep_end
from app.accounts.members import Member
from app.database import Base, PreparedSelect, Showing, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.web.errors import PageError
from app.web.redirects import see_other
from app.web.templates import render
from app.web.texts import Text, _l

# How long an act can be taken back. The toast is gone after ten seconds; a page without scripts is read more slowly.
UNDO_OFFER_KEPT_FOR = timedelta(minutes=10)

UndoState = dict[str, Any]
# Takes an act back, and tells where that leads to. Raises TooLate, and what the act itself would.
Undo = Callable[[AnyRequest, Transaction, Member, UndoState], Awaitable[str]]


class UndoOffer(Tenanted, Base):
    """An act that its member can take back, with what is needed for that."""

    __tablename__ = "undo_offer"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
        Index("ix_undo_offer_made", "tenant_id", "made_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(40))
    state: Mapped[UndoState] = mapped_column(JSON)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)

    @property
    def open(self) -> bool:
        """Whether it can still be taken up."""
        return self.taken_at is None and self.made_at >= now() - UNDO_OFFER_KEPT_FOR

    @property
    def said(self) -> Text:
        """What was done."""
        said = UNDO_KINDS[self.kind].said
        return said if isinstance(said, Text) else said(self.state)


FIND_OFFER = PreparedSelect(
    lambda: select(UndoOffer).where(UndoOffer.id == bindparam("id"), UndoOffer.member_id == bindparam("member_id"))
)
LIST_OPEN_OFFERS = PreparedSelect(
    lambda: select(UndoOffer).where(
        UndoOffer.kind.in_(bindparam("kinds")), UndoOffer.taken_at.is_(None), UndoOffer.made_at >= bindparam("oldest")
    )
)


class UndoEnd(Showing, Struct, frozen=True):
    """That an offer can't be taken up any more by the member who has it."""

    member_id: int
    offer_id: int


class UndoKind(Struct, frozen=True):
    """A kind of act that can be taken back: what is said of it, and what takes it back. With `stays`, a page with
    scripts stays as it is then, as it follows by itself."""

    said: Text | Callable[[UndoState], Text]
    undo: Undo
    stays: bool


UNDO_KINDS: dict[str, UndoKind] = {}


class TooLate(PageError):
    """An act can't be taken back any more, as things have changed since."""

    def __init__(self, why: Text) -> None:
        super().__init__(409, why, heading=_l("This can no longer be undone"))


def undoes(kind: str, said: Text | Callable[[UndoState], Text], *, stays: bool = False) -> Callable[[Undo], Undo]:
    """Register the function that takes a kind of act back, and what is said of the act."""

    def add(undo: Undo) -> Undo:
        UNDO_KINDS[kind] = UndoKind(said, undo, stays)
        return undo

    return add


@sweeps(UndoOffer)
async def delete_old_offers(transaction: Transaction, limit: int) -> int:
    """Delete what nobody can take back any more."""
    return await delete_by_keys(transaction, UndoOffer, UndoOffer.made_at < now() - UNDO_OFFER_KEPT_FOR, limit=limit)


async def offer_undo(transaction: Transaction, member: Member, kind: str, **state: Any) -> UndoOffer:
    """Keep what is needed to take back what this transaction does."""
    offer = UndoOffer(member_id=member.id, kind=kind, state=state)
    transaction.add(offer)
    await transaction.flush()
    return offer


async def end_offers(
    transaction: Transaction,
    kinds: Collection[str],
    concerns: Callable[[UndoState], bool] = lambda state: True,
    **about: Any,
) -> None:
    """Let nobody take back acts of some kinds on a thing, which `about` names as their states do, and those that it
    `concerns`: it has changed since, and whoever changed it meant that, also where it looks as it did before."""
    for offer in await transaction.column(LIST_OPEN_OFFERS, kinds=kinds, oldest=now() - UNDO_OFFER_KEPT_FOR):
        if about.items() <= offer.state.items() and concerns(offer.state):
            end_offer(transaction, offer)


def end_offer(transaction: Transaction, offer: UndoOffer) -> None:
    """Let nobody take an act back any more; where that is offered, it is no more."""
    offer.taken_at, offer.state = now(), {}
    transaction.show(UndoEnd(offer.member_id, offer.id))


def lead_to(address: str, offer: UndoOffer | None) -> Redirect:
    """Lead to a page that offers it; where there is nothing to take back, to the page alone."""
    if offer is None:
        return see_other(address)
    return see_other(f"{address}{'&' if '?' in address else '?'}undo={offer.id}")


def show_offer(transaction: Transaction, offer: UndoOffer) -> Response[str]:
    """The offer alone, as the answer to a page's own call."""
    html = render(transaction.tenant.language, "accounts/undo.html", undo=offer)
    return Response(html, status_code=200, media_type=MediaType.HTML)


async def find_offer(transaction: Transaction, member: Member, offer_id: int) -> UndoOffer | None:
    """What a member was offered, also when it is too late for it."""
    if not offer_id:
        return None
    found = await transaction.find(FIND_OFFER, id=offer_id, member_id=member.id)
    return found and found[0]


@post("/undo/{undo_id:int}")
async def take_back(request: AnyRequest, transaction: Transaction, member: Member, undo_id: int) -> Response[Any]:
    """Take an act back, once."""
    offer = await find_offer(transaction, member, undo_id)
    if offer is None:
        raise NotFoundException
    if done := await find_end(request, transaction, member):
        return answer_undone(request, offer, done)
    if not offer.open:
        raise TooLate(_l("It was already undone, has changed since, or was done more than 10 minutes ago."))
    address = await UNDO_KINDS[offer.kind].undo(request, transaction, member, offer.state)
    offer.taken_at, offer.state = now(), {}
    return answer_undone(request, offer, await keep_end(request, transaction, member, see_other(address)))


def answer_undone(request: AnyRequest, offer: UndoOffer, led: Redirect) -> Response[Any]:
    """Lead to where an undo leads; a page with scripts stays where it is, if it follows by itself."""
    if UNDO_KINDS[offer.kind].stays and "hx-request" in request.headers:
        return Response(None, status_code=204, headers={"HX-Push-Url": "false", "X-Undone": led.url})
    return led


@cache
def select_rows(model: Any, names: tuple[str, ...]) -> PreparedSelect[Any]:
    """The select of rows by the values of some columns."""
    return PreparedSelect(lambda: select(model).where(*(getattr(model, name) == bindparam(name) for name in names)))


async def keep_rows(transaction: Transaction, model: type[Tenanted], **values: Any) -> list[UndoState]:
    """The rows that have some values, as a state keeps them."""
    rows: PreparedSelect[Any] = select_rows(cast(Any, model), tuple(values))
    return [keep_row(row) for row in await transaction.column(rows, **values)]


def keep_row(row: Tenanted) -> UndoState:
    """A row as a state keeps it."""
    values = {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}
    del values["tenant_id"]
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def put_back(transaction: Transaction, model: type[Tenanted], rows: list[UndoState], **changed: Any) -> list[Any]:
    """Put such rows back, with what is `changed` of each: to be flushed.

    Raises TooLate for rows that another version of the program has kept, whose table had other columns.
    """
    columns = {each.key: each.columns[0] for each in inspect(model).column_attrs if each.key != "tenant_id"}
    needed = {name for name, column in columns.items() if is_needed(column)}
    if not all(needed <= row.keys() | changed.keys() <= columns.keys() for row in rows):
        raise TooLate(_l("The program has been updated since."))
    moments = {name for name, column in columns.items() if isinstance(column.type, UtcDateTime)}

    def read(name: str, value: Any) -> Any:
        return datetime.fromisoformat(value) if value and name in moments else value

    made = [model(**{**{name: read(name, value) for name, value in row.items()}, **changed}) for row in rows]
    transaction.add_all(made)
    return made


def is_needed(column: Column[Any]) -> bool:
    """Whether there is no row without a value for a column, which nothing fills in by itself."""
    filled_in = column.default or column.server_default or column is column.table.autoincrement_column
    return not column.nullable and not filled_in
