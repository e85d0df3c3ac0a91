"""The application: puts the parts together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute
from litestar.types import Receive, Send
from sqlalchemy import select

import app.chat.usage
import app.notifications.accounts
import app.records.books  # (furnishes new workspaces)
import app.records.usage  # noqa: F401  (both: what operators see counted)
from app.accounts.access import (
    SignInNeeded,
    ask_to_sign_in,
    provide_member,
    provide_signed_in,
    provide_transaction,
)
from app.accounts.jump import show_jump
from app.accounts.passwords import GuessingLimit
from app.accounts.sessions import delete_expired_sessions
from app.accounts.visits import Visits
from app.chat import (
    attachment_pages,
    discussion_pages,
    membership_pages,
    message_pages,
    room_pages,
    search_pages,
)
from app.chat.attachments import delete_unsent
from app.chat.limits import WritingLimit
from app.chat.rooms import ensure_general
from app.database import Database, Tenant
from app.editing.drafts import delete_old_drafts
from app.editing.watch import Watch
from app.jobs.jobs import Work, job
from app.jobs.runner import Loop, Runner
from app.live.bus import make_bus
from app.live.log import trim
from app.live.node import Node
from app.live.site import Site, WorkspaceSite
from app.live.socket import serve_socket
from app.mail.delivery import Delivery
from app.notifications import announcement_pages, preference_pages
from app.notifications import pages as notification_pages
from app.notifications.inbox import delete_old_notifications
from app.operators import pages as operator_pages
from app.operators.channels import OperatorSite
from app.operators.gathering import Gathering
from app.records import bin_pages, bulk_pages, collection_pages, edit_pages, import_pages, lock_pages
from app.records import pages as record_pages
from app.records.changes import empty_bin
from app.settings import Settings
from app.tenants import account, audit_pages, central, invitation_pages, member_pages, picture_pages, sign_in
from app.tenants import pages as tenant_pages
from app.web.errors import handle_error
from app.web.forms import provide_form
from app.web.gate import Gate
from app.web.health import Readiness, show_liveness, show_metrics, show_readiness
from app.web.limits import Windows
from app.web.static import scripts, static_files
from app.web.uploads import delete_abandoned

FORM_LIMIT = 64 * 1024

log = structlog.get_logger("app")
everywhere: list[Any] = [static_files, scripts, show_liveness, show_readiness, show_metrics]


def create_app(settings: Settings) -> Gate:
    """The ASGI application of one process."""
    database = Database(settings.database_url)
    node = Node(database, make_bus(settings))
    readiness = Readiness(bus=lambda: node.bus.state)
    watch = Watch(database, node)
    gathering = Gathering(database, node)
    runner = Runner(database, settings)
    delivery = Delivery(database, settings)
    visits = Visits(database)
    writing_visits = Loop(database, visits.write, "the sessions in use")
    windows = Windows(settings)
    guessing = GuessingLimit(windows)
    writing = WritingLimit(windows)

    @contextlib.asynccontextmanager
    async def run(_: Litestar) -> AsyncIterator[None]:
        async with (
            node.running(),
            watch.running(),
            gathering.running(),
            runner.loop.running(),
            delivery.loop.running(),
            writing_visits.running(),
        ):
            yield
        await database.close()

    async def follow_up(request: Request[Any, Any, Any]) -> None:
        """After a page was answered: do what reading it leads to."""
        for tenant_id, step in request.scope.get("state", {}).get("afterwards", ()):
            async with database.write(tenant_id) as transaction:
                await step(transaction)

    common: dict[str, Any] = {
        "openapi_config": None,
        "request_max_body_size": FORM_LIMIT,
        "exception_handlers": {
            HTTPException: handle_error,
            Exception: handle_error,
            SignInNeeded: ask_to_sign_in,
        },
        "logging_config": None,
        "dependencies": {
            "settings": Provide(lambda: settings, sync_to_thread=False),
            "database": Provide(lambda: database, sync_to_thread=False),
            "guessing": Provide(lambda: guessing, sync_to_thread=False),
            "writing": Provide(lambda: writing, sync_to_thread=False),
            "readiness": Provide(lambda: readiness, sync_to_thread=False),
            "form": Provide(provide_form),
            "transaction": Provide(provide_transaction),
            "signed_in": Provide(provide_signed_in),
            "member": Provide(provide_member),
        },
        "signature_types": [Response, Request],
    }
    workspace = Litestar(
        [
            *everywhere,
            show_jump,
            *sign_in.handlers,
            *account.handlers,
            *member_pages.handlers,
            *invitation_pages.handlers,
            *picture_pages.handlers,
            *audit_pages.handlers,
            *tenant_pages.handlers,
            *collection_pages.handlers,
            *record_pages.handlers,
            *edit_pages.handlers,
            *lock_pages.handlers,
            *room_pages.handlers,
            *membership_pages.handlers,
            *search_pages.handlers,
            *message_pages.handlers,
            *attachment_pages.handlers,
            *discussion_pages.handlers,
            *bin_pages.handlers,
            *bulk_pages.handlers,
            *import_pages.handlers,
            *notification_pages.handlers,
            *announcement_pages.handlers,
            *preference_pages.handlers,
        ],
        lifespan=[run],
        state=State({"node": node, "settings": settings, "visits": visits}),
        after_response=follow_up,
        **common,
    )
    central_host = Litestar(
        [*everywhere, *central.handlers, operator_pages.router],
        state=State({"node": node, "settings": settings}),
        **common,
    )
    for site in (workspace, central_host):
        resolve_in_turn(site)
    workspace_site, operator_site = WorkspaceSite(settings, visits), OperatorSite(settings)

    async def live(scope: Any, receive: Receive, send: Send) -> None:
        site: Site = workspace_site if scope["state"]["slug"] else operator_site
        await serve_socket(scope, receive, send, node=node, site=site)

    return Gate(
        settings, central=central_host, workspace=workspace, live=live, readiness=readiness, send_away=node.drain
    )


def resolve_in_turn(site: Litestar) -> None:
    """Resolve what pages depend on one after the other.

    Litestar makes a task for each of those that don't depend on each other. Ours wait for nothing but the transaction,
    and the tasks were a tenth of what a request costs.
    """
    for route in site.routes:
        if isinstance(route, HTTPRoute):
            for _, arguments in route.route_handler_map.values():
                batches = [sorted(batch, key=lambda each: each.key) for batch in arguments.dependency_batches]
                arguments.dependency_batches = [{each} for batch in batches for each in batch]


@job("sweep", every=timedelta(minutes=10), seconds=600)
async def sweep(work: Work) -> None:
    """Delete what has reached its end in each workspace; one that fails does not keep the others from it."""
    async with work.database.read() as transaction:
        tenants = list(await transaction.scalars(select(Tenant.id)))
    for tenant_id in tenants:
        try:
            await sweep_workspace(work.database, work.settings, tenant_id)
        except Exception as error:
            log.error("sweeping a workspace failed; it is tried again", tenant=tenant_id, reason=repr(error))


async def sweep_workspace(database: Database, settings: Settings, tenant_id: int) -> None:
    """Delete what has reached its end in one workspace."""
    async with database.write(tenant_id) as transaction:
        await ensure_general(transaction)  # for workspaces from before there was chat
        await trim(transaction)
        await empty_bin(transaction)
        await delete_old_drafts(transaction)
        await delete_expired_sessions(transaction)
        await delete_old_notifications(transaction)
        keys = await delete_unsent(transaction)
        directory = attachment_pages.files_of(settings, transaction.tenant)
    await attachment_pages.delete_files(directory, keys)
    await asyncio.to_thread(delete_abandoned, directory)
