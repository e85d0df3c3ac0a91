"""The frame around every page of a workspace: top bar, sidebar, main column.

Features add their part of the sidebar with `sidebar_section`; the frame knows none of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import cache, partial
from inspect import iscoroutine
from typing import Any

from litestar import MediaType, Response
from msgspec import Struct
from sqlalchemy import Select, bindparam, select

from app.accounts.access import AnyRequest, host_of, local_path
from app.accounts.acquaintance import is_acquainted
from app.accounts.members import Member
from app.accounts.rights import is_entitled, may
from app.accounts.tabs import tabs_of
from app.accounts.time_zones import show_in_zone
from app.accounts.undo import UndoOffer, find_offer
from app.database import PreparedSelect, Transaction
from app.database.steps import give_way
from app.web.forms import number_of
from app.web.templates import render
from app.web.texts import Text

SectionContext = Callable[[AnyRequest, Transaction, Member], Coroutine[Any, Any, dict[str, Any]]]


class Section(Struct, frozen=True):
    """A part of the sidebar: a partial, and what it shows."""

    order: int
    template: str
    context: SectionContext


SECTIONS: list[Section] = []


def sidebar_section(template: str, *, order: int) -> Callable[[SectionContext], SectionContext]:
    """Add a part to the sidebar; the decorated function gives the partial's variables."""

    def add(context: SectionContext) -> SectionContext:
        SECTIONS.append(Section(order, template, context))
        SECTIONS.sort(key=lambda section: section.order)
        return context

    return add


BAR: list[tuple[str, SectionContext]] = []


def bar_part(template: str) -> Callable[[SectionContext], SectionContext]:
    """Add a part to the top bar; the decorated function gives the partial's variables."""

    def add(context: SectionContext) -> SectionContext:
        BAR.append((template, context))
        return context

    return add


PartContext = Callable[[AnyRequest, Transaction, Member, Any], Coroutine[Any, Any, dict[str, Any]]]
PAGE_PARTS: dict[str, list[tuple[str, PartContext]]] = {}


def page_part(page: str, template: str) -> Callable[[PartContext], PartContext]:
    """Add a part to a kind of page that another feature owns; the decorated function gives the partial's variables.

    It is called with what the page is about.
    """

    def add(context: PartContext) -> PartContext:
        PAGE_PARTS.setdefault(page, []).append((template, context))
        return context

    return add


async def list_parts(
    page: str, request: AnyRequest, transaction: Transaction, member: Member, about: Any
) -> list[tuple[str, dict[str, Any]]]:
    """The parts that other features add to a page: their partials with variables."""
    parts = PAGE_PARTS.get(page, [])
    found = await transaction.together(*(context(request, transaction, member, about) for _, context in parts))
    return [(template, each) for (template, _), each in zip(parts, found, strict=True)]


ShowAgain = Callable[[AnyRequest, Transaction, Member, Any, int], Awaitable[Response[str]]]
OWNERS: dict[str, ShowAgain] = {}


def page_owner(page: str) -> Callable[[ShowAgain], ShowAgain]:
    """Register who shows a kind of page that has parts: the decorated function is called with what the page is about
    and the status of the answer."""

    def add(show: ShowAgain) -> ShowAgain:
        OWNERS[page] = show
        return show

    return add


async def show_again(
    page: str,
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    about: Any,
    *,
    refused: Any,
    status: int = 422,
) -> Response[str]:
    """A page whose part was sent a form that won't do. The part finds what it needs to tell in `refused_form`."""
    request.state.refused_form = refused
    return await OWNERS[page](request, transaction, member, about, status)


def refused_form(request: AnyRequest) -> Any:
    """What `show_again` was given, None on a page that is opened."""
    return request.state.get("refused_form")


async def render_page(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    template: str,
    *,
    channels: str = "",
    status: int = 200,
    undo: UndoOffer | None = None,
    aside: bool = False,
    **context: Any,
) -> Response[str]:
    """A page of the workspace. One that takes long to make is made `aside`, in a thread. What of the context is a
    coroutine is read side by side with what the frame shows.

    `channels` are what the page follows beside the ones that every page does. The cursor it shows was read in the
    same snapshot as everything else on it, and counts what this transaction publishes: what follows from what was done
    is done before, and is on it, too.
    What was done and can be taken back is the `undo` given, or what the address names.
    A page that answers a form has no address of its own. It says that it is one, and where its form was.
    """
    tenant = transaction.tenant
    answers = request.method not in ("GET", "HEAD")
    if transaction.writes:
        await transaction.settle()
    reading = {name: value for name, value in context.items() if iscoroutine(value)}
    shown = [(each.template, each.context) for each in SECTIONS] + BAR
    offered, said, *found = await transaction.together(
        offered_by(request, transaction, member),
        noticed_by(request, transaction, member),
        *(show(request, transaction, member) for _, show in shown),
        *reading.values(),
    )
    context |= dict(zip(reading, found[len(shown) :], strict=True))
    frame = [(template, each) for (template, _), each in zip(shown, found, strict=False)]
    whole = "tenant" if may(member, "follow", "tenant") else "guests"
    admins = " admins" if may(member, "follow", "admins") else ""
    make = partial(
        render,
        tenant.language,
        template,
        tenant=tenant,
        member=member,
        may=may,
        tabs_of=tabs_of,
        sections=frame[: len(SECTIONS)],
        bar=frame[len(SECTIONS) :],
        channels=f"{whole} user.{member.id}{admins} {channels}".strip(),
        cursor=transaction.cursor if transaction.writes else tenant.cursor,
        answer=page_before(request) if answers else None,
        path=request.scope["path"],
        undo=undo or offered,
        notice=said,
        **context,
    )
    await give_way()
    html = await asyncio.to_thread(make) if aside else make()
    html = show_in_zone(html, member.time_zone, tenant.formats)
    headers = {"X-Member": str(member.id)}
    if answers:
        headers["HX-Push-Url"] = "false"
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=headers)


async def offered_by(request: AnyRequest, transaction: Transaction, member: Member) -> UndoOffer | None:
    """What the page before has done and can be taken back: the address names it."""
    offer = await find_offer(transaction, member, number_of(request.query_params.get("undo", "")))
    return offer if offer is not None and offer.open else None


def page_before(request: AnyRequest) -> str:
    """The path of the page that sent this request; '/' where the browser does not tell."""
    return local_path(request.app.state.settings, host_of(request), request.headers.get("referer", "/"))


def render_plain(language: str, template: str, *, status: int = 200, **context: Any) -> Response[str]:
    """A page without the frame, for people who are not signed in."""
    html = render(language, template, **context)
    return Response(html, status_code=status, media_type=MediaType.HTML)


FindName = Callable[[Transaction, Member, str], Awaitable[str | None]]


class Notice(Struct, frozen=True):
    """A sentence about what was done, and the one that names whom or what it was done to, where that is found."""

    text: Text
    named: Text | None = None
    find: FindName | None = None


NOTICES: dict[str, Notice] = {}


def notice(key: str, text: Text, *, named: Text | None = None, find: FindName | None = None) -> Text:
    """Register a sentence that a page shows after a redirect with `?done=key`. Raises ValueError for a key in use.

    With `&about=…` it is the one in `named`, whose %(name)s is what `find` finds of that: a name that the member may
    see anyway, as anybody can write an address.
    """
    if key in NOTICES:
        raise ValueError(f"the notice {key} is there already")
    NOTICES[key] = Notice(text, named, find)
    return text


async def noticed_by(request: AnyRequest, transaction: Transaction, member: Member) -> Text | None:
    """What the page before has done: the address names it."""
    found = NOTICES.get(request.query_params.get("done", ""))
    if found is None:
        return None
    about = request.query_params.get("about", "")
    name = await found.find(transaction, member, about) if found.find and about else None
    return Text(found.named.message, {**found.named.values, "name": name}) if found.named and name else found.text


# More are not named in a sentence.
MOST_NAMED = 20


@cache
def select_known_names(*, insider: bool) -> PreparedSelect[int, str]:
    """The select of the names of those of some people whom somebody gets to know of."""

    def make() -> Select[int, str]:
        named = select(Member.id, Member.name).where(Member.id.in_(bindparam("ids")))
        return named if insider else named.where(is_acquainted(Member.id, bindparam("member_id")))

    return PreparedSelect(make)


async def find_named_people(transaction: Transaction, member: Member, about: str) -> str | None:
    """The names of the members whose ids, with commas between them, an address has."""
    ids = [number_of(each) for each in about.split(",")[:MOST_NAMED]]
    known = select_known_names(insider=is_entitled(member, "see", "everybody"))
    names = dict(await transaction.rows(known, ids=ids, member_id=member.id))
    return ", ".join(names[each] for each in ids if each in names) or None
