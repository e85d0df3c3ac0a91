"""The application: puts the parts together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.routes import HTTPRoute
from litestar.types import Receive, Send

import app.chat.usage
import app.notifications.accounts
import app.records.auditing  # (what the audit log calls records)
import app.records.books  # (furnishes new workspaces)
import app.records.usage
import app.tenants.password_links  # noqa: F401  (both: what operators see counted; mails with links)
from app.accounts.access import (
    AnyRequest,
    Askers,
    SignInNeeded,
    ask_to_sign_in,
    provide_member,
    provide_signed_in,
    provide_transaction,
)
from app.accounts.choosing import ChoosingLimit
from app.accounts.passwords import GuessingLimit, MailLimit
from app.accounts.quick_switcher import show_quick_switcher
from app.accounts.reauthentication import Reauthentication
from app.accounts.undo import take_back
from app.accounts.visits import Visits
from app.chat.limits import Pace, SearchLimit, WritingLimit
from app.chat.pages import attachments as attachment_pages
from app.chat.pages import choices as choice_pages
from app.chat.pages import discussions as discussion_pages
from app.chat.pages import memberships as membership_pages
from app.chat.pages import messages as message_pages
from app.chat.pages import rooms as room_pages
from app.chat.pages import search as search_pages
from app.editing.watch import Watch
from app.features import open_database
from app.files.decoding import DECODER
from app.jobs.runner import Loop, Runner
from app.live.bus import make_bus
from app.live.node import Node
from app.live.site import Site, WorkspaceSite
from app.live.socket import serve_socket
from app.mail.delivery import Delivery
from app.notifications.pages import announcements as announcement_pages
from app.notifications.pages import inbox as notification_pages
from app.notifications.pages import preferences as preference_pages
from app.operators.channels import OperatorSite
from app.operators.gathering import Gathering
from app.operators.pages import workspaces as operator_pages
from app.records.pages import adding as adding_pages
from app.records.pages import bin as bin_pages
from app.records.pages import bulk as bulk_pages
from app.records.pages import collections as collection_pages
from app.records.pages import editing as edit_pages
from app.records.pages import imports as import_pages
from app.records.pages import locks as lock_pages
from app.records.pages import records as record_pages
from app.server.gate import Gate
from app.server.health import show_liveness, show_metrics, show_readiness
from app.settings import Settings
from app.tenants.pages import account, central, confirmation, sign_in
from app.tenants.pages import audit as audit_pages
from app.tenants.pages import invitations as invitation_pages
from app.tenants.pages import members as member_pages
from app.tenants.pages import pictures as picture_pages
from app.tenants.pages import settings as tenant_pages
from app.web.errors import handle_error
from app.web.forms import provide_form
from app.web.languages import Languages
from app.web.limits import Windows
from app.web.readiness import Readiness
from app.web.static import show_static_file

FORM_LIMIT = 64 * 1024

log = structlog.get_logger("app")
everywhere: list[Any] = [show_static_file, show_liveness, show_readiness, show_metrics]


class Parts:
    """What a process has one of."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = open_database(settings.database_url)
        self.node = Node(self.database, make_bus(settings))
        self.readiness = Readiness(bus=lambda: self.node.bus.state)
        self.watch = Watch(self.database, self.node)
        self.gathering = Gathering(self.database, self.node)
        self.runner = Runner(self.database, settings)
        self.delivery = Delivery(self.database, settings)
        self.visits = Visits(self.database)
        self.writing_visits = Loop(self.database, self.visits.write, "the sessions in use")
        self.languages = Languages(self.database)
        windows = Windows(settings)
        self.guessing = GuessingLimit(windows)
        self.mailing = MailLimit(self.guessing)
        self.writing = WritingLimit(windows, Askers(self.database, settings))
        self.searching = SearchLimit(windows)
        self.choosing = ChoosingLimit(windows)
        self.reauthentication = Reauthentication(self.database, settings, self.guessing)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What goes on beside requests goes on as long as it lasts."""
        async with (
            self.node.running(),
            self.watch.running(),
            self.gathering.running(),
            self.runner.loop.running(),
            self.delivery.running(),
            self.writing_visits.running(),
        ):
            yield
        DECODER.end()
        await self.database.close()


class Pages:
    """The pages of workspaces and of the central host.

    Making them is most of what a start costs, as the framework looks at the arguments of each function. They need no
    settings for it: what they ask for is in `parts`, which come later.
    """

    parts: Parts

    def __init__(self) -> None:
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
                "settings": Provide(lambda: self.parts.settings, sync_to_thread=False),
                "database": Provide(lambda: self.parts.database, sync_to_thread=False),
                "guessing": Provide(lambda: self.parts.guessing, sync_to_thread=False),
                "mailing": Provide(lambda: self.parts.mailing, sync_to_thread=False),
                "writing": Provide(self.count_message),
                "changing": Provide(self.count_change),
                "searching": Provide(lambda: self.parts.searching, sync_to_thread=False),
                "choosing": Provide(lambda: self.parts.choosing, sync_to_thread=False),
                "readiness": Provide(lambda: self.parts.readiness, sync_to_thread=False),
                "form": Provide(provide_form),
                "transaction": Provide(provide_transaction),
                "signed_in": Provide(provide_signed_in),
                "member": Provide(provide_member),
            },
            "signature_types": [Response, Request],
        }
        self.workspace = Litestar(
            [
                *everywhere,
                show_quick_switcher,
                take_back,
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
                *choice_pages.handlers,
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
            lifespan=[self.run],
            before_request=self.reauthenticate,
            after_response=self.follow_up,
            **common,
        )
        self.central = Litestar([*everywhere, *central.handlers, operator_pages.router], **common)
        for site in (self.workspace, self.central):
            resolve_in_turn(site)

    def serve_with(self, parts: Parts) -> None:
        """Say what there is to ask for."""
        self.parts = parts
        for site in (self.workspace, self.central):
            state = {"node": parts.node, "settings": parts.settings, "visits": parts.visits}
            site.state.update(state | {"languages": parts.languages})

    @contextlib.asynccontextmanager
    async def run(self, _: Litestar) -> AsyncIterator[None]:
        """What the workspaces' site begins and ends with."""
        async with self.parts.running():
            yield

    async def count_message(self, request: AnyRequest) -> Pace:
        """Count one more message of whoever asks."""
        return await self.parts.writing.count_message(request)

    async def count_change(self, request: AnyRequest) -> Pace:
        """Count one more change of a message of whoever asks."""
        return await self.parts.writing.count_change(request)

    async def reauthenticate(self, request: AnyRequest) -> Response[Any] | None:
        """Before a request: ask for the password, where it is needed again."""
        return await self.parts.reauthentication(request)

    async def follow_up(self, request: AnyRequest) -> None:
        """After a page was answered: do what reading it leads to."""
        for tenant_id, step in request.scope.get("state", {}).get("afterwards", ()):
            async with self.parts.database.write(tenant_id) as transaction:
                await step(transaction)


def create_app(settings: Settings) -> Gate:
    """The ASGI application of one process."""
    parts, pages = Parts(settings), Pages()
    pages.serve_with(parts)
    workspace_site, operator_site = WorkspaceSite(settings, parts.visits), OperatorSite(settings)

    async def live(scope: Any, receive: Receive, send: Send) -> None:
        site: Site = workspace_site if scope["state"]["slug"] else operator_site
        await serve_socket(scope, receive, send, node=parts.node, site=site)

    return Gate(
        settings,
        central=pages.central,
        workspace=pages.workspace,
        live=live,
        readiness=parts.readiness,
        send_away=parts.node.drain,
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
