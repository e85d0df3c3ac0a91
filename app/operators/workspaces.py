"""The installation's workspaces as operators see them: numbers, and nothing that anybody wrote in them."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

from litestar.exceptions import NotFoundException
from msgspec import Struct
from sqlalchemy import ColumnElement, Select, String, bindparam, func, select

from app.database import PreparedSelect, Tenant, Transaction, fill_up
from app.operators.facts import OperatorActed
from app.tenants.usage import MEASURES, measure_workspaces
from app.tenants.workspaces import restore_workspace, suspend_workspace
from app.web.forms import number_of

WORKSPACES_PAGE_SIZE = 50
LAST_WORKSPACE_PAGE = 1_000_000
SHOWN_COLUMNS = ("members", "records", "storage", "events")
COUNTED_COLUMNS = ("members", "records", "storage")
COLUMNS: dict[str, Any] = {
    "name": func.lower(Tenant.name),
    "address": Tenant.slug,
    "created": Tenant.created_at,
    "state": Tenant.suspended_at,
}


class WorkspaceView(Struct, frozen=True):
    """What a page of the list shows."""

    query: str
    key: str
    descending: bool
    page: int

    @classmethod
    def read(cls, query: str, sort: str, page: str) -> WorkspaceView:
        """From the address; what makes no sense there is as if it were left out."""
        key = sort.removeprefix("-")
        if key not in COLUMNS and key not in COUNTED_COLUMNS:
            sort = key = "name"
        words = " ".join(query.replace("\0", "").split())[:100]
        return cls(words, key, sort.startswith("-"), min(max(number_of(page), 1), LAST_WORKSPACE_PAGE))

    @property
    def sort(self) -> str:
        """As in the address."""
        return f"-{self.key}" if self.descending else self.key

    def address(self, *, sort: str = "", page: int = 1) -> str:
        """The address of this list, sorted otherwise or on another page."""
        values = {"q": self.query, "sort": sort or self.sort, "page": page if page > 1 else ""}
        return "/operator?" + urlencode({name: value for name, value in values.items() if value})

    def toggled(self, key: str) -> str:
        """The sort for a column's heading: names go up first, numbers down."""
        if key == self.key:
            return key if self.descending else f"-{key}"
        return key if key in ("name", "address") else f"-{key}"


class WorkspaceFigures(Struct, frozen=True):
    """A workspace in numbers. `storage` is in bytes, `events` are those of the last hour."""

    slug: str
    name: str
    created_at: datetime
    suspended_at: datetime | None
    suspended_why: str
    sockets: int
    counts: dict[str, int]


class WorkspaceListing(Struct, frozen=True):
    """A page of workspaces, and how many there are on all pages."""

    rows: list[WorkspaceFigures]
    count: int
    pages: int


def escape_like(word: str) -> str:
    """A word as `has_words` looks for it: `/` before what LIKE takes for more than a character."""
    return word.replace("/", "//").replace("%", "/%").replace("_", "/_")


def has_words(count: int) -> list[ColumnElement[bool]]:
    """The criteria of workspaces that have each of so many words in their names or addresses."""
    words = [bindparam(f"word_{place}", type_=String()) for place in range(count)]
    return [Tenant.name.icontains(word, escape="/") | Tenant.slug.icontains(word, escape="/") for word in words]


@cache
def select_count(words: int) -> PreparedSelect[int]:
    """The select of how many workspaces have so many words."""
    return PreparedSelect(lambda: select(func.count(Tenant.id)).where(*has_words(words)))


@cache
def select_page(words: int, key: str, *, descending: bool) -> PreparedSelect[Tenant]:
    """The select of a page of those, in the order of a column."""

    def make() -> Select[Tenant]:
        found = select(Tenant).where(*has_words(words))
        if key in COUNTED_COLUMNS:
            counted = MEASURES[key]().subquery()
            found = found.outerjoin(counted, counted.c[0] == Tenant.id)
            order: Any = func.coalesce(counted.c[1], 0)
        else:
            order = COLUMNS[key]
        ordered = found.order_by(order.desc() if descending else order, Tenant.id)
        return ordered.limit(WORKSPACES_PAGE_SIZE).offset(bindparam("offset"))

    return PreparedSelect(make)


async def list_workspaces(transaction: Transaction, view: WorkspaceView, sockets: dict[int, int]) -> WorkspaceListing:
    """A page of the list, in as many statements as it has numbers: it does not ask for each workspace.

    The transaction is a counting one; `sockets` are the open ones of each workspace.
    """
    words = fill_up(view.query.split())
    parameters = {f"word_{place}": escape_like(word) for place, word in enumerate(words)}
    count = await transaction.value(select_count(len(words)), **parameters) or 0
    page = select_page(len(words), view.key, descending=view.descending)
    tenants = await transaction.column(page, **parameters, offset=(view.page - 1) * WORKSPACES_PAGE_SIZE)
    ids = [tenant.id for tenant in tenants]
    numbers = {name: await measure_workspaces(transaction, name, ids) for name in SHOWN_COLUMNS}
    rows = [
        WorkspaceFigures(
            slug=tenant.slug,
            name=tenant.name,
            created_at=tenant.created_at,
            suspended_at=tenant.suspended_at,
            suspended_why=tenant.suspended_why,
            sockets=sockets.get(tenant.id, 0),
            counts={name: numbers[name].get(tenant.id, 0) for name in SHOWN_COLUMNS},
        )
        for tenant in tenants
    ]
    return WorkspaceListing(rows, count, max(1, -(-count // WORKSPACES_PAGE_SIZE)))


async def find_workspace(transaction: Transaction, slug: str) -> Tenant:
    """The workspace at an address.

    Raises NotFoundException when there is none.
    """
    tenant = await transaction.find_tenant("slug", slug)
    if tenant is None:
        raise NotFoundException
    return tenant


async def close_workspace(transaction: Transaction, email: str, *, reason: str) -> None:
    """Suspend the workspace that the transaction is confined to; nothing happens a second time."""
    if await suspend_workspace(transaction, reason=reason):
        by, slug = transaction.actor, transaction.tenant.slug
        transaction.note(OperatorActed(by=by, email=email, what="suspended", subject=slug, reason=reason))


async def reopen(transaction: Transaction, email: str) -> None:
    """Open the workspace again; nothing happens a second time."""
    if await restore_workspace(transaction):
        by, slug = transaction.actor, transaction.tenant.slug
        transaction.note(OperatorActed(by=by, email=email, what="restored", subject=slug))
