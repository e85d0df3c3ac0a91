"""Collections, and their fields."""

from __future__ import annotations

from litestar import Response
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.rights import may
from app.database import PreparedSelect, Transaction
from app.programs.lists import DEFAULT_LIMIT, After, Limit, page_rows, read_cursor
from app.programs.routes import ListPart, reads
from app.programs.shapes import CollectionShape, FieldShape, shape_collection, shape_field
from app.records.access import enter_collection, find_accesses_of
from app.records.collections import Collection
from app.records.fields import Field, Fields, list_fields
from app.records.values import list_read_only

COLLECTION = "/collections/{slug:str}"
FIELDS = COLLECTION + "/fields"
# Those that may be read are found among so many at a time.
READ_AT_ONCE = 200
LIST_COLLECTIONS_AFTER = PreparedSelect(
    lambda: (
        select(Collection)
        .where(Collection.deleted_at.is_(None), Collection.id > bindparam("after"))
        .order_by(Collection.id)
        .limit(READ_AT_ONCE)
    )
)


@reads("/collections", scope="records:read")
async def list_collections_for_programs(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[CollectionShape]:
    """The collections that may be looked through, the oldest first."""
    after = (read_cursor(next, int) or [0])[0]
    found: list[Collection] = []
    while len(found) <= limit:
        rows = await transaction.column(LIST_COLLECTIONS_AFTER, after=after)
        accesses = await find_accesses_of(transaction, [member], rows)
        found += [each for each in rows if may(member, "browse", accesses[member.id, each.id])]
        if len(rows) < READ_AT_ONCE:
            break
        after = rows[-1].id
    return page_rows(found[: limit + 1], limit, shape_collection, lambda each: (each.id,))


def answer_collection(
    collection: Collection, *, counted: bool = True, status: int = 200, **headers: str
) -> Response[CollectionShape]:
    """A collection, with its version as its tag; `counted` where its records may be."""
    shape = shape_collection(collection, counted=counted)
    return Response(shape, status_code=status, headers={"ETag": f'"{shape.version}"', **headers})


@reads(COLLECTION, scope="records:read")
async def show_collection_to_program(transaction: Transaction, member: Member, slug: str) -> Response[CollectionShape]:
    """A collection. Its tag begins with the version of its definition."""
    access = await enter_collection(transaction, member, slug, "read")
    return answer_collection(access.collection, counted=may(member, "browse", access))


@reads(FIELDS, scope="records:read")
async def list_fields_for_programs(transaction: Transaction, member: Member, slug: str) -> ListPart[FieldShape]:
    """The fields of a collection, in their order; all of them at once."""
    access = await enter_collection(transaction, member, slug, "read")
    fields = await list_fields(transaction, access.collection)
    return ListPart([shape_for(member, fields, field) for field in fields], None)


def shape_for(member: Member, fields: Fields, field: Field) -> FieldShape:
    """A field, as a member may write it."""
    fixed = {each.id for each in list_read_only(fields, member)}
    return shape_field(field, writable=not field.kind.computed and field.id not in fixed)


endpoints = [list_collections_for_programs, show_collection_to_program, list_fields_for_programs]
