"""Who may do what in a collection is changed: what roles may do, and which guests it is open to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import bindparam, delete, select

from app.accounts.facts import MemberJoined
from app.accounts.members import Member, is_active
from app.accounts.rights import is_entitled, may, require
from app.database import PreparedChange, PreparedSelect, Transaction
from app.records.access import forget_access
from app.records.access_facts import GuestAdmitted, GuestDismissed, PermissionsChanged
from app.records.collections import Collection
from app.records.permissions import (
    ONLY_READING,
    CollectionGuest,
    Permissions,
    is_guest_of,
    list_permissions,
    write_permissions,
)
from app.tenants.invited import Invitable, invites_to
from app.web.errors import PageError
from app.web.forms import Invalid
from app.web.texts import Text, _l

GUEST_SUBJECT = "collection"


def describe_permissions(permissions: Permissions) -> str:
    """What is permitted, as the audit log says it."""
    said = []
    for name in permissions.__struct_fields__:
        value = getattr(permissions, name)
        if value is True or value == "all":
            said.append(name)
        elif value == "own":
            said.append(f"{name} own")
    return ", ".join(said) or "nothing"


def check_permissions(permissions: Mapping[str, Permissions]) -> None:
    """Raise Invalid, by role, for what makes no sense."""
    errors: dict[str, Text] = {}
    for role, each in permissions.items():
        writes = each.add or "none" not in (each.edit, each.delete) or each.edit != "none" or each.delete != "none"
        if role in ONLY_READING and writes:
            errors[role] = _l("Viewers can only be allowed to browse and read.")
        elif (each.browse or writes) and not each.read:
            errors[role] = _l("Anyone who may do something with the records must also be allowed to read them.")
    if errors:
        raise Invalid(**errors)


async def change_permissions(
    transaction: Transaction, collection: Collection, actor: Member, permissions: Mapping[str, Permissions]
) -> bool:
    """Say what roles may do with the records of a collection. False when that is so already.

    Raises Invalid for what makes no sense, and a 403 page unless the actor may.
    """
    require(actor, "manage", "collections")
    check_permissions(permissions)
    before = await list_permissions(transaction, collection.id)
    changed = {role: each for role, each in permissions.items() if before[role] != each}
    if not changed:
        return False
    await write_permissions(transaction, collection.id, changed)
    forget_access(transaction)
    transaction.keep(collection)
    for role, each in changed.items():
        transaction.note(
            PermissionsChanged(
                by=transaction.acting(actor.id),
                collection_id=collection.id,
                slug=collection.slug,
                role=role,
                before=describe_permissions(before[role]),
                after=describe_permissions(each),
            )
        )
    return True


async def admit_guests(
    transaction: Transaction, collection: Collection, actor: Member, people: Sequence[Member]
) -> list[Member]:
    """Open a collection to guests; those to whom it was not open before. Raises Invalid for who is none."""
    require(actor, "manage", "collections")
    if any(is_entitled(person, "see", "everybody") for person in people):
        raise Invalid(person=_l("Only guests are given access one by one: the table says what the others may do."))
    admitted = []
    for person in people:
        if not await is_guest_of(transaction, collection.id, person.id):
            await admit(transaction, collection, person, transaction.acting(actor.id).member_id)
            admitted.append(person)
    return admitted


async def admit(transaction: Transaction, collection: Collection, person: Member, by_id: int | None) -> None:
    """Open a collection to a guest."""
    await transaction.insert_rows(CollectionGuest, {"collection_id": collection.id, "member_id": person.id})
    forget_access(transaction)
    transaction.note(
        GuestAdmitted(
            by=transaction.acting(by_id),
            collection_id=collection.id,
            slug=collection.slug,
            member_id=person.id,
            email=person.email or person.name,
        )
    )


FORGET_GUEST = PreparedChange(
    lambda: delete(CollectionGuest).where(
        CollectionGuest.collection_id == bindparam("collection_id"), CollectionGuest.member_id == bindparam("member_id")
    )
)


async def dismiss_guest(transaction: Transaction, collection: Collection, actor: Member, person: Member) -> None:
    """Open a collection to a guest no more; nothing happens when it is not."""
    require(actor, "manage", "collections")
    if not await is_guest_of(transaction, collection.id, person.id):
        return
    await transaction.apply(FORGET_GUEST, collection_id=collection.id, member_id=person.id)
    forget_access(transaction)
    transaction.note(
        GuestDismissed(
            by=transaction.acting(actor.id),
            collection_id=collection.id,
            slug=collection.slug,
            member_id=person.id,
            email=person.email or person.name,
        )
    )


LIST_GUESTS = PreparedSelect(
    lambda: (
        select(Member)
        .where(
            Member.id.in_(
                select(CollectionGuest.member_id).where(CollectionGuest.collection_id == bindparam("collection_id"))
            ),
            *is_active(),
        )
        .order_by(Member.name, Member.id)
    )
)


async def list_guests(transaction: Transaction, collection: Collection) -> list[tuple[int, str, str]]:
    """The guests whom a collection is open to, by id, name and address; those whose role is another one by now left
    out."""
    people = await transaction.column(LIST_GUESTS, collection_id=collection.id)
    return [(each.id, each.name, each.email or "") for each in people if not is_entitled(each, "see", "everybody")]


async def admit_invited(transaction: Transaction, facts: Sequence[MemberJoined]) -> None:
    """Open collections to the guests whose invitations say so."""
    people = await transaction.find_all(Member, [fact.member_id for fact in facts])
    for fact in facts:
        person = people[fact.member_id]
        wanted = invited_collections(fact.invited_to)
        if is_entitled(person, "see", "everybody") or not wanted:
            continue
        found = await transaction.find_all(Collection, sorted(wanted))
        for collection in found.values():
            await admit(transaction, collection, person, fact.by.member_id)


def invited_collections(names: Iterable[str]) -> list[int]:
    """The ids of the collections among the names of things that somebody is invited to."""
    return [int(name.rpartition("-")[2]) for name in names if name.startswith(f"{GUEST_SUBJECT}-")]


async def find_guest(transaction: Transaction, collection: Collection, member_id: int) -> Member:
    """A guest of a collection. Raises a 404 page."""
    person = await transaction.get(Member, member_id)
    if person is None or not await is_guest_of(transaction, collection.id, member_id):
        raise PageError(404, _l("This guest no longer has access."))
    return person


LIST_INVITABLE = PreparedSelect(
    lambda: (
        select(Collection.id, Collection.name, Collection.slug)
        .where(Collection.deleted_at.is_(None))
        .order_by(Collection.name, Collection.id)
    )
)


@invites_to(GUEST_SUBJECT, _l("Collections"), "/choices/collections")
async def list_invitable(transaction: Transaction, member: Member) -> list[Invitable]:
    """The collections that a member may open to guests: all, for those who manage them."""
    if not may(member, "manage", "collections"):
        return []
    return [Invitable(*row) for row in await transaction.rows(LIST_INVITABLE)]
