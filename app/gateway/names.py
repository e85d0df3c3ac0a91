"""Names of channels in the Pusher protocol, and addresses of its clients: which kind one is of, and which are the
workspace's own. Pure functions."""

from __future__ import annotations

import re

LONGEST_CHANNEL_NAME = 164
CHANNEL_NAME = re.compile(rf"[A-Za-z0-9_\-=@,.;]{{1,{LONGEST_CHANNEL_NAME}}}")
# What a socket may follow at once.
MOST_SUBSCRIBED = 1000
SOCKET_ID = re.compile(r"[0-9]{1,12}\.[0-9]{1,12}")
LONGEST_EVENT = 200
# What the workspace's own channels begin with. No app's secret is good for any of them.
RESERVED_NAMES = ("private-tenant.", "private-user.", "presence-tenant.", "presence-editing.")
# Events of these names are the protocol's own.
INTERNAL_EVENTS = ("pusher:", "pusher_internal:")
TO_USER = "#server-to-user-"
CACHES = ("cache-", "private-cache-", "presence-cache-", "private-encrypted-cache-")
ENCRYPTED = "private-encrypted-"
# The one address of a server's calls that does not begin with its app.
OF_USERS = re.compile(r"/users/[^/]+/terminate_connections")
# How all addresses begin that are its clients' or their servers', so that of others it need not be asked.
GATEWAY_PATHS = ("/app/", "/apps/", "/broadcasting/", "/up", "/users/")


def is_gateway_socket(path: str) -> bool:
    """Whether a socket is one of a client of the Pusher protocol, by its address."""
    return path.startswith("/app/")


def is_for_gateway(path: str) -> bool:
    """Whether an address is one that clients of the Pusher protocol, or their servers, ask for."""
    if not path.startswith(GATEWAY_PATHS):
        return False
    return path.startswith(("/apps/", "/broadcasting/")) or path == "/up" or OF_USERS.fullmatch(path) is not None


def is_channel_name(name: object) -> bool:
    """Whether a channel can be called so."""
    return isinstance(name, str) and CHANNEL_NAME.fullmatch(name) is not None


def is_reserved(name: str) -> bool:
    """Whether a channel is the workspace's own."""
    return name.startswith(RESERVED_NAMES)


def is_private(name: str) -> bool:
    """Whether a channel is for whom somebody has signed."""
    return name.startswith(("private-", "presence-"))


def is_presence(name: str) -> bool:
    """Whether those on a channel are known to each other."""
    return name.startswith("presence-")


def is_cache(name: str) -> bool:
    """Whether who comes to a channel is told its last event."""
    return name.startswith(CACHES)


def user_of(name: str) -> str:
    """The user whom a channel of one user is for; '' for any other."""
    return name.removeprefix(TO_USER) if name.startswith(TO_USER) else ""
