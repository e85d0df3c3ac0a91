"""The site of programs: everything below `/api` on a workspace's host.

Around the endpoints: preflights of pages of other sites, entity tags and conditional requests, what is left of limits,
and that a request whose key is being answered is not answered at the same time.
"""

from __future__ import annotations

import json
from threading import Lock
from typing import Any

from litestar import Controller, Litestar, Request, Response, get
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import HTTPRoute
from litestar.types import Receive, Send

import app
from app.accounts.access import AnyRequest, enter_workspace
from app.accounts.program_tokens import LIST_TOKEN_ORIGINS
from app.programs.access import NO_SCOPE, let_in, provide_program_member, provide_program_transaction
from app.programs.answering import Answering
from app.programs.description import complete_description
from app.programs.problems import answer_problem
from app.programs.refusals import SENT_ONCE
from app.programs.routes import API, check_routes
from app.web.errors import PageError
from app.web.fast.late_arguments import QuickStart
from app.web.metrics import PROGRAM_CALLS
from app.web.origins import is_origin_allowed

BODY_LIMIT = 64 * 1024
ALLOWED_METHODS = b"GET, HEAD, POST, PATCH, DELETE"
ALLOWED_HEADERS = ", ".join((*SENT_ONCE, "If-None-Match")).encode()
PREFLIGHT_SECONDS = b"600"
DESCRIPTION = "What a person can do on a page, a program can do with a token. docs/api.md leads in."


def describe_endpoints(endpoints: Litestar) -> dict[str, Any]:
    """What there is to call, as an OpenAPI document."""
    document = complete_description(endpoints.openapi_schema.to_schema())
    scopes = {
        (route.path_format, method): handler.opt["scope"]
        for route in endpoints.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods
        if handler.opt.get("scope")
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["x-scope"] = scopes[path, method.upper()]
    return document


class Description(Controller):
    """What there is to call, as OpenAPI. It is the same in every workspace, and anybody may read it: it says nothing
    that is not in the source of the program, and a cookie is never looked at here."""

    path = API
    opt = {"scope": NO_SCOPE}  # noqa: RUF012  (as the framework has it)

    @get("/openapi.json", include_in_schema=False, sync_to_thread=False)
    def show(self, request: AnyRequest) -> Response[bytes]:
        """The description."""
        state = request.app.state
        if "openapi" not in state:
            state.openapi = json.dumps(state.describe_api()).encode()
        return Response(state.openapi, media_type="application/json")


class ProgramSite:
    """The endpoints, and what is around them."""

    def __init__(self, routes: list[Any]) -> None:
        self.parts: Any = None
        self.describing = Lock()
        self.document: dict[str, Any] | None = None
        self.endpoints = QuickStart(
            routes,
            guards=[let_in],
            dependencies={
                "settings": Provide(lambda: self.parts.settings, sync_to_thread=False),
                "database": Provide(lambda: self.parts.database, sync_to_thread=False),
                "mailing": Provide(lambda: self.parts.mailing, sync_to_thread=False),
                "exporting": Provide(lambda: self.parts.exporting, sync_to_thread=False),
                "importing": Provide(lambda: self.parts.importing, sync_to_thread=False),
                "transaction": Provide(provide_program_transaction),
                "member": Provide(provide_program_member),
            },
            exception_handlers={HTTPException: answer_problem, Exception: answer_problem},
            openapi_config=OpenAPIConfig(
                title="Mutirão",
                version=app.__version__,
                description=DESCRIPTION,
                components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
                security=[{"token": []}],
                use_handler_docstrings=True,
                openapi_controller=Description,  # type: ignore[arg-type]
            ),
            logging_config=None,
            request_max_body_size=BODY_LIMIT,
            signature_types=[Response, Request],
        )
        check_routes(self.endpoints.routes)

    def serve_with(self, parts: Any, **state: Any) -> None:
        """Say what there is to ask for."""
        self.parts = parts
        self.endpoints.state.update({**state, "answering": set(), "describe_api": self.describe})

    def describe(self) -> dict[str, Any]:
        """What there is to call, as an OpenAPI document. It is made once."""
        with self.describing:
            if self.document is None:
                self.document = describe_endpoints(self.endpoints)
            return self.document

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["method"] == "OPTIONS":
            await self.answer_preflight(scope, send)
            return
        PROGRAM_CALLS.inc()
        try:
            await self.endpoints(scope, receive, Answering(scope, send))
        finally:
            self.endpoints.state.answering.discard(scope["state"].get("answering"))

    async def answer_preflight(self, scope: Any, send: Send) -> None:
        """Tell a browser whether a page of another site may call. Which token it will show is not known yet: so it is
        any that a token of the workspace names, and the call itself has to come from one of its own token's."""
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        headers = [(b"vary", b"Origin"), (b"content-length", b"0")]
        if origin and is_origin_allowed(origin.decode("latin-1"), await self.list_origins(scope["state"]["slug"])):
            headers += [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-methods", ALLOWED_METHODS),
                (b"access-control-allow-headers", ALLOWED_HEADERS),
                (b"access-control-max-age", PREFLIGHT_SECONDS),
            ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def list_origins(self, slug: str) -> set[str]:
        """The sites that tokens of a workspace name."""
        async with self.parts.database.read() as transaction:
            try:
                await enter_workspace(transaction, slug)
            except (HTTPException, PageError):
                return set()
            return {origin for origins in await transaction.column(LIST_TOKEN_ORIGINS) for origin in origins}
