"""A long text of Markdown as HTML: as messages have it, without mentions and references."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

from app.web.markdown.commonmark import PORTS, REL, WALL, Parser

# Controls but newline and tab, what turns the direction of text for all that follows, and halves of characters.
REMOVED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# What ends a line, also the next line of old machines and the two of Unicode, for which browsers show no break.
ENDS_OF_LINES = re.compile("\r\n|[\r\x85\u2028\u2029]")
# What a longer text may cost could hold the loop for over 5 ms.
RENDERED_AT_ONCE = 100


def without_controls(text: str) -> str:
    """The text with newlines in one form, and without what browsers should never get."""
    return REMOVED.sub("", ENDS_OF_LINES.sub("\n", text))


class RenderedTexts:
    """What was rendered lately, up to so many characters of texts and HTML together; pages and threads look at it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.size = 0
        self.kept: OrderedDict[str, Markup] = OrderedDict()
        self.lock = Lock()

    def get(self, text: str) -> Markup | None:
        """The HTML of a text, if it is kept."""
        with self.lock:
            html = self.kept.get(text)
            if html is not None:
                self.kept.move_to_end(text)
            return html

    def put(self, text: str, html: Markup) -> None:
        """Keep the HTML of a text, and let go what was not asked for the longest."""
        with self.lock:
            if text not in self.kept:
                self.kept[text] = html
                self.size += len(text) + len(html)
            while self.size > self.most:
                gone, written = self.kept.popitem(last=False)
                self.size -= len(gone) + len(written)


RENDERED = RenderedTexts(4_000_000)


def render_long_text(text: str) -> Markup:
    """A text as HTML that is safe to show to everybody. Rendering some hundred characters takes milliseconds: what was
    rendered lately is kept."""
    html = RENDERED.get(text)
    if html is None:
        # Entities can bring back what was removed from the text.
        clean = WALL.clean(REMOVED.sub("", LONG_TEXTS.render(without_controls(text), {})))
        html = Markup(clean)  # noqa: S704  (nh3 has let through only what may be shown)
        RENDERED.put(text, html)
    return html


async def render_long_texts_aside(texts: Iterable[str]) -> None:
    """Have long texts rendered in a thread, so that showing them takes the loop no time."""
    for text in texts:
        if len(text) > RENDERED_AT_ONCE and RENDERED.get(text) is None:
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
