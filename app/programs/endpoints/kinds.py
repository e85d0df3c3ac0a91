"""Fields that become another kind, are taken out for a while, or filled, for programs of admins."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Response

from app.accounts.access import AnyRequest, read_signed_in, write_signed_in
from app.accounts.members import Member
from app.accounts.rights import require
from app.database import Transaction
from app.programs.collection_shapes import (
    FilledShape,
    Filling,
    KindPreview,
    KindStanding,
    KindWanted,
    RemovedField,
    shape_preview,
)
from app.programs.endpoints.closing import manage_collection
from app.programs.endpoints.collections import COLLECTION, shape_for
from app.programs.endpoints.fields import FIELD_PATH, open_definition, read_given_options
from app.programs.kept_answers import write_once
from app.programs.lists import DEFAULT_LIMIT, LAST_NUMBER, After, Limit, cut_part, from_newest
from app.programs.problems import Problem
from app.programs.records import IfMatch, read_json_value, read_version, told_by_keys
from app.programs.routes import ListPart, adds, reads
from app.programs.shapes import in_utc
from app.records.collections import Collection
from app.records.fields import Field, Fields, list_fields
from app.records.filling import count_lacking, fill_in_steps, list_lacking, read_filling
from app.records.kind_changes import cancel_change, change_kind, redo_kind_change, undo_kind_change
from app.records.kind_plans import plan_kind, preview_kind
from app.web.endings import end_early
from app.web.texts import Text

FIELD_KIND = FIELD_PATH + "/kind"


async def manage_field(
    transaction: Transaction, member: Member, slug: str, key: str
) -> tuple[Collection, Fields, Field]:
    """A field by its key, for who may manage its collection. Raises what pages do."""
    opened = await open_definition(transaction, member, slug, key)
    require(member, "manage", "collections")
    return opened


def place_of_removed(removed: tuple[Field, datetime]) -> tuple[int, int]:
    """What the list of removed fields is sorted by."""
    return from_newest(removed[1]), LAST_NUMBER - removed[0].id


@reads(COLLECTION + "/removed-fields", scope="admin")
async def list_removed_fields(
    transaction: Transaction, member: Member, slug: str, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[RemovedField]:
    """The fields that were taken out and can be restored, the last one first."""
    collection = await manage_collection(transaction, member, slug)
    fields = await list_fields(transaction, collection)
    removed = [(each, each.removed_at) for each in fields.in_bin if each.removed_at]
    name = f"removed-fields {collection.id}"
    shown, following = cut_part(removed, limit, next, name, place_of_removed, int, int)
    return ListPart([RemovedField(shape_for(member, fields, each), in_utc(when)) for each, when in shown], following)


@adds(FIELD_KIND + "/preview", scope="admin", status_code=200, writes=False)
async def preview_kind_for_programs(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str, data: KindWanted
) -> KindPreview:
    """What would become of the values of a field if it had another kind. Nothing is changed."""
    _, _, field = await manage_field(transaction, member, slug, key)
    new = await plan_kind(transaction, field, data.kind, read_given_options(data.kind, data.options))
    return shape_preview(await preview_kind(transaction, field, new), "en")


async def answer_standing(
    transaction: Transaction, member: Member, collection: Collection, key: str, *, done: bool
) -> Response[KindStanding]:
    """How it stands with a change of kind: 200 where it is done, 202 where it goes on."""
    fields = await list_fields(transaction, collection)
    field = next(each for each in fields if each.key == key)
    shape = KindStanding(done, shape_for(member, fields, field))
    return Response(shape, status_code=200 if done else 202, headers={"ETag": f'"{field.version}"'})


@adds(FIELD_KIND, scope="admin", status_code=200, answers=(412, 428), also={202: KindStanding})
async def change_kind_by_program(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    key: str,
    data: KindWanted,
    if_match: IfMatch = None,
) -> Response[KindStanding]:
    """Change the kind of a field: 200 when it is done; where there are many records that goes on, 202, and until it is
    done the field is what it was. It can be undone for 30 days. Ask for a preview first: values that can't be of the
    new kind are not in it."""
    version = read_version(if_match)
    collection, _, field = await manage_field(transaction, member, slug, key)
    if version != field.version:
        raise Problem("version-changed", f"It is at version {field.version} by now.", version=field.version)
    done = await change_kind(
        transaction,
        collection,
        field,
        member,
        kind_name=data.kind,
        options=read_given_options(data.kind, data.options),
        version=version,
    )
    return await answer_standing(transaction, member, collection, key, done=done)


@adds(FIELD_KIND + "/undo", scope="admin", status_code=200, also={202: KindStanding})
async def undo_kind_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str
) -> Response[KindStanding]:
    """Let a field be again what it was before its kind was changed: each value as it was, but for those that somebody
    has changed since, which are converted back. Once more, and the change before that is undone, as long as it was in
    the last 30 days; 422 where there is none. Where there are many records that goes on: 202."""
    collection, _, field = await manage_field(transaction, member, slug, key)
    done = await undo_kind_change(transaction, collection, field, member)
    return await answer_standing(transaction, member, collection, key, done=done)


@adds(FIELD_KIND + "/redo", scope="admin", status_code=200, also={202: KindStanding})
async def redo_kind_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str
) -> Response[KindStanding]:
    """Let a field be again what it was before a change of its kind was undone; 422 where none was."""
    collection, _, field = await manage_field(transaction, member, slug, key)
    done = await redo_kind_change(transaction, collection, field, member)
    return await answer_standing(transaction, member, collection, key, done=done)


@adds(FIELD_KIND + "/cancel", scope="admin", status_code=200)
async def cancel_kind_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str
) -> Response[KindStanding]:
    """Let a field stay what it is, though its kind is about to be changed. Where it is not, that is no error."""
    collection, _, field = await manage_field(transaction, member, slug, key)
    await cancel_change(transaction, collection, field, member)
    return await answer_standing(transaction, member, collection, key, done=True)


@adds(FIELD_PATH + "/fill", scope="admin", status_code=200, writes=False)
async def fill_field_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str, data: Filling
) -> Response[Any]:
    """Give the records that have no value in a field one, some in each transaction, as others wait to write. Those that
    are being edited are left, as are those beyond 5,000: the same again fills them."""
    collection, fields, field = await manage_field(transaction, member, slug, key)
    with told_by_keys(fields):
        try:
            text = read_json_value(field, data.value)
        except ValueError as error:
            said = error.args[0] if isinstance(error.args[0], Text) else "This is not of the right type."
            raise Problem("invalid", errors={"value": said}) from error
        read_filling(member, collection, field, text)
    numbers, _ = await list_lacking(transaction, field)
    await end_early(request.scope)
    with told_by_keys(fields):
        await fill_in_steps(lambda: write_signed_in(request), slug, key, text, numbers)

    async with read_signed_in(request) as (reading, reader):
        left = await count_lacking(reading, (await manage_field(reading, reader, slug, key))[2])

    async def tell(writing: Transaction, actor: Member) -> FilledShape:
        await manage_field(writing, actor, slug, key)
        return FilledShape(left)

    return (await write_once(request, 200, tell))[0]


endpoints: list[Any] = [
    list_removed_fields,
    preview_kind_for_programs,
    change_kind_by_program,
    undo_kind_by_program,
    redo_kind_by_program,
    cancel_kind_by_program,
    fill_field_by_program,
]
