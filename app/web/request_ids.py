"""Ids of requests: by one, a person who quotes an error page and whoever reads the log speak of the same thing.

A request has it in the header of its answer, in every line of the log, and on the pages of what is our fault.
"""

from __future__ import annotations

from typing import Any

from app.web.texts import Text, _l

HEADER = b"x-request-id"


def request_id_of(scope: Any) -> str:
    """The id of a request that has passed the gate."""
    return str(scope["state"]["request_id"])


def quote_request(request_id: str) -> Text:
    """What a person may tell whoever runs the program."""
    return _l("If you report this, mention request %(id)s.", id=request_id)
