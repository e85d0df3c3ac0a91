"""What is gathered of what an app's server is told, until it is in rows: in memory, and so within bounds.

It is put into rows in parts (`app_sending.py`), so that no transaction takes long, however much happens in one moment.
Of one app as much is held as waits for its server in rows (`app_turns.py`), and of all apps of a process together less
than it would be if each had that much.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from msgspec import Struct, field

from app.gateway.app_turns import MOST_HOOK_EVENTS, MOST_HOOK_TEXT

# Of one app, in characters, and of all of a process; and what is put into rows at once.
MOST_GATHERED, MOST_GATHERED_TEXT, MOST_GATHERED_OF_ALL = MOST_HOOK_EVENTS, MOST_HOOK_TEXT, 2 * MOST_HOOK_TEXT
PART, PART_TEXT = 1000, 2**20


class Gathered(Struct):
    """What has happened on an app's channels and is in no row yet: of each its number, kind, and the event as JSON; and
    up to which number it is known what became of it."""

    events: deque[tuple[int, str, str]] = field(default_factory=deque)
    size: int = 0
    count: int = 0
    upto: int = 0

    def add(self, kind: str, text: str) -> int:
        """One more; of too many the oldest are dropped. How many characters more that is in all."""
        before = self.size
        self.count += 1
        self.events.append((self.count, kind, text))
        self.size += len(text)
        while len(self.events) > MOST_GATHERED or (self.size > MOST_GATHERED_TEXT and len(self.events) > 1):
            self.drop_first()
        return self.size - before

    def drop_first(self) -> int:
        """Drop the oldest; how many characters that was."""
        size = len(self.events.popleft()[2])
        self.size -= size
        return size

    def list_part(self) -> list[tuple[int, str, str]]:
        """The oldest, as much as is put into rows at once."""
        part: list[tuple[int, str, str]] = []
        size = 0
        for each in islice(self.events, PART):
            size += len(each[2])
            if part and size > PART_TEXT:
                break
            part.append(each)
        return part

    def fills_a_part(self) -> bool:
        """Whether so much is here that it is not waited for more."""
        return len(self.events) >= PART or self.size >= PART_TEXT

    def forget(self, upto: int) -> int:
        """Drop what is in rows now; some of it may have been dropped meanwhile. How many characters that was."""
        before = self.size
        while self.events and self.events[0][0] <= upto:
            self.drop_first()
        self.upto = upto
        return before - self.size

    def count_dropped(self) -> int:
        """How many were dropped, since it was asked last, that are in no rows."""
        first = self.events[0][0] if self.events else self.count + 1
        dropped, self.upto = first - self.upto - 1, first - 1
        return dropped
