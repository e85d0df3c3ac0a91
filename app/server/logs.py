"""Logs: JSON lines, or with --debug one readable line for each step of a message."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from datetime import date, datetime
from typing import Any

import structlog

SECRET = ("password", "token", "cookie", "authorization")


def hide_secrets(logger: Any, method: str, event: dict[str, Any]) -> dict[str, Any]:
    """Replace what must never be in a log."""
    for name in event:
        if any(word in name.lower() for word in SECRET):
            event[name] = "***"
    return event


class Stream(io.TextIOBase):
    """Standard error, of which lines are lost rather than a request when they can't be written, as on a full disk."""

    def write(self, text: str) -> int:
        """Write lines as they are, past the buffers, which would give up what they can't write another time."""
        left = text.encode(errors="backslashreplace")
        with contextlib.suppress(OSError):
            while left:
                left = left[os.write(sys.stderr.fileno(), left) :]
        return len(text)


def write_logged(value: Any) -> str:
    """A value that JSON has no form for: a moment as programs read it, and anything else as Python writes it."""
    return value.isoformat() if isinstance(value, date | datetime) else repr(value)


def set_up_logs(*, debug: bool) -> None:
    """Send structlog's and the standard library's lines to standard error in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,  # the id of the request that one is in
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_secrets,
        structlog.processors.format_exc_info,
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if debug
        else structlog.processors.JSONRenderer(default=write_logged)
    )
    stream: Any = Stream()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
