"""One socket of the gateway, and what it follows."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from app.gateway.messages import APP_DISABLED
from app.gateway.secrets import AppSecrets
from app.live.connection import Connection
from app.web.metrics import GATEWAY_SOCKETS

# What the hub ends the sockets of people with who may not follow any more; here it is the workspace that is closed.
SIGNED_OUT = 4401
# The largest halves of an id that JavaScript and every client library write as they are.
HALF = 10**9


class Subscribed(Struct, frozen=True):
    """A channel that a socket follows; on one with presence, as whom."""

    user: str = ""


# What nearly all channels are followed as: idle sockets are many, and share it.
BY_NOBODY = Subscribed()


class GatewayConnection(Connection):
    """A socket of an app's client. `socket_id` is what it is called in the protocol, `app_id` whose it is, `user` who
    has signed in on it, and `subscribed` what it follows. `said` counts what it has sent to others in this second."""

    __slots__ = (
        "app_id",
        "client_events",
        "heard_at",
        "key",
        "pinged",
        "said",
        "secrets",
        "socket_id",
        "subscribed",
        "user",
    )

    gauge = GATEWAY_SOCKETS

    def __init__(self, scope: Any, tenant_id: int, on_end: Callable[[], None], workspace: str = "") -> None:
        super().__init__(scope, tenant_id, on_end, workspace)
        self.socket_id = f"{secrets.randbelow(HALF)}.{secrets.randbelow(HALF)}"
        self.app_id = 0
        self.key = ""
        self.client_events = False
        self.secrets = AppSecrets(())
        self.user = ""
        self.subscribed: dict[str, Subscribed] = {}
        self.heard_at = 0.0
        self.pinged = False
        self.said = 0

    def close(self, code: int, reason: str) -> None:
        """End the socket: where all of a workspace end, its apps are disabled."""
        super().close(APP_DISABLED if code == SIGNED_OUT else code, reason)
