"""Signatures of what webhooks send, by Standard Webhooks 1.0: who has the secret knows that it came from here.

The database has a seed of a secret, and the secret is made of it and the installation's key: who reads the database
alone can sign nothing, and nobody can read a secret again that was shown once. The specification's own library brings a
client of its own; what it does to sign is these lines, which are tested with its examples.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence

WEBHOOK_SECRET_MARK = "whsec_"  # noqa: S105  (what secrets begin with)
WEBHOOK_SEED_LENGTH = 16


def make_webhook_seed() -> bytes:
    """What is stored of a new secret."""
    return secrets.token_bytes(WEBHOOK_SEED_LENGTH)


def webhook_secret_of(secret_key: str, seed: bytes) -> str:
    """The secret of a seed, as its receiver has it."""
    made = hmac.digest(secret_key.encode(), b"secret of a webhook\0" + seed, hashlib.sha256)
    return WEBHOOK_SECRET_MARK + base64.b64encode(made).decode()


def sign_message(webhook_secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: a signature by each secret, the newest first."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    keys = [base64.b64decode(each.removeprefix(WEBHOOK_SECRET_MARK)) for each in webhook_secrets]
    return " ".join(f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}" for key in keys)
