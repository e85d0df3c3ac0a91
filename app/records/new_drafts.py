"""What somebody has typed of a record that is not added yet, kept for them alone: one draft for each collection.

Calls of one page may arrive late, or their answers never. So a page says with each call which form it shows, by the
form's key, and how many changes were typed on it: of one form the greater number is the newer, and what was typed
before the form was saved is told from what is typed after. Between the forms of several tabs the draft's version
decides: a page goes on with the version that it has seen. Versions are moments, so that they never begin anew: what
was saved or discarded, and by which form, is known for 30 days, and of a page that is older nobody can tell whether
what it shows was added since.

A page that goes on with a draft says on which form that was begun. All those make one record: when one has, the others
lead to it, or are told (`records/pages/adding.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct
from sqlalchemy import bindparam, select

from app.accounts.form_answers import digest_key, find_made_by
from app.accounts.home import HomeOf
from app.accounts.members import Member
from app.database import PreparedSelect, Transaction, now
from app.editing.drafts import DRAFT_KEPT_FOR, Draft
from app.editing.pushes import push_draft_end
from app.records.collections import Collection
from app.records.fields import Fields
from app.records.formats import FORMATS
from app.web.forms import FORM_KEY, Form, Invalid, make_key, number_of
from app.web.texts import _l

# Beside the kinds of rows, whose drafts are of a row's id. This one is of the collection's.
KIND = "new record"


class TypedOn(Struct, frozen=True):
    """The page that calls: its form (a digest of the key; empty without one), the number of changes typed on it so far,
    the version of the draft that it goes on with, and on which form that was begun."""

    form: str
    changes: int
    version: int
    begun: str = ""

    @classmethod
    def read(cls, collection: Collection, form: Form) -> TypedOn:
        """What a page says of itself."""
        key = form[FORM_KEY] and digest_key(f"/c/{collection.slug}/new", form[FORM_KEY])
        begun = form["draft-begun"][:64] or key
        return cls(key, number_of(form["draft-changes"]), number_of(form["draft-version"]), begun)

    def wrote(self, draft: Draft) -> bool:
        """Whether the draft was written, or settled, from this form."""
        return bool(self.form) and draft.form == self.form


class DraftAnswer(Struct, frozen=True):
    """What becomes of what a page has typed: the `version` of the draft that it goes on with.

    It is `behind` when another page of its member has gone on with the draft, or has `made` the record: then nothing is
    kept. Neither is what had `ended`, as it was typed before it was saved or discarded, and of a page that is `too_old`
    to tell.
    """

    version: int = 0
    behind: bool = False
    made: str = ""
    ended: bool = False
    too_old: bool = False


class TooOld(Invalid):
    """Nobody can tell whether what a page shows was added since."""

    status = 409

    def __init__(self) -> None:
        super().__init__(
            **{"": _l("This form is more than 30 days old. Check that this was not added since, then save again.")}
        )


# In milliseconds. Versions of before 0.3 are counts, of which nobody can tell how old they are.
EARLIEST_VERSION = 10**12


def version_after(version: int) -> int:
    """The version of a draft that is written now."""
    return max(version + 1, int(now().timestamp() * 1000))


def is_too_old(draft: Draft | None, page: TypedOn) -> bool:
    """Whether a page has seen no draft but one that is forgotten since, and with it what became of that."""
    oldest = version_after(0) - DRAFT_KEPT_FOR // timedelta(milliseconds=1)
    return EARLIEST_VERSION < page.version < oldest and (draft is None or draft.version != page.version)


FIND_NEW_DRAFT = PreparedSelect(
    lambda: select(Draft).where(
        Draft.kind == KIND, Draft.row_id == bindparam("collection_id"), Draft.member_id == bindparam("member_id")
    )
)


async def find_any_new_draft(transaction: Transaction, collection: Collection, member: Member) -> Draft | None:
    """The member's draft for a collection; without values when it was settled."""
    found = await transaction.find(FIND_NEW_DRAFT, collection_id=collection.id, member_id=member.id)
    return found and found[0]


async def keep_new_draft(
    transaction: Transaction,
    collection: Collection,
    member: Member,
    values: Mapping[str, str],
    page: TypedOn,
    *,
    sent: bool = False,
    nothing: bool = False,
) -> DraftAnswer:
    """Keep what was typed, unless it is late.

    What was just `sent`, to be saved, and was refused is not late. Where `nothing` is typed, the draft is settled: only
    the mark of it stays.
    """
    typed = None if nothing else dict(values)
    draft = await find_any_new_draft(transaction, collection, member)
    if is_too_old(draft, page):
        return DraftAnswer(too_old=True)
    if draft is None:
        draft = Draft(kind=KIND, row_id=collection.id, member_id=member.id, version=0)
        transaction.add(draft)
    elif page.wrote(draft):
        # Typed before what is here, or before it was saved or discarded.
        if page.changes < draft.token or (page.changes == draft.token and draft.values is None and not sent):
            return DraftAnswer(draft.version, ended=draft.values is None)
    elif draft.values != typed:
        made = await find_made_by(transaction, member, page.form) if page.form else ""
        if made or is_behind(draft, page):
            return DraftAnswer(behind=True, made=made)
    if draft.values != typed or nothing or page.wrote(draft):
        await write_new_draft(transaction, draft, page, typed)
    return DraftAnswer(draft.version)


def holds_nothing(fields: Fields, typed: Mapping[str, str]) -> bool:
    """Whether a form is as a new one begins, or was emptied."""
    begun = {each.ref: each.write(each.default) for each in fields}
    values = {ref: text for ref, text in typed.items() if ref != FORMATS}
    return not any(values.values()) or all(text == begun.get(ref, "") for ref, text in values.items())


def is_behind(draft: Draft, page: TypedOn) -> bool:
    """Whether a page has not seen the draft that another one wrote."""
    return page.version != draft.version and (draft.values is not None or not page.form)


async def write_new_draft(transaction: Transaction, draft: Draft, page: TypedOn, values: dict[str, str] | None) -> None:
    """Write what was typed. The member's open home pages show that there is something, where there was nothing, and
    no more where there is nothing any more."""
    if (draft.values is None) != (values is None):
        transaction.show(HomeOf(draft.member_id))
    draft.version, draft.values, draft.typed_at = version_after(draft.version), values, now()
    draft.form, draft.token = page.form or None, page.changes
    draft.begun_form = page.begun or digest_key("", make_key())
    await transaction.flush()


async def end_new_draft(transaction: Transaction, draft: Draft, page: TypedOn, *, own: bool) -> None:
    """Leave a mark of a draft that is settled, by which late calls are known: those of this page (`own`), or of the one
    that wrote it. Of what was settled before, no page that is open has to hear."""
    if draft.values is not None:
        draft.version = version_after(draft.version)
    draft.values, draft.typed_at = None, now()
    if own or not draft.form:
        draft.form, draft.token = page.form or None, page.changes
    await transaction.flush()


async def find_new_draft_or_mark(
    transaction: Transaction, collection: Collection, member: Member, page: TypedOn
) -> Draft | None:
    """The member's draft, or a new one that is settled already, if the page says which form it shows."""
    draft = await find_any_new_draft(transaction, collection, member)
    if draft is None and page.form:
        version = version_after(page.version)
        draft = Draft(kind=KIND, row_id=collection.id, member_id=member.id, version=version)
        transaction.add(draft)
    return draft


async def settle_new_draft(
    transaction: Transaction,
    collection: Collection,
    member: Member,
    values: Mapping[str, str],
    page: TypedOn,
    made: str,
) -> None:
    """What was typed on this page is saved (`made` is where): its draft is settled, but not what another page, or this
    one after it was sent, has typed since.

    It stays as a mark, also where there was no draft yet, so that what was sent before and arrives later does not
    bring it back.
    """
    draft = await find_new_draft_or_mark(transaction, collection, member, page)
    if draft is None:
        return
    if draft.values is not None and page.begun:
        push_draft_end(transaction, member.id, page.begun, made)
    newer = page.changes < draft.token if page.wrote(draft) else page.version != draft.version
    if draft.values is None or not newer or draft.values == values:
        await end_new_draft(transaction, draft, page, own=True)


async def discard_new_draft(
    transaction: Transaction, collection: Collection, member: Member, page: TypedOn
) -> dict[str, str] | None:
    """Settle the draft whichever page it is of, as nobody wants it; return what it held.

    What the page has sent and is still on its way does not come back either.
    """
    draft = await find_new_draft_or_mark(transaction, collection, member, page)
    if draft is None:
        return None
    discarded = draft.values
    if discarded is not None and draft.begun_form:
        push_draft_end(transaction, member.id, draft.begun_form)
    await end_new_draft(transaction, draft, page, own=page.changes > 0)
    return discarded
