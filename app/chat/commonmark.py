"""CommonMark as chats have it, and the wall that lets only what it writes through."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from urllib.parse import SplitResult, urlsplit

import nh3
from linkify_it import LinkifyIt  # type: ignore[import-untyped]
from linkify_it.main import Match  # type: ignore[import-untyped]
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, link, linkify
from markdown_it.token import Token

# Levels of quotes and lists (a list takes two). Deeper marks stay text; maxNesting alone would swallow what they hold.
DEPTH = 10
NESTING = 20

REL = "noopener noreferrer nofollow"
PORTS = {"http": 80, "https": 443}
ADDRESS = re.compile(r"https?://[^/?#\\\s]|mailto:[^/?#\\\s]", re.IGNORECASE)
OWN_PATH = re.compile(r"/(?![/\\])")

WALL = nh3.Cleaner(
    tags={"a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "span", "strong", "ul"},
    attributes={"a": {"href"}, "ol": {"start"}, "span": {"data-member"}},
    tag_attribute_values={"a": {"rel": {REL}, "target": {"_blank"}}},
    allowed_classes={"a": {"record-link"}, "span": {"mention", "everybody"}},
    link_rel=None,
    url_schemes={"http", "https", "mailto"},
    url_relative=lambda url: url if OWN_PATH.match(url) else None,
)


def origin_of(address: SplitResult) -> tuple[str, str, int | None] | None:
    """The scheme, host and port of an address; None where it names a person too, which our own never do."""
    if address.username is not None or address.password is not None:
        return None
    return address.scheme, address.hostname or "", address.port or PORTS.get(address.scheme)


class Parser(MarkdownIt):
    """CommonMark for messages: a newline is a line break, marks don't nest without end, only web and mail links.

    `refer` is called with what was parsed, before it is rendered; without it a text is only read.

    References (`[name]: address`) are off: one address may be repeated thousands of times, which turns 8,000
    characters into megabytes.
    """

    def __init__(self, refer: Callable[[StateCore], None] | None = None) -> None:
        super().__init__("commonmark", {"html": False, "breaks": True, "xhtmlOut": False, "maxNesting": NESTING})
        self.enable("strikethrough").disable(["html_block", "html_inline", "reference"])
        self.block.ruler.at("blockquote", bounded_blockquote, {"alt": ["paragraph", "reference", "blockquote", "list"]})
        self.block.ruler.at("list", bounded_list, {"alt": ["paragraph", "reference", "blockquote"]})
        self.inline.ruler.at("image", image_as_link)
        if refer:
            self.options["linkify"] = True
            self.linkify = BareLinks()
            self.enable("linkify")
            self.inline.ruler.at("linkify", web_address)
            self.core.ruler.before("text_join", "references_to_members_and_records", refer)
            self.core.ruler.push("headings_as_bold", headings_as_bold)

    def validateLink(self, url: str) -> bool:
        """Whether an address may be a link. What may not stays text, as it was typed."""
        if not ADDRESS.match(url):
            return False
        try:
            origin_of(urlsplit(url))
        except ValueError:
            return False
        # The wall reads addresses as browsers do, and would leave a link without one where it can't.
        return "href" in WALL.clean(f'<a href="{escape(url)}"></a>')


class BareLinks(LinkifyIt):  # type: ignore[misc]
    """What becomes a link without being marked: web addresses, "www." ones, mail addresses.

    Mere names with a dot don't: "notes.md" and "run.sh" are files in a conversation, and strangers' domains.
    """

    def __init__(self) -> None:
        super().__init__(options={"fuzzy_link": False, "fuzzy_email": True, "fuzzy_ip": False})
        for scheme in ("ftp:", "//"):
            self.add(scheme, None)
        # A host has at most 253 characters; looking for longer ones at each "www." would take quadratic time.
        host = rf"(?![^\s/?#]{{250}}){self.re['src_host_port_strict']}"
        self.add("www.", {"validate": f"^{host}{self.re['src_path']}"})

    def normalize(self, match: Match) -> None:
        """Give an address the scheme that it was typed without."""
        super().normalize(match)
        if match.schema == "www.":
            match.url = f"http://{match.url}"


def bounded_blockquote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A quote, unless it is too deep in others."""
    return state.level < DEPTH and blockquote(state, start, end, silent)


def bounded_list(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A list, unless it is too deep in others."""
    return state.level < DEPTH and list_block(state, start, end, silent)


def web_address(state: StateInline, silent: bool) -> bool:
    """A bare address at its "://", before its letters are taken for marks.

    The scheme is looked at first, as markdown-it searches all the text before for one.
    """
    return state.pending[-5:].lower().endswith(("http", "https")) and linkify(state, silent)


def image_as_link(state: StateInline, silent: bool) -> bool:
    """`![words](address)` as a link: an image would tell its server who reads the message, and when.

    In the text of a link it makes a link in a link, which `refer` takes out again.
    """
    if not state.src.startswith("![", state.pos):
        return False
    state.pos += 1
    if link(state, silent):
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
