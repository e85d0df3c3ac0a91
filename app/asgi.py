"""The application: puts the parts together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute
from litestar.types import Receive, Send

import app.chat.usage
import app.notifications.accounts
import app.records.books  # (furnishes new workspaces)
import app.records.usage  # noqa: F401  (both: what operators see counted)
from app.accounts.access import (
    Askers,
    SignInNeeded,
    ask_to_sign_in,
    provide_member,
    provide_signed_in,
    provide_transaction,
)
from app.accounts.jump import show_jump
from app.accounts.passwords import GuessingLimit, MailLimit
from app.accounts.reauthentication import Reauthentication
from app.accounts.visits import Visits
from app.chat import (
    attachment_pages,
    discussion_pages,
    membership_pages,
    message_pages,
    room_pages,
    search_pages,
)
from app.chat.limits import SearchLimit, WritingLimit
from app.database import Database
from app.editing.watch import Watch
from app.jobs.runner import Loop, Runner
from app.live.bus import make_bus
from app.live.node import Node
from app.live.site import Site, WorkspaceSite
from app.live.socket import serve_socket
from app.mail.delivery import Delivery
from app.notifications import announcement_pages, preference_pages
from app.notifications import pages as notification_pages
from app.operators import pages as operator_pages
from app.operators.channels import OperatorSite
from app.operators.gathering import Gathering
from app.records import adding_pages, bin_pages, bulk_pages, collection_pages, edit_pages, import_pages, lock_pages
from app.records import pages as record_pages
from app.settings import Settings
from app.tenants import (
    account,
    audit_pages,
    central,
    confirmation,
    invitation_pages,
    member_pages,
    picture_pages,
    sign_in,
)
from app.tenants import pages as tenant_pages
from app.web.decoding import DECODER
from app.web.errors import handle_error
from app.web.forms import provide_form
from app.web.gate import Gate
from app.web.health import Readiness, show_liveness, show_metrics, show_readiness
from app.web.limits import Windows
from app.web.static import scripts, static_files

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
    mailing = MailLimit(guessing)
    writing = WritingLimit(windows, Askers(database, settings))
    searching = SearchLimit(windows)

    @contextlib.asynccontextmanager
    async def run(_: Litestar) -> AsyncIterator[None]:
        async with (
            node.running(),
            watch.running(),
            gathering.running(),
            runner.loop.running(),
            delivery.running(),
            writing_visits.running(),
        ):
            yield
        DECODER.end()
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
            "mailing": Provide(lambda: mailing, sync_to_thread=False),
            "writing": Provide(writing.count_message),
            "changing": Provide(writing.count_change),
            "searching": Provide(lambda: searching, sync_to_thread=False),
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
            *confirmation.handlers,
            *invitation_pages.handlers,
            *picture_pages.handlers,
            *audit_pages.handlers,
            *tenant_pages.handlers,
            *collection_pages.handlers,
            *record_pages.handlers,
            *adding_pages.handlers,
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
        before_request=Reauthentication(database, settings, guessing),
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
