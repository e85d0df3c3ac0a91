"""Secrets of apps, which are made of the installation's secret and of what is stored of each app.

Whoever signs with one needs it as it is, so that no digest will do. In the database are random bytes alone: who has a
copy of it, and not the installation's secret, has none of an app's.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from functools import lru_cache

from msgspec import Struct

SEED_LENGTH = 16


@lru_cache(maxsize=4)
def key_for(secret_key: str, purpose: str) -> bytes:
    """The installation's key for one purpose."""
    return hashlib.blake2b(secret_key.encode(), person=purpose.encode(), digest_size=32).digest()


def make_seed() -> bytes:
    """What is stored of a new secret."""
    return secrets.token_bytes(SEED_LENGTH)


def secret_of(secret_key: str, seed: bytes) -> str:
    """The secret that a seed stands for, of 40 letters and digits."""
    return hmac.new(key_for(secret_key, "mutirao app"), seed, hashlib.sha256).hexdigest()[:40]


def sign_text(secret: str, text: str) -> str:
    """A signature as the Pusher protocol has it."""
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


class AppSecrets(Struct, frozen=True):
    """The secrets that an app has now: one, or two while it is changed."""

    secrets: tuple[str, ...]

    def is_signed(self, text: str, signature: str) -> bool:
        """Whether one of them has signed a text. It takes as long whether it has or not."""
        given = signature.encode()
        found = [hmac.compare_digest(sign_text(secret, text).encode(), given) for secret in self.secrets]
        return any(found)
