"""What becomes a link without being marked: web addresses, "www." ones, mail addresses.

Mere names with a dot don't: "notes.md" and "run.sh" are files in a conversation, and strangers' domains. Each address
is read once, letter by letter, and is no longer than browsers take: no expression here goes back over what it has read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from app.web.markdown.work import spend

LONGEST_HOST = 253
# A person, a host and a port, with room for what tells that the host is too long.
LONGEST_AUTHORITY = 350
LONGEST_PATH = 2_000
LONGEST_LOCAL_PART = 64

# What joins letters or emoji; nothing else that nobody can see belongs to an address.
JOINERS = "\u200c\u200d"


def list_marks() -> tuple[list[int], list[int]]:
    """Punctuation of all scripts, of which none lies beyond, and what nobody can see, by their code points."""
    punctuation, invisible = [], []
    for codes in (range(0xA0, 0x20000), range(0xE0000, 0xE0080)):
        for code, kind in zip(codes, map(unicodedata.category, map(chr, codes)), strict=True):
            if kind[0] == "P":
                punctuation.append(code)
            elif kind == "Cf" and chr(code) not in JOINERS:
                invisible.append(code)
    return punctuation, invisible


PUNCTUATION, INVISIBLE_IN_ADDRESS = list_marks()


def breaks_address(code: int) -> bool:
    """Whether a mark ends an address that it stands in: after it no space is needed to go on with the sentence.

    Quotation marks, dashes between parts of a sentence, an ellipsis, and what is as wide as a Chinese character, but
    for the dot between the words of a name in Japanese. Marks of other scripts are followed by a space.
    """
    kind = unicodedata.category(chr(code))
    wide = unicodedata.east_asian_width(chr(code)) in ("W", "F", "H") and chr(code) not in "\u30fb\uff65"
    return wide or kind in ("Pi", "Pf") or chr(code) in "\u2014\u2015\u2026\u2e3a\u2e3b"


def class_of(codes: list[int]) -> str:
    """Characters as they stand in a class of an expression."""
    return "".join(re.escape(chr(code)) for code in codes)


# Brackets of all scripts; the two of a pair are neighbours in Unicode, or have one between them.
CLOSING = {")": "(", "]": "[", "}": "{"} | {
    chr(code + step): chr(code)
    for code in PUNCTUATION
    for step in (2, 1)
    if unicodedata.category(chr(code)) == "Ps" and unicodedata.category(chr(code + step)) == "Pe"
}

# A letter or digit of a host, of any script: what is no punctuation, no space and no control.
LETTER = (
    r"(?:[^\W_]|[^\0-\u00bf\u2000-\u206f\u2e00-\u2e7f\u3000-\u303f\ufe10-\ufe6f"
    rf"\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65{class_of(PUNCTUATION + INVISIBLE_IN_ADDRESS)}])"
)
HOST = rf"{LETTER}++(?:-++{LETTER}++)*+(?:\.{LETTER}++(?:-++{LETTER}++)*+)*+"
# Behind it nothing may go on that no host has; a low line that no letter follows is a mark of emphasis.
HOST_END = r"(?![-@]|_++[-.:@/?#]*+\w|:[0-9]|\.-)"
AUTHORITY = re.compile(rf"(?:[^\s@/\\\[\]()<>]{{1,50}}@)?(?P<host>{HOST})(?::[0-9]{{1,5}}+)?{HOST_END}")
PATH = re.compile(rf"[/?#][^\s<>\"`\uff5c\0-\x1f\x7f-\x9f{class_of(INVISIBLE_IN_ADDRESS)}]{{0,{LONGEST_PATH}}}")
OPENING = frozenset(CLOSING.values())
BRACKETS = {*CLOSING, *OPENING}
ENDING_MARK = re.compile(
    f"[{class_of([code for code in PUNCTUATION if breaks_address(code)])}{class_of(sorted(map(ord, BRACKETS)))}]"
)
# What ends a sentence or emphasis, and not an address.
AFTER = frozenset(".,:;!?'*_~" + JOINERS) | set(map(chr, PUNCTUATION))
# What a mail address may stand after, without a space.
BEFORE = frozenset("<>\"'([{\uff5c") | {
    chr(code) for code in PUNCTUATION if breaks_address(code) or unicodedata.category(chr(code)) == "Ps"
}

SCHEME = re.compile(r"(?<![a-z0-9.+-])https?\Z", re.IGNORECASE)
# Where others begin; a mail address has its name before the mark.
ADDRESS_START = re.compile(r"(?<!\w)(?P<scheme>www\.|mailto:)|@", re.IGNORECASE)
# In a paragraph one may stand behind a mark of emphasis.
IN_PARAGRAPH = re.compile(r"www\.|mailto:|@", re.IGNORECASE)
NAME_LETTERS = frozenset("-;:&=+$,.\"'_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
MAIL_HOST = re.compile(rf"(?P<host>{HOST}){HOST_END}")
TOP_LEVEL = re.compile(r"\.(?:[^\W\d_]{2,63}|xn--[a-z0-9-]{1,59})\Z", re.IGNORECASE)

# What looking at one costs, in steps.
ADDRESS_STEPS = 20
# So many characters of a path are read in the time of one.
A_STEP = 16


def end_of_address(text: str, start: int, limit: int) -> int:
    """Where a web address ends whose host begins at `start`; `start` where there is none, or it costs too much."""
    authority = AUTHORITY.match(text, start, min(limit, start + LONGEST_AUTHORITY))
    if authority is None or len(authority["host"]) > LONGEST_HOST:
        return start
    path = PATH.match(text, authority.end(), limit)
    if path is None:
        return authority.end()
    if not spend(len(path[0]) // A_STEP) or len(path[0]) > LONGEST_PATH:
        return start
    # A bracket belongs to the address when both of a pair do.
    end = path.end()
    opened: list[tuple[str, int]] = []
    for mark in ENDING_MARK.finditer(text, path.start(), end):
        if mark[0] in OPENING:
            opened.append((mark[0], mark.start()))
        elif opened and opened[-1][0] == CLOSING.get(mark[0]):
            opened.pop()
        else:
            end = mark.start()
            break
    if opened:
        end = opened[0][1]
    return end_of_sentence(text, authority.end(), end)


def end_of_sentence(text: str, start: int, end: int) -> int:
    """Where an address ends without the marks of the sentence after it; a bracket closes one in the address."""
    while end > start and text[end - 1] in AFTER and text[end - 1] not in CLOSING:
        end -= 1
    return end


def start_of_mail(text: str, at: int, begin: int) -> int:
    """Where the name of a mail address begins that ends at an "@", not before `begin`; `at` where there is none."""
    start = at
    while start > begin and start > at - LONGEST_LOCAL_PART - 1 and text[start - 1] in NAME_LETTERS:
        start -= 1
    # Addresses in quotes are more common than quotes in addresses.
    while start < at and text[start] in "\"'":
        start += 1
    if at - start > LONGEST_LOCAL_PART or (start > 0 and not (text[start - 1].isspace() or text[start - 1] in BEFORE)):
        return at
    return start


def end_of_mail(text: str, start: int) -> int:
    """Where the host of a mail address ends that begins at `start`; `start` where there is none."""
    host = MAIL_HOST.match(text, start, start + LONGEST_AUTHORITY)
    if host is None or len(host["host"]) > LONGEST_HOST or not TOP_LEVEL.search(host["host"]):
        return start
    return host.end()


def web_address(state: StateInline, silent: bool) -> bool:
    """A bare address at its "://", before its letters are taken for marks."""
    if state.linkLevel > 0 or not state.src.startswith("://", state.pos):
        return False
    scheme = SCHEME.search(state.pending[-6:])
    if scheme is None or not spend(ADDRESS_STEPS):
        return False
    end = end_of_address(state.src, state.pos + 3, state.posMax)
    if end == state.pos + 3:
        return False
    typed = scheme[0] + state.src[state.pos : end]
    address = state.md.normalizeLink(typed)
    if not state.md.validateLink(address):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[0])]
        opening = state.push("link_open", "a", 1)
        opening.attrs = {"href": address}
        opening.info = "auto"
        opening.meta = {"typed": typed}
        state.push("text", "", 0).content = state.md.normalizeLinkText(typed)
        state.push("link_close", "a", -1).info = "auto"
    state.pos = end
    return True


def bare_links(state: StateCore) -> None:
    """Make links of what is typed like "www." addresses and mail addresses, outside of links."""
    for token in state.tokens:
        if token.type == "inline" and IN_PARAGRAPH.search(token.content):
            token.children = list(with_links(token.children or [], state))


def with_links(tokens: list[Token], state: StateCore) -> Iterator[Token]:
    """The tokens of a paragraph with its bare addresses as tokens of their own."""
    links = 0
    escaped = False
    for token in tokens:
        links += token.type == "link_open"
        if token.type == "text" and not links:
            yield from links_in(token, state, escaped)
        else:
            yield token
        links -= token.type == "link_close"
        escaped = token.type == "text_special"


def links_in(token: Token, state: StateCore, escaped: bool) -> Iterator[Token]:
    """A text with its addresses as links. Right after an escaped letter none begins: "\\@www.example.com"."""
    text = token.content
    done = 0
    for start in ADDRESS_START.finditer(text):
        if start.start() < done or not spend(ADDRESS_STEPS):
            continue
        scheme = (start["scheme"] or "").lower()
        if scheme == "www.":
            begin, end = start.start(), end_of_address(text, start.end(), len(text))
            address, shown = f"http://{text[begin:end]}", text[begin:end]
            found = end > start.end()
        elif scheme:
            at = text.find("@", start.end(), start.end() + LONGEST_LOCAL_PART + 1)
            begin, end = start.start(), end_of_mail(text, at + 1)
            address, shown = text[begin:end], text[start.end() : end]
            found = at > start.end() and end > at + 1 and NAME_LETTERS.issuperset(text[start.end() : at])
        else:
            begin, end = start_of_mail(text, start.start(), done), end_of_mail(text, start.end())
            address, shown = f"mailto:{text[begin:end]}", text[begin:end]
            found = begin < start.start() and end > start.end()
        if not found or (escaped and begin == 0):
            continue
        href = state.md.normalizeLink(address)
        if not state.md.validateLink(href):
            continue
        if begin > done:
            yield Token("text", "", 0, content=text[done:begin], level=token.level)
        typed = {"typed": shown}
        yield Token("link_open", "a", 1, attrs={"href": href}, info="auto", meta=typed, level=token.level)
        yield Token("text", "", 0, content=state.md.normalizeLinkText(shown), level=token.level + 1)
        yield Token("link_close", "a", -1, info="auto", level=token.level)
        done = end
    if done < len(text):
        yield Token("text", "", 0, content=text[done:], level=token.level)
