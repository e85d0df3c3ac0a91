"""Ids of requests: by one, a person who quotes an error page and whoever reads the log speak of the same thing.

A request has it in the header of its answer, in every line of the log, and on the pages of what is our fault.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

from app.settings import Settings
from app.web.texts import Text, _l

HEADER = b"x-request-id"
FORM = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")


def make_request_id() -> str:
    """A new id, short enough to be read out."""
    return secrets.token_hex(8)


def find_request_id(scope: Any, settings: Settings) -> str:
    """The id that a proxy of ours has given to a request, or else a new one.

    What anybody sends would be in the log as if it were ours. The scope's client has to be the one that is connected,
    and not yet the one that a proxy tells of.
    """
    given = [value for name, value in scope["headers"] if name == HEADER]
    client = scope.get("client")
    if len(given) == 1 and FORM.fullmatch(given[0]) and client and settings.is_proxy(client[0]):
        return str(given[0].decode())
    return make_request_id()


def request_id_of(scope: Any) -> str:
    """The id of a request that has passed the gate."""
    return str(scope["state"]["request_id"])


def quote_request(request_id: str) -> Text:
    """What a person may tell whoever runs the program."""
    return _l("If you report this, quote request %(id)s.", id=request_id)
