"""What the pages of records share: reading their forms, showing them, and showing a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Response
from msgspec import Struct

from app.accounts.access import AnyRequest, read_signed_in
from app.accounts.members import Member
from app.accounts.shell import list_parts, page_owner, render_page
from app.database import Transaction
from app.editing.channels import Standing, find_standing
from app.editing.row_places import find_row_places
from app.editing.rows import LEASE, LEASE_WITHOUT_JAVASCRIPT, Proof
from app.editing.waiting import list_queue
from app.editing.waiting_rows import Waiting
from app.live.presence import list_readers
from app.records.access import (
    RecordVerb,
    channels_in,
    channels_of,
    enter_collection,
    find_record_access,
    list_verbs,
    require_on,
)
from app.records.collections import Collection
from app.records.fields import Field, Fields, list_fields
from app.records.formats import FORMATS, bring_into_formats
from app.records.history import list_history
from app.records.left_over import LeftOver, carried_over, list_left_over
from app.records.records import Record, find_makers, open_by_number, place_of_record, title_of
from app.records.values import list_read_only, read_values
from app.settings import Settings
from app.web.bodies import provide_form, read_body
from app.web.cookies import runs_scripts
from app.web.forms import Form, Invalid
from app.web.markdown.long_texts import render_long_texts_aside
from app.web.texts import Text, _l

# Long texts take up to twelve bytes a character in a form.
RECORD_LIMIT = 1024 * 1024
# The long texts of a shorter form are rendered when they are shown.
SHORT_FORM = 2_000

# The field in which a form of a record says which fields it has: a tick that is not set sends nothing.
ASKED = "has-fields"
LONGEST_ASKED = 4_000
LONGEST_TAG = 20
# What an input for files sends that has none, also where a script writes the form.
NOTHING_CHOSEN = ("", "[object File]")


class Made(Struct, frozen=True):
    """What a record's head is about: its name, such as `record-42`, and who added it."""

    name: str
    made_by: int | None


def read_typed(fields: Fields, form: Form, record: Record | None = None) -> dict[str, str]:
    """What the form has for each field, and for those that were removed while it was open, by their refs; and in which
    formats, those that the workspace has by now.

    Of fields that came while it was open it has nothing: there it is what the record has, or a new one begins with.
    """
    empty = {field.ref: "" for field in fields if not field.kind.computed}
    sent = {ref: field for ref, field in fields.refs.items() if ref in form.values}
    if sent:
        asked = {*form[ASKED][:LONGEST_ASKED].split()}
        formats = form[FORMATS][:LONGEST_TAG] or fields.written_in
        came = [field for field in fields if asked and field.ref in empty and field.ref not in asked]
        mine = {ref: field.kind.join(form.values[ref], field) for ref, field in sent.items()}
        mine |= {each.ref: "" for each in fields.removed if each.kind.shows_none and each.ref in asked - sent.keys()}
        mine[FORMATS] = formats
        if formats != fields.written_in:
            mine = bring_into_formats(fields, mine)
        return (
            empty
            | {
                each.ref: each.write(each.default if record is None else record.values.get(each.ref, ""))
                for each in came
            }
            | (carried_over(fields, mine, record, asked=asked) if asked and fields.removed else {})
            | mine
        )
    return empty | fields.by_ref({key: form[key] for key in form.values})


async def render_typed(request: AnyRequest) -> None:
    """Have the long texts of a record's form rendered before a transaction that writes them begins: others would wait
    for it. Who is not signed in, or must not see the collection, is told so later."""
    if len(await read_body(request)) <= SHORT_FORM:
        return
    form = await provide_form(request)
    async with read_signed_in(request) as (transaction, member):
        access = await enter_collection(transaction, member, request.path_params["slug"], "read")
        fields = await list_fields(transaction, access.collection)
    await render_long_texts_aside(fields.list_long_texts(read_typed(fields, form)))


def find_removed(fields: Fields, form: Form, record: Record | None) -> list[LeftOver]:
    """The fields that were removed, or became others, while somebody typed into them, with what was typed."""
    left = list_left_over(fields, read_typed(fields, form, record), record)
    return [each for each in left if not each.is_the_same]


class Removed(Invalid):
    """A field was removed while somebody typed into it. They see what they typed before anything is saved."""

    status = 409


def holds_unseen(fields: Fields, form: Form, record: Record | None) -> bool:
    """Whether the form has a text for a removed field that its page has not said was removed."""
    seen = form.values.get("removed-fields", [])
    left = find_removed(fields, form, record)
    return any(each.field.ref not in seen and each.field.key not in seen for each in left)


def find_errors(
    fields: Fields, typed: Mapping[str, str], member: Member, record: Record | None = None
) -> dict[str, Text]:
    """What is wrong with what was typed, by the fields' refs."""
    try:
        read_values(fields, typed, record.values if record else None, by=member)
    except Invalid as invalid:
        return invalid.errors
    return {}


def refuse_unsent(fields: Fields, form: Form, typed: Mapping[str, str], member: Member, record: Record | None) -> None:
    """Raise Invalid, with all that is wrong, for files that were chosen and not brought: without scripts a form sends
    nothing but their names when it is saved."""
    names = {
        each.ref: [name for name in form.values.get(f"file-{each.ref}", []) if name not in NOTHING_CHOSEN]
        for each in fields
    }
    unsent = {
        ref: _l("Not uploaded: %(names)s. Choose it again, and upload it before you save.", names=", ".join(own))
        for ref, own in names.items()
        if own
    }
    if unsent:
        raise Invalid(**find_errors(fields, typed, member, record) | unsent)


async def open_record(
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    verb: RecordVerb = "read",
    *,
    deleted: bool | None = False,
) -> tuple[Collection, Record, Fields]:
    """A record with its collection and fields, for who does something with it.

    Raises NotFoundException, also for what the member may not read, and a 403 page.
    """
    collection, record = await open_by_number(transaction, slug, number, deleted=deleted)
    await require_on(transaction, member, verb, collection, record)
    return collection, record, await list_fields(transaction, collection)


async def render_record(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    fields: Fields,
    record: Record,
    *,
    waiting: Waiting | None = None,
    joined: bool = False,
    status: int = 200,
) -> Response[str]:
    """A record to be read; with `waiting`, by somebody who waits to edit it, and `joined` with this page or before."""
    access = await find_record_access(transaction, member, collection, record)
    await render_long_texts_aside(fields.list_long_texts(record.values))
    place = (await find_row_places(transaction, [record]))[record]

    async def list_head_parts() -> list[tuple[str, dict[str, Any]]]:
        made = Made(place.name, (await find_makers(transaction, [record.id]))[record.id])
        return await list_parts("record head", request, transaction, member, made)

    async def find_own_standing() -> Standing:
        return await find_standing(transaction, record, await list_queue(transaction, record), member.id)

    return await render_page(
        request,
        transaction,
        member,
        "records/record.html",
        status=status,
        channels=f"record.{record.id} {channels_of(access.within)}",
        verbs=list_verbs(member, access),
        collection=collection,
        record=record,
        fields=fields,
        values={each.ref: each.show(record.values.get(each.ref, "")) for each in fields},
        history=list_history(transaction, fields, record),
        row=record,
        place=place,
        parts=list_parts("record", request, transaction, member, place),
        head_parts=list_head_parts(),
        standing=find_own_standing(),
        waiting=waiting,
        joined=joined,
        readers=list_readers(request, transaction, f"record.{record.id}"),
    )


@page_owner("record")
async def show_record_again(
    request: AnyRequest, transaction: Transaction, member: Member, record: Record, status: int
) -> Response[str]:
    """The page of a record, for a part of it whose form won't do."""
    collection = await transaction.get_one(Collection, record.collection_id)
    fields = await list_fields(transaction, collection)
    return await render_record(request, transaction, member, collection, fields, record, status=status)


async def render_form(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    fields: Fields,
    form: Form,
    *,
    record: Record | None = None,
    proof: Proof | None = None,
    status: int = 200,
    restored: bool = False,
    copied: Record | None = None,
    curtailed: Sequence[Field] = (),
) -> Response[str]:
    """The form of a new record, or of one whose lock the member proves to hold, with what was typed.

    With `restored`, it says that it has what was typed before; with `copied`, which record it has the values of, or
    would have them of, and of which fields the form could not take all.
    """
    settings: Settings = request.app.state.settings
    context: dict[str, Any] = {}
    typed = read_typed(fields, form, record)
    if record is not None:
        context = await describe_editor(request, transaction, member, record, proof)
    return await render_page(
        request,
        transaction,
        member,
        "records/form.html",
        status=status,
        channels=await channels_in(transaction, member, collection) + (f" record.{record.id}" if record else ""),
        collection=collection,
        fields=fields,
        form=form,
        wrong_fields={field.ref: field.label for field in fields if field.ref in form.errors},
        typed=typed,
        read_only=list_read_only(fields, member),
        record=record,
        removed=find_removed(fields, form, record),
        held_back=status == 409 and not form.errors,
        restored=restored,
        copied=copied,
        curtailed=", ".join(field.label for field in curtailed),
        copied_title=place_of_record(collection, fields, copied).title if copied else "",
        most=RECORD_LIMIT,
        file_limit=settings.file_limit_megabytes,
        title=title_of(fields, record.values) if record else "",
        **context,
    )


async def describe_editor(
    request: AnyRequest, transaction: Transaction, member: Member, record: Record, proof: Proof | None
) -> dict[str, Any]:
    """What a page needs to keep a lock: its proof, who waits, and its times in seconds."""
    settings: Settings = request.app.state.settings
    queue = await list_queue(transaction, record)
    standing = await find_standing(transaction, record, queue, member.id)
    return {
        "row": record,
        "place": (await find_row_places(transaction, [record]))[record],
        "queue": queue,
        "standing": standing,
        "proof": str(proof or ""),
        "lease": LEASE,
        "idle": settings.edit_idle_seconds,
    }


def lease_of(request: AnyRequest) -> int:
    """The first lease of a page: short where scripts are known to run, as they will renew it. A tab may be closed
    before its page is there."""
    scripted = "hx-request" in request.headers or runs_scripts(request.scope["headers"])
    return LEASE if scripted else LEASE_WITHOUT_JAVASCRIPT
