"""The headers that bound what a page may do, and what others may do with it."""

from __future__ import annotations

from functools import lru_cache

from app.settings import Settings


# Anybody may ask for any host: what was not asked for lately is made again.
@lru_cache(maxsize=1000)
def security_headers(settings: Settings, slug: str | None = None) -> tuple[tuple[bytes, bytes], ...]:
    """The headers of every answer that has not set them itself. docs/security.md explains each.

    `slug` says whose host answers: a workspace's, '' for the central one, None for one that is not ours.
    """
    base = settings.base_host
    # Older browsers don't count the host's own sockets as 'self'.
    host = f"{slug}.{base}" if slug else base
    socket = "" if slug is None else f" {'wss' if settings.secure else 'ws'}://{host}"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        f"connect-src 'self'{socket}; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; object-src 'none'; manifest-src 'self'"
    )
    headers = [
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"same-origin"),
        (b"x-frame-options", b"DENY"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
        (b"cache-control", b"no-store"),
    ]
    if settings.secure:
        headers.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains"))
    return tuple(headers)
