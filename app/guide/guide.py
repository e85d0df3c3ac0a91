"""The guide: a file of Markdown for each page and language, which pages, a site and the hosts of repositories show.

It is our own text and nobody else's, so it is read by the plain parser, once for each language.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from msgspec import Struct

from app.folding import fold_searched
from app.web.texts import LANGUAGES

IN_PACKAGE = Path(__file__).parent / "texts"
# Installed, it is in the package (pyproject.toml puts it there); in a checkout, with the other documents.
GUIDE = IN_PACKAGE if IN_PACKAGE.is_dir() else Path(__file__).parent.parent.parent / "docs" / "guide"
# The pages, in their order; the first is what `/help` shows.
GUIDE_PAGES = ("index", "first-day", "records", "together", "chat", "notifications", "admins", "installing")
HELP = "/help"
MOST_HELP_WORDS = 8


class GuideHeading(Struct, frozen=True):
    """A part of a page: what it is called, where it is, and all of its words as they are searched."""

    title: str
    address: str
    folded: str
    searched: str


class GuidePage(Struct, frozen=True):
    """A page as it is shown. Its first heading is the page itself."""

    name: str
    title: str
    address: str
    html: Markup
    headings: tuple[GuideHeading, ...]


class HelpPlace(Struct, frozen=True):
    """A part of the guide that was found, and the page that it is on."""

    title: str
    page: str
    address: str


def find_help(language: str, words: str, most: int = 6) -> list[HelpPlace]:
    """The parts of the guide that have all of some words, those whose heading has them first. None for no words."""
    wanted = fold_searched(words).split()[:MOST_HELP_WORDS]
    if not wanted:
        return []
    found: list[tuple[int, HelpPlace]] = []
    for page in read_guide(language).values():
        for heading in page.headings:
            if all(word in heading.searched for word in wanted):
                elsewhere = sum(word not in heading.folded for word in wanted)
                found.append((elsewhere, HelpPlace(heading.title, page.title, heading.address)))
    return [place for _, place in sorted(found, key=lambda each: each[0])[:most]]


@cache
def read_guide(language: str) -> dict[str, GuidePage]:
    """The pages in a language by their names, in their order."""
    folder = GUIDE / (language if language in LANGUAGES else "en").replace("_", "-")
    return {name: read_guide_page(name, (folder / f"{name}.md").read_text()) for name in GUIDE_PAGES}


def read_guide_page(name: str, source: str) -> GuidePage:
    """A page: its headings get anchors, and its links and pictures the addresses that they have here."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(source)
    address = HELP if name == GUIDE_PAGES[0] else f"{HELP}/{name}"
    parts: list[tuple[str, str, list[str]]] = []
    for place, token in enumerate(tokens):
        if token.type == "heading_open":
            title = plain_words(tokens[place + 1])
            anchor = "" if token.tag == "h1" else make_anchor(title)
            if anchor:
                token.attrSet("id", anchor)
            parts.append((title, f"{address}#{anchor}" if anchor else address, []))
        elif token.type == "inline":
            parts[-1][2].append(plain_words(token))
            point_within(token)
    headings = tuple(
        GuideHeading(title, where, fold_searched(title), fold_searched(" ".join([parts[0][0], *words])))
        for title, where, words in parts
    )
    html = Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704  (our own text)
    return GuidePage(name, headings[0].title, address, html, headings)


def plain_words(inline: Token) -> str:
    """The words of a line without marks."""
    return "".join(
        " " if each.type == "softbreak" else each.content
        for each in inline.children or ()
        if each.type in ("text", "code_inline", "softbreak")
    )


def make_anchor(title: str) -> str:
    """The anchor of a heading, as hosts of repositories make it: 'Delete one, or many' is delete-one-or-many."""
    kept = (each for each in title.lower() if each in " -_" or unicodedata.category(each)[0] in "LN")
    return "".join(kept).replace(" ", "-")


def point_within(inline: Token) -> None:
    """Let a line's links and pictures lead to where they are in the program. A link to what is not in it, a document
    of the repository, becomes its name."""
    closes: list[Token] = []
    for token in inline.children or ():
        if token.type == "image":
            file = Path(str(token.attrGet("src"))).name
            width, height = measure_picture(file)
            token.attrs |= {"src": f"{HELP}/pictures/{file}", "width": width, "height": height, "loading": "lazy"}
        elif token.type == "link_open":
            inside = re.fullmatch(r"([\w-]+)\.md(#.*)?", str(token.attrGet("href")))
            if inside:
                name = inside[1]
                token.attrs["href"] = (HELP if name == GUIDE_PAGES[0] else f"{HELP}/{name}") + (inside[2] or "")
                token.attrs["class"] = "link"
                closes.append(token)
            else:
                token.type, token.tag, token.attrs = "em_open", "em", {"title": Path(str(token.attrGet("href"))).name}
                closes.append(token)
        elif token.type == "link_close" and closes.pop().tag == "em":
            token.type, token.tag = "em_close", "em"


@cache
def measure_picture(name: str) -> tuple[int, int]:
    """The width and height of a picture of the guide, a WebP without loss: RFC 9649, 3.4."""
    with (GUIDE / "pictures" / name).open("rb") as file:
        head = file.read(25)
    if head[12:16] != b"VP8L":
        raise ValueError(f"{name} is no WebP without loss")
    sizes = int.from_bytes(head[21:25], "little")
    return (sizes & 0x3FFF) + 1, (sizes >> 14 & 0x3FFF) + 1


@cache
def picture_names() -> frozenset[str]:
    """The pictures that there are."""
    return frozenset(path.name for path in (GUIDE / "pictures").glob("*.webp"))
