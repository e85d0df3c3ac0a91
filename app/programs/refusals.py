"""What is refused of any call before its endpoint sees it, as it would be left out otherwise: parameters of an address
that the endpoint does not know, or that come twice, and headers that come twice."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from app.programs.problems import Problem

# The headers that calls read, of which there may be one: with two, one of them would be meant.
SENT_ONCE = (
    *("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-Range", "Last-Event-ID", "Lock"),
    *("Mcp-Method", "Mcp-Name", "Mcp-Protocol-Version", "Mcp-Session-Id", "Range"),
)
NAMES_SENT_ONCE = {name.lower().encode(): name for name in SENT_ONCE}


def refuse_doubled_headers(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raise a 400 problem for a header that comes twice and may be there once."""
    once = [name for name, _ in connection.scope["headers"] if name in NAMES_SENT_ONCE]
    if len(once) != len({*once}):
        name = NAMES_SENT_ONCE[next(each for each in once if once.count(each) > 1)]
        raise Problem("bad-request", f"Send one header `{name}`.")


def refuse_unknown_parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Raise a 422 problem for parameters of an address that its endpoint does not know, and those that come twice."""
    if not connection.scope["query_string"]:
        return
    known = list_parameters(handler, tuple(connection.path_params))
    errors: dict[str, str] = {}
    given: set[str] = set()
    for name, _ in connection.query_params.multi_items():
        if name not in known:
            errors[name] = "There is no such parameter."
        elif name in given:
            errors[name] = "Send it once."
        given.add(name)
    if errors:
        raise Problem("invalid", errors=errors)


@functools.cache
def list_parameters(handler: BaseRouteHandler, in_path: Iterable[str]) -> frozenset[str]:
    """The parameters that an endpoint takes in its address, beside those in its path."""
    model = handler.create_kwargs_model(dict.fromkeys(in_path))  # type: ignore[arg-type]
    return frozenset(each.field_alias for each in model.expected_query_params)
