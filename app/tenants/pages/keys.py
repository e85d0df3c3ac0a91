"""The list of keyboard shortcuts, which `js/keyboard.js` takes."""

from __future__ import annotations

from litestar import Response, get

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.quick_switcher import leads_to
from app.accounts.shell import render_page
from app.database import Transaction
from app.web.texts import _l

SHORTCUTS = (
    (
        _l("Go to"),
        (
            (("Ctrl", "K"), _l("Search or go anywhere")),
            (("g", "h"), _l("Home")),
            (("g", "c"), _l("Collections")),
            (("g", "r"), _l("Rooms")),
            (("g", "n"), _l("Notifications")),
        ),
    ),
    (
        _l("On a page"),
        (
            (("j",), _l("Next item")),
            (("k",), _l("Previous item")),
            (("e",), _l("Edit the record, or your message")),
            (("m",), _l("Write a message")),
            (("r",), _l("Reply")),
            (("n",), _l("New record")),
            (("/",), _l("Search")),
            (("Esc",), _l("Close")),
            (("?",), _l("Keyboard shortcuts")),
        ),
    ),
)


leads_to("acts", _l("Keyboard shortcuts"), "/keys", icon="info", order=80, attributes=("data-ask-first",))


@get("/keys")
async def show_keys(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """Which keys do what, and whether single ones do it in this browser."""
    return await render_page(request, transaction, member, "tenants/keys.html", groups=SHORTCUTS)


handlers = [show_keys]
