"""Changing a message: its form says by which names it showed the mentions, and what is saved is read by those.

A mention that stays in the text refers to whom it referred to before, by where it stands: whoever else has that name by
now, and whatever its member is called when the form is saved. What is typed anew is looked for among today's names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from msgspec import Struct, field

from app.accounts.members import find_member_names
from app.accounts.mentions import STORED, mentioned_in, names_by_member, without_marks, write_names
from app.database import Transaction

LONGEST_NAME = 80
NUMBER = re.compile("[1-9][0-9]{0,17}")


class Filled(Struct, frozen=True):
    """What the form of a message was filled with: its text, where which member's mention stands in it, and the names by
    which it shows them."""

    text: str
    mentions: tuple[tuple[int, int, int], ...]
    names: Mapping[int, str]

    @property
    def named(self) -> str:
        """The names, as the form carries them."""
        return json.dumps({str(member): name for member, name in self.names.items()}, ensure_ascii=False)


class Kept(Struct):
    """Mentions of a form that are found again in what was typed: those that stand where they stood, by where they begin
    (where they end, and whose they are), and the others in their order, by name."""

    standing: dict[int, tuple[int, int]] = field(default_factory=dict)
    moved: dict[str, list[int]] = field(default_factory=dict)

    def take(self, name: str) -> int | None:
        """Whose the next mention by a name is, of those that do not stand where they stood."""
        waiting = self.moved.get(name)
        return waiting.pop(0) if waiting else None


def fill_text(stored: str, names: Mapping[int, str]) -> Filled:
    """A stored text as a form shows it, with these names."""
    parts: list[str] = []
    mentions = []
    length = done = 0
    for mark in STORED.finditer(stored):
        for part in (write_names(stored[done : mark.start()], names), write_names(mark[0], names)):
            parts.append(part)
            length += len(part)
        mentions.append((length - len(parts[-1]), length, int(mark[1])))
        done = mark.end()
    parts.append(write_names(stored[done:], names))
    return Filled("".join(parts), tuple(mentions), names)


async def fill_form(transaction: Transaction, stored: str, html: str, *, longest: int) -> Filled:
    """A message as its form shows it: with the names that members have now.

    Where those make it longer than a message may be, with the names that it was written with, which did not.
    """
    now = await find_member_names(transaction, mentioned_in(stored))
    filled = fill_text(stored, now)
    return filled if len(filled.text) <= longest else fill_text(stored, now | names_by_member(html))


async def fill_as_before(transaction: Transaction, stored: str, named: str) -> Filled:
    """A message as a form showed it that carries these names; with today's where it says nothing of a member."""
    now = await find_member_names(transaction, mentioned_in(stored))
    shown = read_named(named)
    return fill_text(stored, {member: shown.get(member, name) for member, name in now.items()})


def read_named(named: str) -> dict[int, str]:
    """The names that a form carries. One that was tampered with names nobody."""
    try:
        values = json.loads(named) if named else {}
    except (ValueError, RecursionError):
        return {}
    pairs = values.items() if isinstance(values, dict) else ()
    return {
        int(member): without_marks(name)
        for member, name in pairs
        if NUMBER.fullmatch(member) and isinstance(name, str) and 0 < len(name) <= LONGEST_NAME
    }


def find_kept(filled: Filled, typed: str) -> Kept:
    """Find the mentions of a form again in what was typed into it: what is before the first change, and after the last
    one, stands where it stood."""
    before, typed_length = filled.text, len(typed)
    shorter = min(len(before), typed_length)
    head = next((place for place in range(shorter) if before[place] != typed[place]), shorter)
    tail = next((step for step in range(shorter - head) if before[-1 - step] != typed[-1 - step]), shorter - head)
    shift = typed_length - len(before)
    kept = Kept()
    for start, end, member in filled.mentions:
        # Behind it stands what stood there: a name that goes on would be another one.
        if end < head or before == typed:
            kept.standing[start] = end, member
        elif start >= len(before) - tail:
            kept.standing[start + shift] = end + shift, member
        else:
            kept.moved.setdefault(filled.names.get(member, ""), []).append(member)
    return kept
