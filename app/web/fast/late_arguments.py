"""Pages whose arguments are looked at when they are first asked for, and not all of them at each start.

Litestar works out for each function what it is given, and keeps it, for twice as many as there are pages, as each has a
function of its own for `OPTIONS`. It also looks through all routes again for each that is added, and imports what
helps with models of pydantic and attrs, of which there are none.

Earns: a fifth of a start's time of the processor and 11 MB of a process (measured by bench/report.py on 2026-11-30).

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
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.router import Router
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ControllerRouterHandler
from litestar.types.internal_types import PathParameterDefinition, RouteHandlerMapItem

from app.web.fast.dependencies import resolve_in_turn


class LateArguments(KwargsModel):
    """What a function is given, worked out when it is first asked for."""

    __slots__ = ("handler", "path_parameters")

    def __init__(self, handler: HTTPRouteHandler, path_parameters: dict[str, PathParameterDefinition]) -> None:
        self.handler = handler
        self.path_parameters = path_parameters

    def __getattr__(self, name: str) -> Any:
        """The first of what it is asked for brings all of it."""
        if name not in KwargsModel.__slots__:
            raise AttributeError(name)
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

    def register(self, value: ControllerRouterHandler) -> None:  # type: ignore[override]
        """Add a page."""
        for route in Router.register(self, value=value):
            for handler in get_route_handlers(route):
                handler.on_registration(self)
                if isinstance(route, HTTPRoute) and isinstance(handler, HTTPRouteHandler):
                    arguments = LateArguments(handler, route.path_parameters)
                    route.route_handler_map |= dict.fromkeys(handler.http_methods, (handler, arguments))
            for plugin in self.plugins.receive_route:
                plugin.receive_route(route)
        self.asgi_router.construct_routing_trie()
