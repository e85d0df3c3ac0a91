"""The application: puts the parts together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import structlog
from litestar import Litestar, Request, Response
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.routes.base import parsers_map
from litestar.types import Receive, Send

from app.accounts.access import (
    SignInNeeded,
    ask_to_sign_in,
    provide_member,
    provide_signed_in,
    provide_transaction,
)
from app.accounts.choosing import ChoosingLimit
from app.accounts.exporting import ExportLimit
from app.accounts.passwords import GuessingLimit, MailLimit
from app.accounts.reauthentication import Reauthentication
from app.accounts.senders import Senders
from app.accounts.sessions import Askers
from app.accounts.visits import Visits
from app.chat.incoming_site import IncomingSite
from app.chat.limits import SearchLimit, WritingLimit, count_change, count_message
from app.editing.watch import Watch
from app.features import open_database
from app.files.arriving import Arriving
from app.files.decoding import DECODER
from app.gateway.site import Gateway
from app.jobs.runner import Loop, Runner
from app.live.bus import make_bus
from app.live.node import Node
from app.live.site import Site, WorkspaceSite
from app.live.socket import serve_socket
from app.mail.delivery import Delivery
from app.operators.channels import OperatorSite
from app.operators.gathering import Gathering
from app.programs.site import ProgramSite
from app.records.kinds.collation import load_collator
from app.records.limits import ImportLimit, ListLimit, take_turn
from app.routes import CENTRAL_ROUTES, PROGRAM_ROUTES, WORKSPACE_ROUTES
from app.server.gate import Gate
from app.server.health import show_liveness, show_metrics, show_readiness
from app.server.judging import Sites
from app.server.workspace_limits import find_workspace_limits
from app.settings import Settings
from app.tenants.limits import AddressLimit, RenamingLimit
from app.web.assets import static_version
from app.web.bodies import provide_form
from app.web.errors import handle_error
from app.web.fast.kept_compiled import keeping
from app.web.fast.late_arguments import QuickStart
from app.web.forms import read_path_number
from app.web.languages import Languages
from app.web.limits import Windows
from app.web.outgoing import Outgoing
from app.web.readiness import Readiness
from app.web.static import show_static_file
from app.web.templates import compile_pushes
from app.webhooks.sending import WebhookSender

FORM_LIMIT = 64 * 1024

log = structlog.get_logger("app")
everywhere: list[Any] = [show_static_file, show_liveness, show_readiness, show_metrics]


class Parts:
    """What a process has one of."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = open_database(settings.database_url)
        self.node = Node(self.database, make_bus(settings), most_sockets=settings.workspace_sockets)
        self.outgoing = Outgoing(settings)
        self.gateway = Gateway(settings, self.database, self.node, self.outgoing)
        self.readiness = Readiness(bus=lambda: self.node.bus.state)
        self.watch = Watch(self.database, self.node)
        self.gathering = Gathering(self.database, self.node)
        self.runner = Runner(self.database, settings)
        self.delivery = Delivery(self.database, settings)
        self.webhooks = WebhookSender(self.database, settings, self.outgoing)
        self.visits = Visits(self.database)
        self.writing_visits = Loop(self.database, self.visits.write, "the sessions in use")
        self.languages = Languages(self.database)
        windows = self.windows = Windows(settings)
        self.guessing = GuessingLimit(windows)
        self.mailing = MailLimit(self.guessing)
        self.senders = Senders(settings, self.guessing)
        self.arriving = Arriving()
        askers = Askers(self.database, settings)
        self.writing = WritingLimit(windows, askers)
        self.lists = ListLimit(windows, askers)
        self.searching = SearchLimit(windows)
        self.exporting = ExportLimit(windows)
        self.importing = ImportLimit(windows)
        self.choosing = ChoosingLimit(windows)
        self.renaming = RenamingLimit(windows)
        self.addresses = AddressLimit(windows)
        self.reauthentication = Reauthentication(self.database, settings, self.guessing)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """What goes on beside requests goes on as long as it lasts."""
        async with (
            self.node.running(),
            self.gateway.running(),
            self.watch.running(),
            self.gathering.running(),
            self.runner.loop.running(),
            self.delivery.running(),
            self.webhooks.running(),
            self.writing_visits.running(),
        ):
            yield
        DECODER.end()
        await self.database.close()


class Pages:
    """The pages of workspaces and of the central host, and what programs call.

    What is pushed is compiled, and the order of texts is read, where no earlier start has kept them: what is done at
    the first write otherwise holds up all others of its workspace. They need no settings for it: what they ask for is
    in `parts`, which come later.
    """

    parts: Parts

    def __init__(self) -> None:
        with keeping():
            compile_pushes()
            load_collator()
            static_version()
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
                "writing": Provide(count_message),
                "changing": Provide(count_change),
                "searching": Provide(lambda: self.parts.searching, sync_to_thread=False),
                "lists": Provide(lambda: self.parts.lists, sync_to_thread=False),
                "turn": Provide(take_turn),
                "exporting": Provide(lambda: self.parts.exporting, sync_to_thread=False),
                "importing": Provide(lambda: self.parts.importing, sync_to_thread=False),
                "choosing": Provide(lambda: self.parts.choosing, sync_to_thread=False),
                "renaming": Provide(lambda: self.parts.renaming, sync_to_thread=False),
                "addresses": Provide(lambda: self.parts.addresses, sync_to_thread=False),
                "readiness": Provide(lambda: self.parts.readiness, sync_to_thread=False),
                "form": Provide(provide_form),
                "transaction": Provide(provide_transaction),
                "signed_in": Provide(provide_signed_in),
                "member": Provide(provide_member),
            },
            "signature_types": [Response, Request],
        }
        parsers_map[int] = read_path_number
        self.workspace = QuickStart(
            [*everywhere, *WORKSPACE_ROUTES],
            lifespan=[self.run],
            **common,
        )
        self.central = QuickStart([*everywhere, *CENTRAL_ROUTES], **common)
        self.programs = ProgramSite(PROGRAM_ROUTES)

    def serve_with(self, parts: Parts) -> None:
        """Say what there is to ask for."""
        self.parts = parts
        for site in (self.workspace, self.central):
            state = {"node": parts.node, "settings": parts.settings, "database": parts.database}
            state |= {"languages": parts.languages, "reauthentication": parts.reauthentication}
            state |= {"describe_api": self.programs.describe}
            state |= {"guessing": parts.guessing, "senders": parts.senders, "arriving": parts.arriving}
            site.state.update(state | {"writing": parts.writing, "lists": parts.lists, "visits": parts.visits})
        own = {"settings": parts.settings, "database": parts.database, "visits": parts.visits, "node": parts.node}
        self.programs.serve_with(parts, **own, windows=parts.windows, lists=parts.lists, arriving=parts.arriving)

    @contextlib.asynccontextmanager
    async def run(self, _: Litestar) -> AsyncIterator[None]:
        """What the workspaces' site begins and ends with."""
        async with self.parts.running():
            yield


def create_app(settings: Settings) -> Gate:
    """The ASGI application of one process."""
    parts, pages = Parts(settings), Pages()
    pages.serve_with(parts)
    workspace_site, operator_site = WorkspaceSite(settings, parts.visits), OperatorSite(settings)

    async def live(scope: Any, receive: Receive, send: Send) -> None:
        site: Site = workspace_site if scope["state"]["slug"] else operator_site
        await serve_socket(scope, receive, send, node=parts.node, site=site)

    sites = Sites(
        settings,
        central=pages.central,
        workspace=pages.workspace,
        programs=pages.programs,
        live=live,
        gateway=parts.gateway,
        incoming=IncomingSite(settings, parts.database, parts.windows),
    )
    return Gate(
        settings,
        sites,
        readiness=parts.readiness,
        limits=find_workspace_limits(settings, parts.windows),
        languages=parts.languages,
        send_away=parts.node.drain,
    )
