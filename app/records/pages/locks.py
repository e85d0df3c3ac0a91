"""What the pages of a record do with its lock, its queue and a member's draft. Nothing of it needs JavaScript, but
pages with it call some of these on their own (js/record-editor.js and js/place-in-line.js), and get no content."""

from __future__ import annotations

from typing import Any

from litestar import Response, post
from litestar.response import Redirect

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import may
from app.accounts.shell import notice
from app.accounts.undo import lead_to
from app.database import Transaction
from app.editing import waiting
from app.editing.drafts import find_draft, keep_draft, settle_draft
from app.editing.locks import (
    call_next,
    hand_over,
    is_proven_holder,
    release_lock,
    renew_lock,
    take_lock,
    take_over,
)
from app.editing.pushes import push_standings
from app.editing.rows import LEASE, Proof
from app.editing.turns import prolong_turn, shorten_turn
from app.records.access import find_record_access
from app.records.fields import Fields
from app.records.forms import RECORD_LIMIT, lease_of, open_record, read_typed
from app.records.records import Record
from app.records.undoing import offer_draft
from app.records.values import write_values
from app.web.forms import Form, number_of
from app.web.redirects import see_other
from app.web.texts import _l

notice("kept", _l("Nothing was saved. What you typed is kept as a draft."))
notice("lost", _l("You are no longer editing this. Anything you typed is kept as a draft."))
notice("idle", _l("Editing ended because nothing was typed for a while. Anything you typed is kept as a draft."))
notice("handed", _l("You handed over. What you typed and did not save is kept as a draft."))
notice("not-yet", _l("That is no longer possible, because something has changed. This is how it is now."))


def answer_page(*, kept: bool, proof: Proof | None = None) -> Response[Any]:
    """The answer to a page's own call: 204 with the proof to go on with, or 409 when what it had is lost."""
    headers = {"X-Lock": str(proof)} if proof else {}
    return Response(None, status_code=204 if kept else 409, headers=headers)


def go_on(record: Record, slug: str) -> Redirect:
    """Lead to the edit page, which moves the lock that was just taken to itself: an address tells which, no proof."""
    return see_other(f"/c/{slug}/{record.number}/edit?lock={record.lock_token}")


async def keep_typed(transaction: Transaction, member: Member, fields: Fields, record: Record, form: Form) -> bool:
    """Keep what a form has typed as the member's draft, if the form has anything. False when it was too late."""
    if not any(field.ref in form or field.key in form for field in fields):
        return True
    return await keep_draft(
        transaction,
        record,
        member,
        read_typed(fields, form, record),
        saved=write_values(fields, record.values),
        token=Proof.read(form["lock-token"]).token,
        version=number_of(form["version"]),
        late="sent-late" in form,
    )


@post("/c/{slug:str}/{number:int}/lock/renew")
async def renew_page(transaction: Transaction, member: Member, slug: str, number: int, form: Form) -> Response[Any]:
    """Prolong the lease of an open page."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    proof, version = Proof.read(form["lock-token"]), number_of(form["version"])
    renewed = await renew_lock(transaction, record, member, proof, version, lease=LEASE)
    return answer_page(kept=renewed is not None, proof=renewed)


@post("/c/{slug:str}/{number:int}/lock/release", request_max_body_size=RECORD_LIMIT)
async def release(transaction: Transaction, member: Member, slug: str, number: int, form: Form) -> Response[Any]:
    """Stop editing without saving; what was typed is kept as a draft. Who has left the page is shown no other, and told
    whether that was too late."""
    collection, record, fields = await open_record(transaction, member, slug, number, deleted=None)
    may_edit = may(member, "edit", await find_record_access(transaction, member, collection, record))
    kept = may_edit and await keep_typed(transaction, member, fields, record, form)
    await release_lock(transaction, record, member, Proof.read(form["lock-token"]))
    if "page-left" in form:
        return answer_page(kept=kept)
    draft = await find_draft(transaction, record, member)
    return see_other(f"/c/{slug}/{number}{'?done=kept' if draft else ''}")


@post("/c/{slug:str}/{number:int}/lock/ask")
async def ask_for_lock(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[Any]:
    """Ask whoever edits to hand over, and wait in line; when nobody does, simply edit."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    proof = await take_lock(transaction, record, member, lease=lease_of(request))
    if proof is not None:
        return go_on(record, slug)
    if record.lock_member_id != member.id:
        await waiting.request_lock(transaction, record, member, lease_of(request))
        push_standings(transaction, record)
    return see_other(f"/c/{slug}/{number}/edit")


@post("/c/{slug:str}/{number:int}/lock/keep")
async def decline_request(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int, form: Form
) -> Response[Any]:
    """Answer somebody who asks: not now."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    proof = Proof.read(form["lock-token"])
    if await is_proven_holder(transaction, record, member, proof):
        await waiting.refuse_request(transaction, record, number_of(form["waiting"]))
        push_standings(transaction, record)
    if "hx-request" in request.headers:
        return Response(None, status_code=204)
    return see_other(f"/c/{slug}/{number}/edit?lock={proof.token}")


@post("/c/{slug:str}/{number:int}/lock/hand-over")
async def hand_lock_over(transaction: Transaction, member: Member, slug: str, number: int, form: Form) -> Response[Any]:
    """Hand the lock over to somebody who waits."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    proof = Proof.read(form["lock-token"])
    if not await hand_over(transaction, record, member, proof, number_of(form["waiting"])):
        return see_other(f"/c/{slug}/{number}/edit?lock={proof.token}")
    draft = await find_draft(transaction, record, member)
    return see_other(f"/c/{slug}/{number}{'?done=handed' if draft else ''}")


@post("/c/{slug:str}/{number:int}/lock/take-over")
async def take_lock_over(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int, form: Form
) -> Response[Any]:
    """Take the lock away from its holder, if it is still the one that the page showed."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    proof = await take_lock(transaction, record, member, lease=lease_of(request))
    if proof is None and record.lock_token == number_of(form["seen-lock"]):
        proof = await take_over(transaction, record, member, lease=lease_of(request))
    if proof is None:
        return see_other(f"/c/{slug}/{number}?done=not-yet")
    return go_on(record, slug)


@post("/c/{slug:str}/{number:int}/queue/stay")
async def go_on_waiting(transaction: Transaction, member: Member, slug: str, number: int, form: Form) -> Response[Any]:
    """Go on waiting with an open page. When it is the member's turn, a page that is in front prolongs it."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    answer = answer_page(kept=await waiting.keep_waiting(transaction, record, member, LEASE))
    await call_next(transaction, record)
    left = await prolong_turn(transaction, record, member) if "in-front" in form else None
    if left is not None:
        answer.headers["X-Turn-Left"] = str(left)
    return answer


@post("/c/{slug:str}/{number:int}/queue/leave")
async def stop_waiting(transaction: Transaction, member: Member, slug: str, number: int) -> Response[Any]:
    """Wait no more with a page that is left; with none that is open, the turn is somebody else's."""
    _, record, _ = await open_record(transaction, member, slug, number, deleted=None)
    if await waiting.leave_page(transaction, record, member):
        await shorten_turn(transaction, record, member)
        push_standings(transaction, record, member.id)
    return answer_page(kept=True)


@post("/c/{slug:str}/{number:int}/draft", request_max_body_size=RECORD_LIMIT)
async def keep_a_draft(transaction: Transaction, member: Member, slug: str, number: int, form: Form) -> Response[Any]:
    """Keep what is typed on an open page."""
    _, record, fields = await open_record(transaction, member, slug, number, "edit", deleted=None)
    return answer_page(kept=await keep_typed(transaction, member, fields, record, form))


@post("/c/{slug:str}/{number:int}/draft/restore", request_max_body_size=RECORD_LIMIT)
async def restore_draft(transaction: Transaction, member: Member, slug: str, number: int, form: Form) -> Response[Any]:
    """Go on with the draft, as the member has chosen field by field."""
    _, record, fields = await open_record(transaction, member, slug, number, "edit")
    token = Proof.read(form["lock-token"]).token
    mine = read_typed(fields, form, record)
    await keep_draft(
        transaction, record, member, mine, saved=write_values(fields, record.values), token=None, version=record.version
    )
    return see_other(f"/c/{slug}/{number}/edit?lock={token}")


@post("/c/{slug:str}/{number:int}/draft/discard")
async def discard_draft(transaction: Transaction, member: Member, slug: str, number: int, form: Form) -> Response[Any]:
    """Throw the draft away, from the page that offers it or from the record's page."""
    _, record, _ = await open_record(transaction, member, slug, number, deleted=None)
    draft = await find_draft(transaction, record, member)
    offer = await offer_draft(transaction, record, member, draft) if draft else None
    await settle_draft(transaction, record, member)
    token = Proof.read(form["lock-token"]).token
    return lead_to(f"/c/{slug}/{number}/edit?lock={token}" if token else f"/c/{slug}/{number}", offer)


handlers = [
    renew_page,
    release,
    ask_for_lock,
    decline_request,
    hand_lock_over,
    take_lock_over,
    go_on_waiting,
    stop_waiting,
    keep_a_draft,
    restore_draft,
    discard_draft,
]
