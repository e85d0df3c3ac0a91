"""What the kernel is told of connections that are kept open and written to: of sockets, and of streams."""

from __future__ import annotations

import socket
from asyncio import BaseTransport

UNSENT_LIMIT = 128 * 1024
USER_TIMEOUT = 20_000


def bound_waiting(transport: BaseTransport) -> None:
    """Bound what the kernel holds for a slow reader, and how long it waits for a dead peer."""
    raw = transport.get_extra_info("socket")
    if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6) and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_LIMIT)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)
