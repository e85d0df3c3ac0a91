"""A long text of Markdown as HTML: as messages have it, without mentions and references."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

from app.web.markdown.commonmark import PORTS, REL, WALL, Parser

# Controls but newline and tab, what turns the direction of text for all that follows, and halves of characters.
REMOVED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# What a longer text may cost could hold the loop for over 5 ms.
RENDERED_AT_ONCE = 100


def without_controls(text: str) -> str:
    """The text with newlines in one form, and without what browsers should never get."""
    return REMOVED.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


@lru_cache(maxsize=1024)
def render_long_text(text: str) -> Markup:
    """A text as HTML that is safe to show to everybody. Rendering some hundred characters takes milliseconds: what was
    rendered lately is kept."""
    # Entities can bring back what was removed from the text.
    html = WALL.clean(REMOVED.sub("", LONG_TEXTS.render(without_controls(text), {})))
    return Markup(html)  # noqa: S704  (nh3 has let through only what may be shown)


async def render_long_texts_aside(texts: Iterable[str]) -> None:
    """Have long texts rendered in a thread, so that showing them takes the loop no time."""
    for text in texts:
        if len(text) > RENDERED_AT_ONCE:
            await asyncio.to_thread(render_long_text, text)


def open_links_elsewhere(state: StateCore) -> None:
    """Have links lead out of the page and tell nobody where from; a link in a link is its words."""
    for token in state.tokens:
        if token.type == "inline":
            token.children = list(with_outward_links(token.children or []))


def with_outward_links(tokens: Iterable[Token]) -> Iterator[Token]:
    """The tokens of a paragraph with its links as they may be."""
    depth = 0
    for token in tokens:
        depth -= token.type == "link_close"
        if token.type in ("link_open", "link_close") and depth:
            depth += token.type == "link_open"
            continue
        if token.type == "link_open":
            depth += 1
            href = str(token.attrGet("href"))
            token.attrs = {"href": href, "rel": REL}
            if urlsplit(href).scheme in PORTS:
                token.attrs["target"] = "_blank"
        yield token


def as_typed(text: str, env: Any) -> str:
    """The text, to be parsed as it is."""
    return text


LONG_TEXTS = Parser(as_typed, open_links_elsewhere)
