"""What becomes a link without being marked: web addresses, "www." ones, mail addresses.

Mere names with a dot don't: "notes.md" and "run.sh" are files in a conversation, and strangers' domains. Each address
is read once, letter by letter, and is no longer than browsers take: no expression here goes back over what it has read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from app.chat.work import spend

LONGEST_HOST = 253
# A person, a host and a port, with room for what tells that the host is too long.
LONGEST_AUTHORITY = 350
LONGEST_PATH = 2_000
LONGEST_NAME = 64

# A letter or digit of a host, of any script: what is no punctuation, no space and no control.
LETTER = (
    r"(?:[^\W_]|[^\0-\u00bf\u2000-\u206f\u2e00-\u2e7f\u3000-\u303f\ufe10-\ufe6f"
    r"\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65])"
)
HOST = rf"{LETTER}++(?:-++{LETTER}++)*+(?:\.{LETTER}++(?:-++{LETTER}++)*+)*+"
AUTHORITY = re.compile(rf"(?:[^\s@/\\\[\]()<>]{{1,50}}@)?(?P<host>{HOST})(?::[0-9]{{1,5}}+)?(?![-_@]|:[0-9]|\.-)")
PATH = re.compile(rf"[/?#][^\s<>\"\uff5c\0-\x1f\x7f-\x9f]{{0,{LONGEST_PATH}}}")
BRACKET = re.compile(r"[()\[\]{}]")
CLOSING = {")": "(", "]": "[", "}": "{"}
# What ends a sentence, and not an address.
AFTER = ".,:;!?'*"

SCHEME = re.compile(r"(?<![a-z0-9.+-])https?\Z", re.IGNORECASE)
# Where others begin; a mail address has its name before the mark.
START = re.compile(r"(?<!\w)(?P<scheme>www\.|mailto:)|@", re.IGNORECASE)
NAME_LETTERS = frozenset('-;:&=+$,."_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789')
MAIL_HOST = re.compile(rf"(?P<host>{HOST})(?![-_@]|:[0-9]|\.-)")
TOP_LEVEL = re.compile(r"\.(?:[^\W\d_]{2,63}|xn--[a-z0-9-]{1,59})\Z", re.IGNORECASE)

# What looking at one costs, in steps.
STEPS = 20


def end_of_address(text: str, start: int, limit: int) -> int:
    """Where a web address ends whose host begins at `start`; `start` where there is none."""
    authority = AUTHORITY.match(text, start, min(limit, start + LONGEST_AUTHORITY))
    if authority is None or len(authority["host"]) > LONGEST_HOST:
        return start
    path = PATH.match(text, authority.end(), limit)
    if path is None:
        return authority.end()
    if len(path[0]) > LONGEST_PATH:
        return start
    # A bracket belongs to the address when both of a pair do.
    end = path.end()
    opened: list[tuple[str, int]] = []
    for bracket in BRACKET.finditer(text, path.start(), end):
        if bracket[0] not in CLOSING:
            opened.append((bracket[0], bracket.start()))
        elif opened and opened[-1][0] == CLOSING[bracket[0]]:
            opened.pop()
        else:
            end = bracket.start()
            break
    if opened:
        end = opened[0][1]
    return authority.end() + len(text[authority.end() : end].rstrip(AFTER))


def start_of_mail(text: str, at: int, begin: int) -> int:
    """Where the name of a mail address begins that ends at an "@", not before `begin`; `at` where there is none."""
    start = at
    while start > begin and start > at - LONGEST_NAME - 1 and text[start - 1] in NAME_LETTERS:
        start -= 1
    # Addresses in quotes are more common than quotes in addresses.
    while start < at and text[start] == '"':
        start += 1
    if at - start > LONGEST_NAME or (start > 0 and not (text[start - 1].isspace() or text[start - 1] in '<>"(\uff5c')):
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
    if scheme is None or not spend(STEPS):
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
        if token.type == "inline" and START.search(token.content):
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
    for start in START.finditer(text):
        if start.start() < done or not spend(STEPS):
            continue
        scheme = (start["scheme"] or "").lower()
        if scheme == "www.":
            begin, end = start.start(), end_of_address(text, start.end(), len(text))
            address, shown = f"http://{text[begin:end]}", text[begin:end]
            found = end > start.end()
        elif scheme:
            at = text.find("@", start.end(), start.end() + LONGEST_NAME + 1)
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
