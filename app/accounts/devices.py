"""Devices: browsers that have signed in to an account before, known by a cookie that stays when the session ends.

Tries at a password from such a browser are counted by themselves, so that whoever guesses from elsewhere can't keep its
owner out (https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies). Nothing is stored:
the cookie names accounts and proves each with the installation's secret. The proof is of the password's hash, too, so
that with a new password every browser is unknown again.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import timedelta

from litestar.datastructures import Cookie

from app.settings import Settings
from app.web.cookies import CookieError, read_cookie, session_cookie

DEVICE_LIFETIME = timedelta(days=365)
# Accounts that one browser is known to; the one that signed in last comes first.
MOST_ACCOUNTS = 5


def prove(settings: Settings, account: str, nonce: str, password_hash: str) -> str:
    """What only this installation can write."""
    key = hashlib.blake2b(settings.secret_key.encode(), person=b"mutirao device").digest()
    proven = "\0".join((account, nonce, password_hash))
    return hmac.new(key, proven.encode(), hashlib.sha256).hexdigest()[:32]


def read_devices(settings: Settings, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str, str]]:
    """What the cookie says: accounts, each with a random number and a proof. Anybody may have written it."""
    try:
        value = read_cookie(headers, settings.device_cookie) or ""
    except CookieError:
        return []
    parts = [tuple(entry.split(".")) for entry in value.split("~")[:MOST_ACCOUNTS]]
    return [(part[0], part[1], part[2]) for part in parts if len(part) == 3]


def find_device(
    settings: Settings, headers: Iterable[tuple[bytes, bytes]], account: str, password_hash: str | None
) -> str:
    """The name of a browser that is known to the account, '' for one that is not."""
    for named, nonce, proof in read_devices(settings, headers):
        if (
            password_hash
            and named == account
            and hmac.compare_digest(proof.encode(), prove(settings, account, nonce, password_hash).encode())
        ):
            return nonce
    return ""


def device_cookie(
    settings: Settings, headers: Iterable[tuple[bytes, bytes]], account: str, password_hash: str
) -> Cookie:
    """The cookie that makes a browser known to the account that it signs in to, beside those it is known to."""
    nonce = secrets.token_hex(8)
    others = [entry for entry in read_devices(settings, headers) if entry[0] != account]
    entries = [(account, nonce, prove(settings, account, nonce, password_hash)), *others[: MOST_ACCOUNTS - 1]]
    value = "~".join(".".join(entry) for entry in entries)
    return session_cookie(settings, value, seconds=int(DEVICE_LIFETIME.total_seconds()), name=settings.device_cookie)
