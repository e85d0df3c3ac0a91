"""How a socket ends from our side: the code and the reason that its page is told."""

from __future__ import annotations

import structlog

from app.web.errors import first_line, is_database_away

log = structlog.get_logger("live")


class Ended(Exception):
    """The socket must end: `args` are the close code and the reason."""


def failed(error: Exception) -> Ended:
    """How a socket ends by what is our fault: its page comes back."""
    if is_database_away(error):
        log.error("the database is not available", path="/live", reason=first_line(error))
        return Ended(1013, "try again later")
    log.error("a socket failed", exc_info=error)
    return Ended(1011, "something went wrong")
