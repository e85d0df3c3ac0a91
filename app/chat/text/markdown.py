"""What a person typed in a message, as HTML that is safe to show to everybody.

Two walls: markdown-it is configured so that it writes no HTML of the person's, and nh3 then lets through only the
tags, attributes, classes and schemes that this module writes. Texts are hostile as a rule: nesting is bounded, and
nothing here costs more than so much for each character (`work.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from msgspec import Struct

from app.accounts.mentions import CLOSE, OPEN, without_marks
from app.chat.rewriting import Filled
from app.chat.text.highlighting import close_table, highlight_code, open_table, render_fence
from app.chat.text.names import PlacedNames, begins_word, continues_word
from app.chat.text.shortcodes import emoji_of_shortcode
from app.web.markdown.commonmark import PORTS, REL, WALL, Parser, origin_of_address
from app.web.markdown.long_texts import REMOVED, without_controls
from app.web.markdown.work import REFERENCE, spend

# Of so many records a message shows what they are called: five as cards, others as links (css/message.css).
RECORDS_LIMIT = 20
RECORD_PATH = re.compile(r"/c/([a-z0-9-]+)/([1-9][0-9]{0,8})(?:/edit)?")
REFERENCE_MARK = re.compile(rf"{OPEN}(?P<name>[0-9]+){CLOSE}|#(?P<number>[1-9][0-9]{{0,8}})(?!\w)")


class Rendered(Struct, frozen=True):
    """A message as HTML, without markup, and what it refers to.

    `html` is sanitised. `plain` is a line of text, for search, quotes and notifications: no HTML, and at most as long
    as what was typed; it is stored with the message, and nobody parses one to show a line of it. `text` is what was
    typed; in both, mentions are stored as `accounts/mentions.py` says. `mentions` are the ids of those mentioned by
    name, in their order, with 0 where '@room' or its like was; whom a quote names was mentioned by whoever is quoted.
    `records` are collection slugs ('' where only '#42' was written) and record numbers, in the order they were written,
    each once, at most so many; `subjects` are the names of their rows, once it is known that they are there.
    """

    html: str
    plain: str
    text: str
    mentions: tuple[int, ...] = ()
    records: tuple[tuple[str, int], ...] = ()
    subjects: tuple[str, ...] = ()


def render_markdown(
    text: str,
    *,
    members: Mapping[str, int],
    origin: str,
    missing: frozenset[tuple[str, int]] = frozenset(),
    filled: Filled | None = None,
) -> Rendered:
    """Render a message.

    `members` are the ids of the workspace's members by the names they are shown with; `origin` is the workspace's own,
    such as "http://acme.hero.localhost:8000". References to records that are `missing` are mere text. A
    message that is edited was typed into what its form was `filled` with. The result is the same for every reader.
    """
    message = MessageContext(members, origin, missing, filled)
    text = without_marks(text)
    html = RENDERING.render(without_controls(text), {"message": message})
    # Entities can bring back what was removed from the text.
    html = WALL.clean(without_marks(REMOVED.sub("", html)))
    # A message of nothing but markup stays as it is.
    stored = message.names.store(message.names.placed) if message.names.used else text
    plain = (one_line(message.names.store(message.words)) or one_line(text))[: len(stored)]
    return Rendered(html, plain, stored, tuple(sorted(message.mentions)), tuple(message.records))


def one_line(text: str) -> str:
    """The text on one line, words a single space apart."""
    return " ".join(REMOVED.sub("", text).split())


def words_of(tokens: list[Token]) -> Iterator[str]:
    """What a person reads in a parsed message. Blocks are a newline apart."""
    for token in tokens:
        if token.type == "inline":
            children = token.children or []
            for place, child in enumerate(children):
                if child.type in ("softbreak", "hardbreak"):
                    yield "\n"
                elif "typed" in child.meta:
                    yield child.meta["typed"]
                elif place and "typed" in children[place - 1].meta:
                    continue  # the same, as it is shown
                elif child.type == "link_open" and children[place + 1].type == "link_close":
                    yield RENDERING.normalizeLinkText(str(child.attrGet("href")))
                else:
                    yield child.content
            yield "\n"
        elif token.content:
            yield token.content + "\n"


class MessageContext:
    """A message while it is rendered: whom and what it may refer to, and what it did.

    `names` are its names, which are found and put aside before anything is parsed.
    """

    def __init__(
        self,
        members: Mapping[str, int],
        origin: str,
        missing: frozenset[tuple[str, int]],
        filled: Filled | None = None,
    ) -> None:
        self.names = PlacedNames(members, filled)
        self.missing = missing
        self.origin = origin_of_address(urlsplit(origin))
        self.mentions: set[int] = set()
        self.records: list[tuple[str, int]] = []
        self.words = ""

    def refer(self, collection: str, number: int) -> None:
        """Note a record, unless there are enough."""
        if (collection, number) not in self.records and len(self.records) < RECORDS_LIMIT:
            self.records.append((collection, number))


def refer(state: StateCore) -> None:
    """Point links to where they may lead, and make members' names and record numbers in the text stand out."""
    message: MessageContext = state.env["message"]
    message.words = "".join(words_of(state.tokens))
    quotes = 0
    for token in state.tokens:
        quotes += {"blockquote_open": 1, "blockquote_close": -1}.get(token.type, 0)
        if token.type == "inline":
            token.children = list(with_references(token.children or [], message, quoted=quotes > 0))
        elif token.content:
            token.content = message.names.restore(token.content)


def with_references(tokens: list[Token], message: MessageContext, *, quoted: bool) -> Iterator[Token]:
    """The tokens of a paragraph with its references as tokens of their own."""
    run: list[Token] = []
    linked: list[Token] = []
    links = 0
    for token in tokens:
        if token.type not in ("text", "text_special") and run:
            yield from in_text(run, message, quoted=quoted)
            run = []
        if token.content and token.type not in ("text", "text_special"):
            token.content = message.names.restore(token.content)
        links += token.type == "link_open"
        if links:
            linked.append(token)
        elif token.type in ("text", "text_special"):
            run.append(token)
        else:
            yield token
        links -= token.type == "link_close"
        if linked and not links:
            yield from in_link(linked, message)
            linked = []
    if run:
        yield from in_text(run, message, quoted=quoted)


def in_link(tokens: list[Token], message: MessageContext) -> Iterator[Token]:
    """A link as it may be shown, without the links in it. Where it has no words, its address stands for them."""
    first, *inside, last = tokens
    inside = [token for token in inside if token.type not in ("link_open", "link_close")]
    for token in inside:
        token.content = message.names.restore(token.content)
    href = message.names.restore_address(str(first.attrGet("href")))
    first.attrs = {"href": href}
    if not href:
        # `[words]()` is a link to CommonMark; here it stays what was typed.
        yield from [text_token("["), *inside, text_token("]()")]
        return
    if not any(token.content for token in inside):
        inside = [text_token(RENDERING.normalizeLinkText(href))]
    address = urlsplit(href)
    if address.scheme in PORTS and origin_of_address(address) == message.origin:
        # A path of two slashes would be another host's address.
        path = "/" + address.path.lstrip("/")
        record = RECORD_PATH.fullmatch(path)
        if record and (record[1], int(record[2])) in message.missing:
            yield from inside
            return
        if record and not address.query and not address.fragment:
            collection, number = record[1], int(record[2])
            message.refer(collection, number)
            first.attrs = {"class": "record-link", "href": f"/c/{collection}/{number}"}
            if first.info == "auto":
                inside = [text_token(f"{collection} #{number}")]
        else:
            first.attrs["href"] = urlunsplit(("", "", path, address.query, address.fragment))
    else:
        first.attrs["rel"] = REL
        if address.scheme in PORTS:
            first.attrs["target"] = "_blank"
    yield first
    yield from inside
    yield last


def in_text(tokens: list[Token], message: MessageContext, *, quoted: bool) -> Iterator[Token]:
    """A run of text with its mentions and record numbers. A mark that was escaped (`\\#`) is a mere letter."""
    text = "".join(token.content for token in tokens)
    escaped = set()
    length = 0
    for token in tokens:
        if token.type == "text_special":
            escaped.add(length)
        length += len(token.content)
    shown = 0
    for mark in REFERENCE_MARK.finditer(text):
        start = mark.start()
        if start in escaped or not begins_word(text, start):
            continue
        if mark["number"]:
            if ("", int(mark["number"])) in message.missing or not spend(REFERENCE):
                continue
            message.refer("", int(mark["number"]))
            inside = [
                Token("link_open", "a", 1, attrs={"class": "record-link", "href": f"/records/{mark['number']}"}),
                text_token(mark[0]),
                Token("link_close", "a", -1),
            ]
        else:
            if continues_word(text, mark.end()):
                continue
            named = message.names.mention(int(mark["name"]))
            opening = mention_token(named.member, message, quoted=quoted)
            inside = [opening, text_token(f"@{named.name}"), Token("mention_close", "span", -1)]
        if start > shown:
            yield text_token(message.names.restore(text[shown:start]))
        yield from inside
        shown = mark.end()
    if shown < len(text):
        yield text_token(message.names.restore(text[shown:]))


def mention_token(member: int | None, message: MessageContext, *, quoted: bool) -> Token:
    """The start of a mention, of everybody where it is of no member; it is noted unless it is in a quote."""
    kind = "mention quoted" if quoted else "mention"
    if member is None:
        if not quoted:
            message.mentions.add(0)
        return Token("mention_open", "span", 1, attrs={"class": f"{kind} everybody"})
    if not quoted:
        message.mentions.add(member)
    return Token("mention_open", "span", 1, attrs={"class": kind, "data-member": str(member)})


def text_token(content: str) -> Token:
    """Text, to be escaped by the renderer."""
    return Token("text", "", 0, content=content)


def place_names(text: str, env: Any) -> str:
    """The text to be parsed: names may have Markdown in them."""
    message: MessageContext = env["message"]
    return message.names.place(text)


RENDERING = Parser(place_names, refer)
RENDERING.enable("table")
RENDERING.inline.ruler.push("shortcodes", emoji_of_shortcode)
RENDERING.core.ruler.push("highlighted_code", highlight_code)
for part, rule in (("fence", render_fence), ("table_open", open_table), ("table_close", close_table)):
    RENDERING.add_render_rule(part, rule)
