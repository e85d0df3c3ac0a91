"""CommonMark as chats have it, and the wall that lets only what it writes through.

What a text may cost is bounded by its length, whatever it is made of: markdown-it takes quadratic time for some (open
brackets, marks that nothing closes, quotes in quotes that go on), so each step that it makes is counted in `work.py`.
When a text has used up what it may cost, the rest of it stays as it was typed: nothing is lost, nothing is an error.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from html import escape
from typing import Any
from urllib.parse import SplitResult, urlsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.ruler import Ruler
from markdown_it.rules_block import StateBlock, blockquote, lheading, list_block
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, link
from markdown_it.rules_inline.balance_pairs import processDelimiters
from markdown_it.rules_inline.state_inline import Delimiter, Scanned
from markdown_it.token import Token

from app.web.markdown.addresses import bare_links, web_address
from app.web.markdown.tables import BlockRule, bounded_table, where_one_may_be
from app.web.markdown.work import ADDRESS_COST as READ_ADDRESS
from app.web.markdown.work import BLOCK, ITEM, TOKEN, VALIDATION, allowance, spend

# What a step in a paragraph costs: it asks each rule.
STEP = 3

# Levels of quotes and lists (a list takes two). Deeper marks stay text; maxNesting alone would swallow what they hold.
DEPTH = 10
NESTING = 20

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
    },
    attributes={"a": {"href"}, "ol": {"start"}, "span": {"data-member"}},
    tag_attribute_values={"a": {"rel": {REL}, "target": {"_blank"}}, "div": {"tabindex": {"0"}}},
    allowed_classes={
        "a": {"record-link"},
        "span": {"mention", "everybody", "quoted", *HIGHLIGHTED},
        "div": {"table"},
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


class InlineState(StateInline):
    """A paragraph in which marks of emphasis between numbers, and a single star in a word, stay what was typed."""

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        """What a run of marks may do: "2*3*4" and "a*b" are sums. Where words have no spaces between them, and letters
        no case, marks stand between letters as a rule."""
        scanned = super().scanDelims(start, canSplitWord)
        end = start + scanned.length
        if not canSplitWord or start == 0 or end >= self.posMax:
            return scanned
        around = [unicodedata.category(self.src[place]) for place in (start - 1, end)]
        if all(each in ("Lu", "Ll", "Lt", "Nd") for each in around) and ("Nd" in around or scanned.length == 1):
            return Scanned(can_open=False, can_close=False, length=scanned.length)
        return scanned


class BoundedInline(ParserInline):
    """The parser of paragraphs, each step of which is counted."""

    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        """Parse a paragraph."""
        state = InlineState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens

    def skipToken(self, state: StateInline) -> None:
        """Step over what begins here. When the text may cost nothing more, that is all of it: it closes no bracket."""
        if not spend(1 if state.pos in state.cache else STEP):
            state.pos = state.posMax
            return
        super().skipToken(state)

    def tokenize(self, state: StateInline) -> None:
        """Make tokens of a range, and a mere text of what it can't afford."""
        rules = self.ruler.getRules("")
        end = state.posMax
        while state.pos < end:
            if not spend(STEP):
                state.append_pending(state.src[state.pos : end])
                state.pos = end
                break
            made = len(state.tokens)
            if state.level < NESTING and any(rule(state, False) for rule in rules):
                spend(TOKEN * (len(state.tokens) - made))
                continue
            state.append_pending(state.src[state.pos])
            state.pos += 1
        if state.pending:
            state.pushPending()


class Exhausted(Exception):
    """The text has cost what it may."""


class CountedDelimiters(Sequence[Delimiter]):
    """Marks of emphasis, each look at which is counted."""

    def __init__(self, delimiters: list[Delimiter]) -> None:
        self.delimiters = delimiters

    def __len__(self) -> int:
        return len(self.delimiters)

    def __getitem__(self, place: Any) -> Any:
        if not spend():
            raise Exhausted
        return self.delimiters[place]


def bounded_pairs(state: StateInline) -> None:
    """Pair marks of emphasis. Those that it can't afford to pair stay marks."""
    inside = (meta["delimiters"] for meta in state.tokens_meta if meta and "delimiters" in meta)
    try:
        for delimiters in (state.delimiters, *inside):
            processDelimiters(state, CountedDelimiters(delimiters))  # type: ignore[arg-type]
    except Exhausted:
        return


def count_blocks(ruler: Ruler[Any]) -> None:
    """Count each try of a rule for blocks, and each block; only paragraphs are made when the text may cost no more."""
    for rule in ruler.__rules__:
        run = counted_paragraph(rule.fn) if rule.name == "paragraph" else counted(rule.fn)
        run = where_one_may_be(run) if rule.name == "table" else run
        ruler.at(rule.name, run, {"alt": rule.alt})
    ruler.before("list", "end_of_what_it_may_cost", end_list, {"alt": ["list"]})


def counted(rule: BlockRule) -> BlockRule:
    """A rule for blocks that is counted. Marks with nothing behind them make no block: they stay what was typed."""

    def run(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        made = len(state.tokens)
        found = spend() and rule(state, start, end, silent)
        if not found or silent:
            return found
        if not any(token.content or token.type == "hr" for token in state.tokens[made:]):
            spend(state.line - start)
            del state.tokens[made:]
            state.line = start
            return False
        spend(BLOCK)
        return True

    return run


def counted_paragraph(rule: BlockRule) -> BlockRule:
    """The rule for paragraphs. What a text can't afford to part is one."""

    def run(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        if spend(BLOCK) or silent:
            return rule(state, start, end, silent)
        opening = state.push("paragraph_open", "p", 1)
        inline = state.push("inline", "", 0)
        inline.content = state.getLines(start, end, state.blkIndent, False).strip()
        inline.map = opening.map = [start, end]
        inline.children = []
        state.push("paragraph_close", "p", -1)
        state.line = end
        return True

    return run


def end_list(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """End a list where its text may cost no more: a list asks this before each of its items."""
    return silent and not spend(ITEM)


def bounded_blockquote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A quote, unless it is too deep in others."""
    return state.level < DEPTH and blockquote(state, start, end, silent)


def bounded_list(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A list, unless it is too deep in others."""
    return state.level < DEPTH and list_block(state, start, end, silent)


def bounded_link(state: StateInline, silent: bool) -> bool:
    """`[words](address)`: each bracket may begin one, and what may be an address is read."""
    return state.src.startswith("[", state.pos) and spend(READ_ADDRESS) and link(state, silent)


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
