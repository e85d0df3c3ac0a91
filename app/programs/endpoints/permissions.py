"""Who may do what in a collection, and which guests it is open to, for programs of admins."""

from __future__ import annotations

from typing import Any, get_args

from litestar import Response
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member, find_person
from app.database import Transaction
from app.folding import fold
from app.programs.answering import TAGGED
from app.programs.collection_shapes import (
    GuestGiven,
    LimitedRole,
    PermissionsChange,
    PermissionsShape,
    read_permissions_of,
    shape_permissions,
)
from app.programs.endpoints.closing import manage_collection
from app.programs.endpoints.collections import COLLECTION
from app.programs.endpoints.people import LARGEST_ID
from app.programs.lists import DEFAULT_LIMIT, After, Limit, cut_part
from app.programs.problems import Problem
from app.programs.records import IfAsSeen, check_seen
from app.programs.routes import ListPart, adds, changes, reads, removes
from app.programs.shapes import PersonShape, find_people_shapes, shape_person
from app.records.collections import Collection
from app.records.granting import admit_guests, change_permissions, dismiss_guest, find_guest, list_guests
from app.records.permissions import list_permissions
from app.web.forms import Invalid

PERMISSION_TABLE = COLLECTION + "/permissions"
GUESTS = COLLECTION + "/guests"


async def shape_table(transaction: Transaction, collection: Collection) -> PermissionsShape:
    """What each role may do in a collection."""
    table = await list_permissions(transaction, collection.id)
    return PermissionsShape({role: shape_permissions(table[role]) for role in get_args(LimitedRole)})


@reads(PERMISSION_TABLE, scope="admin")
async def show_permissions_to_program(transaction: Transaction, member: Member, slug: str) -> PermissionsShape:
    """What each role may do with the records of a collection."""
    return await shape_table(transaction, await manage_collection(transaction, member, slug))


@changes(PERMISSION_TABLE, scope="admin", answers=(412, 428))
async def change_permissions_by_program(
    transaction: Transaction, member: Member, slug: str, data: PermissionsChange, if_match: IfAsSeen = None
) -> Response[PermissionsShape]:
    """Say what roles may do with the records of a collection. It holds at once: who may not edit any more loses the
    lock, and what they have typed is kept as their draft."""
    collection = await manage_collection(transaction, member, slug)
    check_seen(if_match, await shape_table(transaction, collection))
    await change_permissions(transaction, collection, member, read_permissions_of(data))
    return Response(await shape_table(transaction, collection), headers=TAGGED)


@reads(GUESTS, scope="admin")
async def list_guests_for_programs(
    transaction: Transaction, member: Member, slug: str, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[PersonShape]:
    """The guests whom a collection is open to, by name."""
    collection = await manage_collection(transaction, member, slug)
    guests = [(fold(name), number) for number, name, _ in await list_guests(transaction, collection)]
    shown, following = cut_part(guests, limit, next, f"guests {collection.id}", lambda each: each, str, int)
    people = await find_people_shapes(transaction, {number for _, number in shown})
    return ListPart([people[number] for _, number in shown], following)


@adds(GUESTS, scope="admin", status_code=200)
async def admit_guest_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, data: GuestGiven
) -> PersonShape:
    """Open a collection to a guest. One whom it is open to already is no error."""
    collection = await manage_collection(transaction, member, slug)
    if not 0 < data.member_id <= LARGEST_ID:
        raise Problem("invalid", errors={"member_id": "There is no such member."})
    try:
        person = await find_person(transaction, data.member_id)
    except NotFoundException:
        raise Problem("invalid", errors={"member_id": "There is no such member."}) from None
    try:
        await admit_guests(transaction, collection, member, [person])
    except Invalid as invalid:
        raise Problem("invalid", errors={"member_id": invalid.first}) from invalid
    return shape_person(person)


@removes(GUESTS + "/{member_id:int}", scope="admin")
async def dismiss_guest_by_program(transaction: Transaction, member: Member, slug: str, member_id: int) -> None:
    """Open a collection to a guest no more."""
    collection = await manage_collection(transaction, member, slug)
    if not 0 < member_id <= LARGEST_ID:
        raise NotFoundException
    await dismiss_guest(transaction, collection, member, await find_guest(transaction, collection, member_id))


endpoints: list[Any] = [
    show_permissions_to_program,
    change_permissions_by_program,
    list_guests_for_programs,
    admit_guest_by_program,
    dismiss_guest_by_program,
]
