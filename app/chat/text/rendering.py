"""What is typed: whether it can be a message, and rendered with the names and records of its workspace, before its
transaction where that takes long."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import cache

from msgspec import Struct, field
from msgspec.structs import replace
from sqlalchemy import and_, bindparam, or_, select

from app.accounts.acquaintance import is_known
from app.accounts.members import Member
from app.accounts.mentions import mentioned_in, names_in, without_marks
from app.accounts.rights import is_entitled
from app.chat.limits import Pace
from app.chat.rewriting import Filled
from app.chat.text.markdown import Rendered, render_markdown
from app.database import Database, PreparedSelect, Transaction
from app.editing.row_places import find_subjects
from app.notifications.kinds import SUBJECTS
from app.web.forms import Invalid
from app.web.texts import _l, is_blank

LONGEST_MESSAGE = 8_000
# What a longer text may cost could hold the loop for over 5 ms: a step takes 2 to 3 µs.
SHORT = 100
# A line of words, as most messages are, that means nothing else to Markdown: it takes a tenth of the time.
PROSE = re.compile(r"""[^\W\d_](?:[^\W_]|[ ,;!?'"()-]|:(?![\w+-])|\.(?= |$))*(?<! )""")
# What may refer to a record, wherever it stands in a text.
CANDIDATE = re.compile(r"#(?P<number>[1-9][0-9]{0,8})(?!\w)|/c/(?P<list>[a-z0-9-]+)/(?P<record>[1-9][0-9]{0,8})(?!\w)")
CANDIDATES_LIMIT = 20


class UnfitText(Invalid):
    """The text is empty, or has more characters than a message takes."""

    def __init__(self, text: str) -> None:
        words = _l(
            "This has %(length)d characters; a message can have up to %(limit)d.",
            length=len(text),
            limit=LONGEST_MESSAGE,
        )
        super().__init__(text=words if text else _l("Write something first."))


def render_prose(text: str) -> Rendered | None:
    """A line of words, which `render_text` makes the same of; None where it may be more than that."""
    return Rendered(f"<p>{text}</p>\n", " ".join(text.split()), text) if PROSE.fullmatch(text) else None


def candidates(text: str) -> tuple[tuple[str, int], ...]:
    """The first records that a message may refer to, as `Rendered.records` has them: to look whether they are there
    before it is rendered."""
    found: dict[tuple[str, int], None] = {}
    for mark in CANDIDATE.finditer(text):
        found[("", int(mark["number"])) if mark["number"] else (mark["list"], int(mark["record"]))] = None
        if len(found) == CANDIDATES_LIMIT:
            break
    return tuple(found)


async def render_aside(
    text: str,
    *,
    members: Mapping[str, int],
    origin: str,
    missing: frozenset[tuple[str, int]] = frozenset(),
    filled: Filled | None = None,
) -> Rendered:
    """Render a message as `render_markdown` does, in a thread where it could hold the loop for long."""
    if len(text) <= SHORT:
        return render_markdown(text, members=members, origin=origin, missing=missing, filled=filled)
    return await asyncio.to_thread(
        render_markdown, text, members=members, origin=origin, missing=missing, filled=filled
    )


class Typed(Struct):
    """A text as it was typed, without what is around it, and what it was rendered to already: as a line of words that
    is nothing else, or by all that it was rendered with.

    Rendering some hundred characters takes longer than all else that a message does while nobody else can write. It is
    rendered with what holds just before, and once more only where that has changed. `origin` is the workspace's own, as
    `render_markdown` takes it.
    """

    text: str
    origin: str
    prose: Rendered | None
    rendered: dict[tuple[object, ...], Rendered] = field(default_factory=dict)

    async def render(
        self, *, members: Mapping[str, int], missing: frozenset[tuple[str, int]], filled: Filled | None
    ) -> Rendered:
        """Render it as `render_aside` does, or have it rendered."""
        typed_into = filled and (filled.text, filled.mentions, filled.named)
        key = (frozenset(members.items()), missing, typed_into)
        if key not in self.rendered:
            self.rendered[key] = await render_aside(
                self.text, members=members, origin=self.origin, missing=missing, filled=filled
            )
        return self.rendered[key]


def read_message_text(text: str, origin: str) -> Typed:
    """What was typed, without what is around it. What only has characters that nobody can see is empty."""
    text = text.replace("\r\n", "\n")
    text = (text if text.isascii() else without_marks(text)).strip()
    text = "" if is_blank(text) else text
    return Typed(text, origin, render_prose(text) if len(text) <= LONGEST_MESSAGE else None)


# Finds the HTML of a message that is edited and what its form was filled with; None when it is not there.
FindEdited = Callable[[Transaction], Awaitable[tuple[str, Filled] | None]]


async def prepare_text(
    database: Database, pace: Pace, text: str, origin: str, *, edits: FindEdited | None = None
) -> Typed:
    """Read a text before the transaction that will store it, and render it where that takes long. That is not done for
    who may not write now."""
    typed = read_message_text(text, origin)
    if typed.prose is None and SHORT < len(typed.text) <= LONGEST_MESSAGE and pace.tenant_id and not pace.too_fast:
        async with database.read(pace.tenant_id) as transaction:
            before, filled = (edits and await edits(transaction)) or ("", None)
            await render_text(transaction, typed, before=before, filled=filled)
    return typed


async def render_text(
    transaction: Transaction,
    typed: Typed,
    *,
    author: Member | None = None,
    about: str | None = None,
    before: str = "",
    filled: Filled | None = None,
) -> Rendered:
    """A text as HTML, with the members of the workspace as names to mention. Records that are not there stay text.

    Of an `author` only those are mentioned whom they get to know of, and records referred to that they may read. In a
    discussion `about` something, such as `record-42`, those who may read that can be mentioned, too.

    Of a message that is edited, `before` is its HTML, and `filled` what its form was filled with: whom it mentions
    stays mentioned, whoever else has that name by now, and also when the member was renamed while it was edited.
    """
    members = await find_names(transaction, before, filled, author, about) if "@" in typed.text else {}
    asked = candidates(typed.text)
    found = await find_subjects(transaction, asked, author) if asked else {}
    missing = frozenset(each for each in asked if each not in found)
    rendered = await typed.render(members=members, missing=missing, filled=filled)
    # A number that is only written by way of an entity, or after many others.
    others = [each for each in rendered.records if each not in asked]
    if others:
        found |= await find_subjects(transaction, others, author)
        missing |= {each for each in others if each not in found}
        rendered = await typed.render(members=members, missing=missing, filled=filled)
        more = [each for each in rendered.records if each not in found]
        found |= await find_subjects(transaction, more, author) if more else {}
    subjects = dict.fromkeys(found[each] for each in rendered.records if each in found)
    return replace(rendered, subjects=tuple(subjects)) if subjects else rendered


@cache
def select_names(*, insider: bool, bots: bool, kind: str) -> PreparedSelect[str, int]:
    """The select of members whom an author gets to know of, bots among them or not, and of others by their ids. With a
    `kind` of thing it has those who may read one of it, too."""
    known = is_known(bindparam("author_id"), insider=insider)
    if kind:
        known = or_(known, SUBJECTS[kind].visible(Member.id, bindparam("about_id")))
    known = and_(Member.removed_at.is_(None), known)
    if not bots:
        known = and_(known, ~Member.bot)
    others = Member.id.in_(bindparam("mentioned"))
    return PreparedSelect(lambda: select(Member.name, Member.id).where(or_(known, others)).order_by(Member.id))


async def find_names(
    transaction: Transaction, before: str, filled: Filled | None, author: Member | None, about: str | None
) -> dict[str, int]:
    """Whom a text may mention, by name: the members of the workspace whom its author gets to know of, those who may
    read what it is about, and whom it mentioned `before`. A bot mentions no bots: two would go on for ever."""
    mentioned = mentioned_in(before) if before else ()
    insider = author is None or is_entitled(author, "see", "everybody")
    kind, _, number = (about or "").rpartition("-")
    if insider or kind not in SUBJECTS:  # a direct room's people are known to each other
        kind = ""
    prepared = select_names(insider=insider, bots=author is None or not author.bot, kind=kind)
    told = {"about_id": int(number)} if kind else {}
    rows = await transaction.rows(prepared, author_id=author and author.id, mentioned=mentioned, **told)
    members = dict(rows) | {name: number for name, number in rows if number in mentioned}
    shown = {name: member for member, name in filled.names.items()} if filled else {}
    return (names_in(before) if before else {}) | shown | members
