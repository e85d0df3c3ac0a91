"""Pages whose functions are looked at when they are first asked for, and not all of them at each start.

Litestar reads of each function what it takes and gives, and works out what it is given, for twice as many as there are
pages, as each has a function of its own for `OPTIONS`. It also looks through all routes again for each that is added,
and imports what helps with models of pydantic and attrs, of which there are none.

Earns: a quarter of a start's time of the processor and 13 MB of a process (measured by bench/report.py on 2026-11-30).

Written against: Litestar 2.25.0.

Tested by: tests/web/fast/test_late_arguments.py.

Used by: server/asgi.py, programs/site.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import Litestar
from litestar._asgi.utils import get_route_handlers
from litestar._kwargs import KwargsModel
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPI
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.router import Router
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ASGIApp, ControllerRouterHandler
from litestar.types.internal_types import PathParameterDefinition, RouteHandlerMapItem

from app.web.fast.dependencies import resolve_in_turn


class LateArguments(KwargsModel):
    """What a function is given, worked out when it is first asked for."""

    __slots__ = ("handler", "path_parameters", "site")

    def __init__(
        self, site: Litestar, handler: HTTPRouteHandler, path_parameters: dict[str, PathParameterDefinition]
    ) -> None:
        self.site = site
        self.handler = handler
        self.path_parameters = path_parameters

    def __getattr__(self, name: str) -> Any:
        """The first of what it is asked for brings all of it."""
        if name not in KwargsModel.__slots__:
            raise AttributeError(name)
        self.handler.on_registration(self.site)
        known = self.handler.create_kwargs_model(self.path_parameters)
        resolve_in_turn(known)
        for slot in KwargsModel.__slots__:
            setattr(self, slot, getattr(known, slot))
        return getattr(self, name)


class HandlersOfPaths(dict[str, RouteHandlerMapItem]):
    """The functions of each path, of which one at a time is asked for."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self.routes = routes

    def get(self, path: str, default: Any = None) -> Any:
        """The functions of one path."""
        found = [route for route in self.routes if route.path == path and isinstance(route, HTTPRoute)]
        handlers = [each for route in found for each in route.route_handlers]
        return {method: each for each in handlers for method in each.http_methods} or default


class QuickStart(Litestar):
    """A site that is soon there."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]

    @property
    def route_handler_method_map(self) -> dict[str, RouteHandlerMapItem]:
        """The functions of each path."""
        return HandlersOfPaths(self.routes)

    @property
    def openapi_schema(self) -> OpenAPI:
        """What there is to call: of all functions it is asked what they take and give."""
        for route in self.routes:
            if isinstance(route, HTTPRoute):
                for handler in route.route_handlers:
                    handler.on_registration(self)
        return super().openapi_schema

    def register(self, value: ControllerRouterHandler) -> None:  # type: ignore[override]
        """Add a page: with what is asked of its function before what it is given."""
        for route in Router.register(self, value=value):
            for handler in get_route_handlers(route):
                if isinstance(route, HTTPRoute) and isinstance(handler, HTTPRouteHandler):
                    handler.resolve_opts()
                    arguments = LateArguments(self, handler, route.path_parameters)
                    route.route_handler_map |= dict.fromkeys(handler.http_methods, (handler, arguments))
                else:
                    handler.on_registration(self)
            for plugin in self.plugins.receive_route:
                plugin.receive_route(route)

    def _create_asgi_handler(self) -> ASGIApp:
        """All pages are there: find them by their paths from now on."""
        self.asgi_router.construct_routing_trie()
        return super()._create_asgi_handler()
