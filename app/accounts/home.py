"""What the home page is made of. Features add to it; the page knows none of them.

`waits` adds what waits for a member to a list of all that does; `home_part` a part of the page of its own; `first_step`
what a new workspace begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import cache
from typing import Any, Literal

from markupsafe import Markup
from msgspec import Struct
from sqlalchemy import ColumnElement, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import SectionContext
from app.database import PreparedSelect, Showing, Tenant, Transaction
from app.web.texts import Text

# Of each kind of thing that waits, so many are shown.
WAITING_SHOWN = 5
# In the element of this id a push says that open home pages are to fetch themselves anew.
HOME_REFRESH = "home-refresh"

HomePlace = Literal["main", "side"]
ListWaiting = Callable[[AnyRequest, Transaction, Member], Coroutine[Any, Any, list["Waits"]]]


class HomeOf(Showing, Struct, frozen=True):
    """That a member's home page is another by now."""

    member_id: int


class Waits(Struct, frozen=True):
    """Something that waits for a member: what it is called, what there is to do (`why`), and since when."""

    icon: str
    title: str | Markup
    address: str
    why: Text | None = None
    at: datetime | None = None


class HomePart(Struct, frozen=True):
    """A part of the page, in its main column or beside it: a partial, and what it shows."""

    place: HomePlace
    order: int
    template: str
    context: SectionContext


class FirstStep(Struct, frozen=True):
    """What a new workspace begins with. `is_done` makes the criterion that tells; `actions` lead to where it is done:
    without any, the page has its own."""

    order: int
    title: Text
    is_done: Callable[[], ColumnElement[bool]]
    actions: tuple[tuple[Text, str], ...]


WAITING: list[tuple[int, ListWaiting]] = []
PARTS: list[HomePart] = []
STEPS: list[FirstStep] = []


def waits(*, order: int) -> Callable[[ListWaiting], ListWaiting]:
    """Add to what waits for a member; the decorated function lists it."""

    def add(list_waiting: ListWaiting) -> ListWaiting:
        WAITING.append((order, list_waiting))
        WAITING.sort(key=lambda each: each[0])
        return list_waiting

    return add


def home_part(template: str, *, place: HomePlace, order: int) -> Callable[[SectionContext], SectionContext]:
    """Add a part to the home page; the decorated function gives the partial's variables."""

    def add(context: SectionContext) -> SectionContext:
        PARTS.append(HomePart(place, order, template, context))
        PARTS.sort(key=lambda each: each.order)
        return context

    return add


def first_step(title: Text, *actions: tuple[Text, str], order: int) -> Callable[[Any], Any]:
    """Add to what a new workspace begins with; the decorated function makes the criterion that it is done."""

    def add(is_done: Callable[[], ColumnElement[bool]]) -> Callable[[], ColumnElement[bool]]:
        STEPS.append(FirstStep(order, title, is_done, actions))
        STEPS.sort(key=lambda each: each.order)
        return is_done

    return add


async def list_all_waiting(request: AnyRequest, transaction: Transaction, member: Member) -> list[Waits]:
    """What waits for a member, of all features."""
    found = await transaction.together(*(list_own(request, transaction, member) for _, list_own in WAITING))
    return [each for own in found for each in own[:WAITING_SHOWN]]


async def list_home_parts(
    request: AnyRequest, transaction: Transaction, member: Member
) -> dict[HomePlace, list[tuple[str, dict[str, Any]]]]:
    """The parts of a member's home page, by place: their partials with variables."""
    found: dict[HomePlace, list[tuple[str, dict[str, Any]]]] = {"main": [], "side": []}
    contexts = await transaction.together(*(part.context(request, transaction, member) for part in PARTS))
    for part, context in zip(PARTS, contexts, strict=True):
        found[part.place].append((part.template, context))
    return found


@cache
def select_steps() -> PreparedSelect[*tuple[Any, ...]]:
    """The select of which steps are done. It is made when all features are known."""
    return PreparedSelect(lambda: select(*[step.is_done() for step in STEPS]).select_from(Tenant))


async def list_steps(transaction: Transaction, member: Member) -> list[tuple[FirstStep, bool]]:
    """What a new workspace begins with, each with whether it is done; nothing when all is. Criteria may ask who looks,
    by the parameter `reader_id`."""
    (done,) = await transaction.rows(select_steps(), reader_id=member.id)
    return [] if all(done) else [(step, bool(is_done)) for step, is_done in zip(STEPS, done, strict=True)]
