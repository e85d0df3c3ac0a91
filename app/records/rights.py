"""Who may do what with collections and their records: as each collection says, by role (`permissions.py`)."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.rights import Right, admins
from app.accounts.scopes import Place
from app.records.access import CollectionAccess, RecordAccess
from app.records.fields import Field
from app.web.texts import _l


def browsers(actor: Member, access: CollectionAccess) -> bool:
    """Those who may look through the collection."""
    return access.permissions.browse and access.permissions.read


def readers(actor: Member, access: CollectionAccess) -> bool:
    """Those who may read a record of the collection that they have come to."""
    return access.permissions.read


def adders(actor: Member, access: CollectionAccess) -> bool:
    """Those who may add records to the collection."""
    return access.permissions.read and access.permissions.add


def importers(actor: Member, access: CollectionAccess) -> bool:
    """Those who may add records and look through them; those that they may not edit are left as they are."""
    return adders(actor, access) and browsers(actor, access)


def those_who_delete(actor: Member, access: CollectionAccess) -> bool:
    """Those who may delete records that they see in the list: all, or their own."""
    return browsers(actor, access) and access.permissions.delete != "none"


def readers_within(actor: Member, access: RecordAccess) -> bool:
    """Those who may read records of its collection."""
    return readers(actor, access.within)


def editors(actor: Member, access: RecordAccess) -> bool:
    """Those who may edit all records of the collection, or their own."""
    reach = access.within.permissions.edit
    return readers(actor, access.within) and (reach == "all" or (reach == "own" and access.maker_id == actor.id))


def deleters(actor: Member, access: RecordAccess) -> bool:
    """Those who may delete all records of the collection, or their own, and take them out of the bin."""
    reach = access.within.permissions.delete
    return readers(actor, access.within) and (reach == "all" or (reach == "own" and access.maker_id == actor.id))


def changers(actor: Member, field: Field) -> bool:
    """Those who may change the values of a field, where they may edit a record or add one: all but the roles that it is
    read-only for, which admins and owners never are."""
    return admins(actor, field) or actor.role not in field.read_only_for


MAY_NOT_CHANGE = _l("You can see this field, but not change it.")
MAY_NOT_BROWSE = _l("You can open records of this collection through links, but not browse it.")
MAY_NOT_ADD = _l("You can read the records of this collection, but not add any.")
MAY_NOT_IMPORT = _l("To import, you need permission to add records to this collection and to browse it.")
MAY_NOT_EDIT = _l("You can read this record, but not change it.")
MAY_NOT_DELETE_ANY = _l("You can read the records of this collection, but not delete any.")
MAY_NOT_DELETE = _l("You can read this record, but not delete or restore it.")


def of_access(access: CollectionAccess) -> tuple[Place, ...]:
    """Where a collection is: it is such a place itself."""
    return (("collection", access.collection.id),)


def of_record(access: RecordAccess) -> tuple[Place, ...]:
    """Where a record is."""
    return of_access(access.within)


def of_field(field: Field) -> tuple[Place, ...]:
    """Where a field is."""
    return (("collection", field.collection_id),)


RECORD_RIGHTS = (
    Right("manage", "collections", admins, scope="admin"),
    Right("browse", CollectionAccess, browsers, MAY_NOT_BROWSE, scope="records:read", places=of_access),
    Right("read", CollectionAccess, readers, scope="records:read", places=of_access),
    Right("read the bin of", CollectionAccess, browsers, MAY_NOT_BROWSE, scope="records:read", places=of_access),
    Right("export", CollectionAccess, browsers, MAY_NOT_BROWSE, scope="records:read", places=of_access),
    Right("add to", CollectionAccess, adders, MAY_NOT_ADD, scope="records:write", places=of_access),
    Right("import into", CollectionAccess, importers, MAY_NOT_IMPORT, scope="records:write", places=of_access),
    Right(
        "delete from", CollectionAccess, those_who_delete, MAY_NOT_DELETE_ANY, scope="records:write", places=of_access
    ),
    Right("change", Field, changers, MAY_NOT_CHANGE, scope="records:write", places=of_field),
    Right("read", RecordAccess, readers_within, scope="records:read", places=of_record),
    Right("edit", RecordAccess, editors, MAY_NOT_EDIT, scope="records:write", places=of_record),
    Right("delete", RecordAccess, deleters, MAY_NOT_DELETE, scope="records:write", places=of_record),
)
