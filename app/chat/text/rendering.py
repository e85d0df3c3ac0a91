"""What is typed: whether it can be a message, and rendered with the names and records of its workspace, before its
transaction where that takes long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import or_, select

from app.accounts.members import Member
from app.accounts.mentions import mentioned_in, names_in, without_marks
from app.chat.limits import Pace
from app.chat.references import find_missing
from app.chat.rewriting import Filled
from app.chat.text.markdown import SHORT, Rendered, candidates, render_aside
from app.database import Database, Transaction
from app.web.forms import Invalid
from app.web.texts import _l, is_blank

LONGEST_MESSAGE = 8_000


def clean_text(text: str) -> str:
    """A text without what is around it. One that only has characters which nobody can see is empty."""
    text = without_marks(text.replace("\r\n", "\n")).strip()
    return "" if is_blank(text) else text


def check_text(text: str, *, empty: bool, longest: int = LONGEST_MESSAGE) -> str:
    """The text as it is stored. Raises Invalid when it is empty without having to be, or too long."""
    text = clean_text(text)
    if not text and not empty:
        raise Invalid(text=_l("Write something first."))
    if len(text) > longest:
        raise Invalid(
            text=_l(
                "This has %(length)d characters; a message takes up to %(limit)d.",
                length=len(text),
                limit=LONGEST_MESSAGE,
            )
        )
    return text


@dataclass(slots=True)
class Renderings:
    """Texts that were rendered already, by all that they were rendered with.

    Rendering some hundred characters takes longer than all else that a message does while nobody else can write. It is
    rendered with what holds just before, and once more only where that has changed.
    """

    rendered: dict[tuple[object, ...], Rendered] = field(default_factory=dict)

    async def render(
        self,
        text: str,
        *,
        members: Mapping[str, int],
        origin: str,
        missing: frozenset[tuple[str, int]],
        filled: Filled | None,
    ) -> Rendered:
        """Render a text as `render_aside` does, or have it rendered."""
        typed_into = filled and (filled.text, filled.mentions, filled.named)
        key = (text, frozenset(members.items()), origin, missing, typed_into)
        if key not in self.rendered:
            self.rendered[key] = await render_aside(
                text, members=members, origin=origin, missing=missing, filled=filled
            )
        return self.rendered[key]


# Finds the HTML of a message that is edited and what its form was filled with; None when it is not there.
FindEdited = Callable[[Transaction], Awaitable[tuple[str, Filled] | None]]


async def prepare_text(
    database: Database, pace: Pace, text: str, origin: str, *, edits: FindEdited | None = None
) -> Renderings:
    """Render a text before the transaction that will store it. Nothing is done for who may not write now."""
    prepared, text = Renderings(), clean_text(text)
    if pace.tenant_id is not None and pace.wait is None and SHORT < len(text) <= LONGEST_MESSAGE:
        async with database.read(pace.tenant_id) as transaction:
            before, filled = (edits and await edits(transaction)) or ("", None)
            await render_text(transaction, text, origin, before=before, filled=filled, prepared=prepared)
    return prepared


async def render_text(
    transaction: Transaction,
    text: str,
    origin: str,
    *,
    before: str = "",
    filled: Filled | None = None,
    prepared: Renderings | None = None,
) -> Rendered:
    """A text as HTML, with the members of the workspace as names to mention. Records that are not there stay text.

    Of a message that is edited, `before` is its HTML, and `filled` what its form was filled with: whom it mentions
    stays mentioned, whoever else has that name by now, and also when the member was renamed while it was edited.
    """
    prepared = prepared or Renderings()
    members: dict[str, int] = {}
    if "@" in text:
        mentioned = mentioned_in(before)
        wanted = (
            or_(Member.removed_at.is_(None), Member.id.in_(mentioned)) if mentioned else Member.removed_at.is_(None)
        )
        rows = (await transaction.execute(select(Member.name, Member.id).where(wanted).order_by(Member.id))).all()
        members = {row.name: row.id for row in rows} | {row.name: row.id for row in rows if row.id in mentioned}
        shown = {name: member for member, name in filled.names.items()} if filled else {}
        members = names_in(before) | shown | members
    asked = candidates(text)
    missing = await find_missing(transaction, asked) if asked else frozenset()
    rendered = await prepared.render(text, members=members, origin=origin, missing=missing, filled=filled)
    # A number that is only written by way of an entity, or after many others.
    others = [each for each in rendered.records if each not in asked]
    if others and (more := await find_missing(transaction, others)):
        return await prepared.render(text, members=members, origin=origin, missing=missing | more, filled=filled)
    return rendered
