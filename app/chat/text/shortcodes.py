"""Emoji by their short names, such as `:tada:`, as GitHub and others have them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

from markdown_it.rules_inline import StateInline

# The same file has the emoji that pages choose from (js/emoji-picker.js).
EMOJI_FILE = Path(__file__).parents[2] / "static" / "vendor" / "emoji-en.json"
SHORTCODE = re.compile(r":([a-z0-9_+-]{1,60}):(?!\w)")


@cache
def read_shortcodes() -> dict[str, str]:
    """Emoji by their short names; read once."""
    groups: list[list[str]] = json.loads(EMOJI_FILE.read_text(encoding="utf-8"))
    lines = [line.split("\t") for group in groups for line in group]
    return {name: emoji for emoji, _, names, *_ in lines for name in names.split()}


def emoji_of_shortcode(state: StateInline, silent: bool) -> bool:
    """The rule for what is written between two colons that stand in no word. What is no emoji stays what was typed."""
    if state.src[state.pos] != ":" or (state.pos and state.src[state.pos - 1].isalnum()):
        return False
    found = SHORTCODE.match(state.src, state.pos, state.posMax)
    emoji = found and read_shortcodes().get(found[1])
    if not found or not emoji:
        return False
    if not silent:
        state.pending += emoji
    state.pos = found.end()
    return True
