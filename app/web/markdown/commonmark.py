"""CommonMark as chats have it, and the wall that lets only what it writes through.

What a text may cost is bounded by its length, whatever it is made of (`bounds.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import SplitResult, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, lheading
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from app.web.markdown.addresses import bare_links, web_address
from app.web.markdown.bounds import (
    NESTING,
    BoundedInline,
    bounded_blockquote,
    bounded_link,
    bounded_list,
    bounded_pairs,
    count_blocks,
)
from app.web.markdown.tables import bounded_table
from app.web.markdown.tasks import tasks_as_boxes
from app.web.markdown.work import ADDRESS_COST as READ_ADDRESS
from app.web.markdown.work import VALIDATION, allowance, spend

# Marks under a line that make a heading of it.
SHORTEST_UNDERLINE = 3

REL = "noopener noreferrer nofollow"
# What a piece of code is, as far as it is coloured: a keyword, a text, a comment, a number, a name that is defined.
HIGHLIGHTED = {"code-keyword", "code-text", "code-comment", "code-number", "code-name"}
PORTS = {"http": 80, "https": 443}
LINK_ADDRESS = re.compile(r"https?://[^/?#\\\s]|mailto:[^/?#\\\s]", re.IGNORECASE)
OWN_PATH = re.compile(r"/(?![/\\])")

WALL = nh3.Cleaner(
    tags={
        *("a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "span", "strong", "ul"),
        *("div", "table", "tbody", "td", "th", "thead", "tr"),
        *("input", "label"),
    },
    attributes={"a": {"href"}, "input": {"checked"}, "ol": {"start"}, "span": {"data-member"}},
    set_tag_attribute_values={"input": {"type": "checkbox", "disabled": ""}},
    tag_attribute_values={"a": {"rel": {REL}, "target": {"_blank"}}, "div": {"tabindex": {"0"}}},
    allowed_classes={
        "a": {"record-link"},
        "span": {"mention", "everybody", "quoted", *HIGHLIGHTED},
        "div": {"table"},
        "label": {"task"},
        **{cell: {"centred", "right"} for cell in ("td", "th")},
    },
    link_rel=None,
    url_schemes={"http", "https", "mailto"},
    url_relative=lambda url: url if OWN_PATH.match(url) else None,
)


def origin_of_address(address: SplitResult) -> tuple[str, str, int | None] | None:
    """The scheme, host and port of an address; None where it names a person too, which our own never do."""
    if address.username is not None or address.password is not None:
        return None
    return address.scheme, address.hostname or "", address.port or PORTS.get(address.scheme)


class Parser(MarkdownIt):
    """CommonMark for messages: a newline is a line break, marks don't nest without end, only web and mail links.

    `prepare` is called with the text, before it is parsed, and `refer` with what was parsed, before it is rendered.

    References (`[name]: address`) are off: one address may be repeated thousands of times, which turns 8,000
    characters into megabytes.
    """

    def __init__(self, prepare: Callable[[str, Any], str], refer: Callable[[StateCore], None]) -> None:
        super().__init__()
        self.prepare = prepare
        self.inline = BoundedInline()
        self.configure("commonmark", {"html": False, "breaks": True, "xhtmlOut": False, "maxNesting": NESTING})
        self.enable("strikethrough").disable(["html_block", "html_inline", "reference"])
        self.block.ruler.at("blockquote", bounded_blockquote, {"alt": ["paragraph", "reference", "blockquote", "list"]})
        self.block.ruler.at("lheading", underlined_heading)
        self.block.ruler.at("list", bounded_list, {"alt": ["paragraph", "reference", "blockquote"]})
        self.block.ruler.at("table", bounded_table, {"alt": ["paragraph", "reference"]})
        count_blocks(self.block.ruler)
        self.inline.ruler.at("link", bounded_link)
        self.inline.ruler.at("image", image_as_link)
        self.inline.ruler2.at("balance_pairs", bounded_pairs)
        self.inline.ruler.at("linkify", web_address)
        self.core.ruler.at("linkify", bare_links)
        self.enable("linkify")
        self.core.ruler.before("text_join", "references_to_members_and_records", refer)
        self.core.ruler.push("headings_as_bold", headings_as_bold)
        self.core.ruler.push("tasks_as_boxes", tasks_as_boxes)

    def parse(self, src: str, env: Any = None) -> list[Token]:
        """Parse a text, within what one of its length may cost."""
        with allowance(len(src)):
            return super().parse(self.prepare(src, env), env)

    def validateLink(self, url: str) -> bool:
        """Whether an address may be a link. What may not stays text, as it was typed."""
        if not spend(READ_ADDRESS) or not LINK_ADDRESS.match(url) or not spend(VALIDATION):
            return False
        try:
            origin_of_address(urlsplit(url))
        except ValueError:
            return False
        # The wall reads addresses as browsers do, and would leave a link without one where it can't.
        return "href" in WALL.clean(f'<a href="{escape(url)}"></a>')


def underlined_heading(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A line that is underlined, by three marks or more: one is a dash that somebody typed."""
    made = len(state.tokens)
    if not lheading(state, start, end, silent):
        return False
    if len(state.getLines(state.line - 1, state.line, 0, False).strip(" \t>")) >= SHORTEST_UNDERLINE:
        return True
    del state.tokens[made:]
    state.line = start
    return False


def image_as_link(state: StateInline, silent: bool) -> bool:
    """`![words](address)` as a link: an image would tell its server who reads the message, and when.

    In the text of a link it makes a link in a link, which `refer` takes out again.
    """
    if not state.src.startswith("![", state.pos):
        return False
    state.pos += 1
    if bounded_link(state, silent):
        return True
    state.pos -= 1
    return False


def headings_as_bold(state: StateCore) -> None:
    """Headings as bold paragraphs: a message is no page."""
    for place, token in enumerate(state.tokens):
        if token.type == "heading_open":
            token.type, token.tag = "paragraph_open", "p"
            inline = state.tokens[place + 1]
            inline.children = [
                Token("strong_open", "strong", 1),
                *(inline.children or []),
                Token("strong_close", "strong", -1),
            ]
        elif token.type == "heading_close":
            token.type, token.tag = "paragraph_close", "p"
