"""What a person can do on a page, a program can do with a token: each page that writes has its call, or a reason."""

from __future__ import annotations

from litestar.routes import HTTPRoute

from tests.test_isolation import make_application

# What is changed without saying in which state it was seen, as nobody else changes it.
ONES_OWN = {
    "change_membership": "one's own place in a room",
    "change_wishes": "what one is told oneself",
    "change_new_draft": "what one has typed oneself",
    "renew_record_lock": "the header Lock says which one",
}


def test_nobody_changes_what_they_have_not_seen() -> None:
    changing = {
        handler.fn.__name__: "if_match" in handler.parsed_fn_signature.parameters
        for route in make_application().programs.endpoints.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "PATCH" in handler.http_methods
    }
    assert len(changing) > 10
    assert {name for name, asks in changing.items() if not asks} == ONES_OWN.keys()
