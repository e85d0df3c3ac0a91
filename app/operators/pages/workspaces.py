"""The operators' pages: workspaces, the installation's figures, and the log."""

from __future__ import annotations

from typing import Any

from litestar import Response, Router, get, post
from litestar.di import Provide

from app.accounts.access import AnyRequest, client_address
from app.database import Actor, Database
from app.operators.access import (
    OperatorSignInNeeded,
    ask_operator_to_sign_in,
    provide_operator,
    render_operators_page,
)
from app.operators.channels import channel_of
from app.operators.figures import list_nodes, read_installation, sockets_of_workspaces
from app.operators.log import LOG_PAGE_SIZE, LOG_SENTENCES, UNKNOWN, list_entries
from app.operators.operators import Operator
from app.operators.pages import sign_in as sign_in_pages
from app.operators.workspaces import WorkspaceView, close_workspace, find_workspace, list_workspaces, reopen
from app.settings import Settings
from app.web.forms import Form, number_of
from app.web.languages import browser_language
from app.web.redirects import see_other
from app.web.texts import Text, _l

REASON_LIMIT = 200
OPERATOR_NOTICES = {
    "suspended": _l("%(name)s is suspended. Its open pages were closed."),
    "restored": _l("%(name)s is no longer suspended."),
}


async def find_operator_notice(database: Database, done: str, slug: str) -> Text | None:
    """What the page before has done to which workspace."""
    said = OPERATOR_NOTICES.get(done)
    if said is None:
        return None
    async with database.read() as transaction:
        tenant = await transaction.find_tenant("slug", slug)
    return Text(said.message, {"name": tenant.name}) if tenant else None


@get("/operator")
async def show_workspaces(
    request: AnyRequest, database: Database, settings: Settings, operator: Operator
) -> Response[str]:
    """All workspaces, searched, sorted, in pages."""
    query = request.query_params
    view = WorkspaceView.read(query.get("q", ""), query.get("sort", ""), query.get("page", ""))
    async with database.count() as transaction:
        sockets = sockets_of_workspaces(await list_nodes(transaction))
        listing = await list_workspaces(transaction, view, sockets)
    return render_operators_page(
        request,
        operator,
        "operators/workspaces.html",
        view=view,
        listing=listing,
        workspace_url=settings.workspace_url,
        host=settings.base_host,
        notice=await find_operator_notice(database, query.get("done", ""), query.get("about", "")),
    )


@get("/operator/live")
async def show_installation(request: AnyRequest, database: Database, operator: Operator) -> Response[str]:
    """The figures of all processes, which are pushed while the page is open."""
    async with database.count() as transaction:
        installation = await read_installation(transaction)
    channel = channel_of(browser_language(request))
    return render_operators_page(
        request, operator, "operators/installation.html", channels=channel, installation=installation
    )


@get("/operator/log")
async def show_log(request: AnyRequest, database: Database, operator: Operator) -> Response[str]:
    """What operators did, the newest first."""
    before = number_of(request.query_params.get("before", ""))
    async with database.read() as transaction:
        entries = await list_entries(transaction, before=before)
    older = entries[LOG_PAGE_SIZE - 1].id if len(entries) > LOG_PAGE_SIZE else 0
    return render_operators_page(
        request,
        operator,
        "operators/log.html",
        entries=entries[:LOG_PAGE_SIZE],
        older=older,
        what=LOG_SENTENCES,
        unknown=UNKNOWN,
    )


async def render_suspension(
    request: AnyRequest, database: Database, operator: Operator, slug: str, form: Form, *, status: int = 200
) -> Response[str]:
    """The page that asks for the reason, and for a yes."""
    async with database.read() as transaction:
        tenant = await find_workspace(transaction, slug)
    return render_operators_page(
        request, operator, "operators/suspend.html", status=status, form=form, workspace=tenant
    )


@get("/operator/workspaces/{slug:str}/suspend")
async def show_suspension(request: AnyRequest, database: Database, operator: Operator, slug: str) -> Response[str]:
    """Ask before a workspace is suspended."""
    return await render_suspension(request, database, operator, slug, Form())


@post("/operator/workspaces/{slug:str}/suspend")
async def save_suspension(
    request: AnyRequest, database: Database, operator: Operator, slug: str, form: Form
) -> Response[Any]:
    """Suspend a workspace, with a reason that its members read."""
    reason = form.text("reason", limit=REASON_LIMIT)
    if form["sure"] != "yes":
        form.errors["sure"] = _l("Confirm that everyone in it loses access immediately.")
    if form.errors:
        return await render_suspension(request, database, operator, slug, form, status=422)
    async with database.write() as transaction:
        transaction.actor = Actor("page", address=client_address(request))
        transaction.enter(await find_workspace(transaction, slug))
        await close_workspace(transaction, operator.email, reason=reason)
    return see_other(f"/operator?done=suspended&about={slug}")


@post("/operator/workspaces/{slug:str}/restore")
async def save_restoration(request: AnyRequest, database: Database, operator: Operator, slug: str) -> Response[Any]:
    """Open a suspended workspace again."""
    async with database.write() as transaction:
        transaction.actor = Actor("page", address=client_address(request))
        transaction.enter(await find_workspace(transaction, slug))
        await reopen(transaction, operator.email)
    return see_other(f"/operator?done=restored&about={slug}")


router = Router(
    path="/",
    route_handlers=[
        show_workspaces,
        show_installation,
        show_log,
        show_suspension,
        save_suspension,
        save_restoration,
        *sign_in_pages.handlers,
    ],
    dependencies={"operator": Provide(provide_operator)},
    exception_handlers={OperatorSignInNeeded: ask_operator_to_sign_in},
)
