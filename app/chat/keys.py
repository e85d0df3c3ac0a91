"""Keys of messages: what was sent with one is the same message however often it comes, and nothing else is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

LONGEST_KEY = 40


def fingerprint_message(key: str, *, room_id: int, text: str, reply_to_id: int, files: Iterable[int]) -> str:
    """A digest of what is sent with a key. It is kept with the message, so that what comes again can be compared with
    what was sent, whatever became of the message since."""
    sent = json.dumps([key, room_id, text, reply_to_id, sorted(set(files))])
    return hashlib.sha256(sent.encode()).hexdigest()
