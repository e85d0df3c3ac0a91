"""Grants: what `/broadcasting/auth` gives a member's client, by which it follows one of the workspace's channels.

A grant is signed with a key of the installation's, which no app has. It holds for one socket, one channel, one member
and the credential that was shown, and for a minute. Pure functions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from app.gateway.secrets import key_for

GRANT_SECONDS = 60
MARK_OF_GRANTS = "workspace"
LONGEST_GRANT = 2048


class ChannelGrant(Struct, frozen=True):
    """What was granted. `channel` is '' where somebody may sign in; `last` the cursor to go on behind, -1 for none.

    `waits` says whether whoever opens something to edit stands in line for it; `came` is the socket that had it before.
    """

    tenant_id: int
    socket_id: str
    channel: str
    member_id: int
    session_id: int | None
    token_id: int | None
    until: int
    last: int = -1
    waits: bool = False
    came: str = ""

    def is_of(self, other: ChannelGrant) -> bool:
        """Whether it is for the same channel, member and credential as another, if not for the same socket."""
        own = (self.tenant_id, self.channel, self.member_id, self.session_id, self.token_id)
        return own == (other.tenant_id, other.channel, other.member_id, other.session_id, other.token_id)

    @property
    def over(self) -> bool:
        """Whether it is too old."""
        return time.time() > self.until


def sign_payload(secret_key: str, payload: bytes) -> str:
    """What a grant is signed with."""
    return hmac.new(key_for(secret_key, "mutirao grant"), payload, hashlib.sha256).hexdigest()


def write_grant(secret_key: str, grant: ChannelGrant) -> str:
    """A grant as a client carries it."""
    payload = base64.urlsafe_b64encode(json.dumps(asdict(grant), separators=(",", ":")).encode()).rstrip(b"=")
    return f"{MARK_OF_GRANTS}:{payload.decode()}.{sign_payload(secret_key, payload)}"


def read_grant(secret_key: str, text: Any) -> ChannelGrant | None:
    """The grant that a client shows, however old; None for what is none of ours."""
    if not isinstance(text, str) or len(text) > LONGEST_GRANT or not text.isascii():
        return None
    mark, _, rest = text.partition(":")
    payload, _, signature = rest.partition(".")
    if mark != MARK_OF_GRANTS or not hmac.compare_digest(sign_payload(secret_key, payload.encode()), signature):
        return None
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return ChannelGrant(**said)
