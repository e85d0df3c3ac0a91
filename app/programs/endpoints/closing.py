"""A collection as admins change it: what it is called, archived or open, in the trash or not."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import require
from app.database import Transaction
from app.programs.collection_shapes import CollectionChange
from app.programs.endpoints.collections import COLLECTION, answer_collection
from app.programs.lists import DEFAULT_LIMIT, After, Limit, cut_part, from_newest
from app.programs.problems import Problem
from app.programs.record_shapes import list_named
from app.programs.records import IfMatch, as_forms_have_it, read_version
from app.programs.routes import ListPart, adds, changes, reads, removes
from app.programs.shapes import CollectionShape, shape_collection
from app.records.access import enter_collection
from app.records.closing import (
    archive_collection,
    delete_collection,
    get_any_collection,
    list_binned,
    restore_collection,
)
from app.records.collections import Collection, describe_collection, rename_collection


async def manage_collection(transaction: Transaction, member: Member, slug: str) -> Collection:
    """A collection, for who may manage it. Raises NotFoundException, also for one that a token is not for, and a 403
    page."""
    collection = (await enter_collection(transaction, member, slug, "read")).collection
    require(member, "manage", "collections")
    return collection


async def manage_any_collection(transaction: Transaction, member: Member, slug: str) -> Collection:
    """Likewise of one that may be in the trash."""
    collection = await get_any_collection(transaction, slug)
    if collection.deleted_at is None:
        return await manage_collection(transaction, member, slug)
    if not member.grant.reaches([("collection", collection.id)]):
        raise NotFoundException
    require(member, "manage", "collections")
    return collection


@changes(COLLECTION, scope="admin", answers=(412, 428))
async def change_collection_by_program(
    transaction: Transaction, member: Member, slug: str, data: CollectionChange, if_match: IfMatch = None
) -> Response[CollectionShape]:
    """Give a collection another name, description, icon or colour; its address stays."""
    version = read_version(if_match)
    collection = await manage_collection(transaction, member, slug)
    if version != collection.version:
        raise Problem("version-changed", f"It is at version {collection.version} by now.", version=collection.version)
    wanted = {name: as_forms_have_it(value) for name, value in list_named(data).items()}
    if "name" in wanted:
        await rename_collection(transaction, collection, member, name=wanted.pop("name"))
    if wanted:
        about = {each: wanted.get(each, getattr(collection, each)) for each in ("icon", "color", "description")}
        await describe_collection(transaction, collection, member, **about)
    return answer_collection(collection)


@adds(COLLECTION + "/archive", scope="admin", status_code=200)
async def archive_collection_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str
) -> Response[CollectionShape]:
    """Let a collection be read alone, by everybody. What is typed and not saved stays as drafts."""
    collection = await manage_collection(transaction, member, slug)
    await archive_collection(transaction, collection, member, archived=True)
    return answer_collection(collection)


@adds(COLLECTION + "/unarchive", scope="admin", status_code=200)
async def unarchive_collection_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str
) -> Response[CollectionShape]:
    """Open an archived collection again."""
    collection = await manage_collection(transaction, member, slug)
    await archive_collection(transaction, collection, member, archived=False)
    return answer_collection(collection)


@removes(COLLECTION, scope="admin")
async def delete_collection_by_program(transaction: Transaction, member: Member, slug: str) -> None:
    """Delete a collection, with all that it has: it moves to the trash, from where it can be restored for 30 days. One
    that is there already is no error."""
    await delete_collection(transaction, await manage_any_collection(transaction, member, slug), member)


@adds(COLLECTION + "/restore", scope="admin", status_code=200)
async def restore_collection_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str
) -> Response[CollectionShape]:
    """Take a collection out of the trash, as it was. If its name is in use by now, it gets a number."""
    collection = await manage_any_collection(transaction, member, slug)
    await restore_collection(transaction, collection, member)
    return answer_collection(collection)


def place_of_deleted(collection: Collection) -> tuple[int, int]:
    """What the list of deleted collections is sorted by."""
    return from_newest(collection.deleted_at), collection.id


@reads("/deleted-collections", scope="admin")
async def list_deleted_collections_for_programs(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[CollectionShape]:
    """The collections in the trash, which can be restored, those deleted last first; for admins."""
    require(member, "manage", "collections")
    binned = await list_binned(transaction)
    reached = [each for each in binned if member.grant.reaches([("collection", each.id)])]
    shown, following = cut_part(reached, limit, next, "deleted-collections", place_of_deleted, int, int)
    return ListPart([shape_collection(each) for each in shown], following)


endpoints: list[Any] = [
    change_collection_by_program,
    archive_collection_by_program,
    unarchive_collection_by_program,
    delete_collection_by_program,
    restore_collection_by_program,
    list_deleted_collections_for_programs,
]
