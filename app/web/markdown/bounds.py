"""The bounds of CommonMark: what a text may cost, and how deep it may nest, whatever it is made of.

markdown-it takes quadratic time for some texts (open brackets, marks that nothing closes, quotes in quotes that go on),
so each step that it makes is counted in `work.py`. When a text has used up what it may cost, the rest of it stays as it
was typed: nothing is lost, nothing is an error.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.ruler import Ruler
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.rules_inline import StateInline, link
from markdown_it.rules_inline.balance_pairs import processDelimiters
from markdown_it.rules_inline.state_inline import Delimiter, Scanned
from markdown_it.token import Token

from app.web.markdown.tables import BlockRule, where_one_may_be
from app.web.markdown.work import ADDRESS_COST as READ_ADDRESS
from app.web.markdown.work import BLOCK, ITEM, TOKEN, spend

# What a step in a paragraph costs: it asks each rule.
STEP = 3

# Levels of quotes and lists (a list takes two). Deeper marks stay text; maxNesting alone would swallow what they hold.
DEPTH = 10
NESTING = 20


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
