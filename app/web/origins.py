"""From which pages a client may come. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import urlsplit


def is_origin_allowed(origin: str, patterns: Iterable[str]) -> bool:
    """Whether a page of an origin is one of those that patterns say."""
    return any(is_like(origin, pattern) for pattern in patterns)


@lru_cache(maxsize=1000)
def is_like(origin: str, pattern: str) -> bool:
    """Whether an origin is as a pattern says: `*`; `https://example.org`; `*.example.org`, which has any scheme and,
    where it names none, any port."""
    if pattern == "*":
        return True
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return False
    if "@" in parts.netloc:  # no browser names an origin so
        return False
    scheme, _, place = pattern.rpartition("://")
    host, _, wanted_port = place.partition(":")
    if scheme and parts.scheme != scheme:
        return False
    if wanted_port not in ("", "*") and str(port or default_port(parts.scheme)) != wanted_port:
        return False
    if scheme and not wanted_port and port not in (None, default_port(scheme)):
        return False
    name = parts.hostname or ""
    return name.endswith(host[1:]) and name != host[2:] if host.startswith("*.") else name == host


def default_port(scheme: str) -> int:
    """The port of a scheme."""
    return 443 if scheme == "https" else 80
