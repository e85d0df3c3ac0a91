"""Tasks in lists: `- [ ]` and `- [x]` as boxes that show whether something is done, and can't be ticked."""

from __future__ import annotations

import re

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

TASK_MARK = re.compile(r"\[([ xX])\][ \t]+")


def tasks_as_boxes(state: StateCore) -> None:
    """Items that begin with the mark of a task as a box with their words, which name it to those who don't see it."""
    for place, token in enumerate(state.tokens):
        if token.type != "list_item_open" or state.tokens[place + 1].type != "paragraph_open":
            continue
        inline = state.tokens[place + 2]
        found = TASK_MARK.match(inline.content)  # as it was typed: an escaped one is none
        words = inline.children or []
        if found and words and words[0].type == "text" and words[0].content.startswith(found[0]):
            words[0].content = words[0].content[found.end() :]
            checked = "" if found[1] == " " else " checked"
            box = Token("html_inline", "", 0, content=f'<label class="task"><input type="checkbox" disabled{checked}> ')
            inline.children = [box, *words, Token("html_inline", "", 0, content="</label>")]
