"""Collections: what kinds of thing a workspace keeps records of."""

from __future__ import annotations

from datetime import datetime

from litestar.exceptions import NotFoundException
from sqlalchemy import BigInteger, String, UniqueConstraint, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.rights import require
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.database.functions import find_text
from app.folding import fold
from app.records.facts import CollectionDescribed, CollectionRenamed
from app.web.forms import Invalid, clean_label, clean_line
from app.web.texts import _l, spell_in_ascii


class Collection(Tenanted, Base):
    """A kind of record, such as books. `last_number` is the newest record's; numbers are never used twice.

    One that is archived can be read, and nothing in it is added or changed. A deleted one is in the bin for a while:
    nobody sees it, and it has all that it had when it is restored.
    """

    __tablename__ = "collection"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "slug", name="uq_collection_slug"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    icon: Mapped[str] = mapped_column(String(20), default="box")
    color: Mapped[str] = mapped_column(String(10), default="", server_default="")
    description: Mapped[str] = mapped_column(String(500), default="", server_default="")
    last_number: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    # Counts the changes of its definition.
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


# Those of our icons that may stand for what a collection holds.
COLLECTION_ICONS = {
    "box": _l("Box"),
    "book": _l("Book"),
    "users": _l("People"),
    "calendar": _l("Calendar"),
    "wrench": _l("Tool"),
    "monitor": _l("Screen"),
    "key": _l("Key"),
    "archive": _l("Archive"),
    "inbox": _l("Inbox"),
    "banknote": _l("Money"),
    "star": _l("Star"),
    "list": _l("List"),
}
COLLECTION_COLORS = ("green", "amber", "blue", "red", "violet")
FIND_COLLECTION = PreparedSelect(
    lambda: select(Collection).where(Collection.slug == bindparam("slug"), Collection.deleted_at.is_(None))
)


LIST_SLUGS = PreparedSelect(
    lambda: select(Collection.slug).where(find_text(Collection.slug, bindparam("base", type_=String())) == 1)
)
LIST_COLLECTION_NAMES = PreparedSelect(
    lambda: (
        select(Collection.id, Collection.name)
        .where(Collection.deleted_at.is_(None))
        .order_by(Collection.name, Collection.id)
    )
)


async def get_collection(transaction: Transaction, slug: str) -> Collection:
    """A collection by its address, not in the bin. Raises NotFoundException."""
    found = await transaction.find(FIND_COLLECTION, slug=slug)
    if found is None:
        raise NotFoundException
    return found[0]


async def create_collection(transaction: Transaction, *, name: str, slug: str = "", icon: str = "box") -> Collection:
    """Make a collection without fields. The address is made from the name where none is given.

    Raises Invalid when there is one of this name already.
    """
    name = clean_label("name", name)
    await refuse_taken_name(transaction, name)
    base = slug or "-".join(spell_in_ascii(name))[:32].strip("-") or "collection"
    taken = set(await transaction.column(LIST_SLUGS, base=base))
    slug = next(each for each in (base, *(f"{base}-{n}" for n in range(2, len(taken) + 3))) if each not in taken)
    collection = Collection(name=name, slug=slug, icon=icon, last_number=0, total=0, version=1)
    transaction.add(collection)
    await transaction.flush()
    return collection


async def describe_collection(
    transaction: Transaction, collection: Collection, member: Member, *, icon: str, color: str, description: str
) -> None:
    """Give a collection an icon, a colour for it, and a text on what it holds. Raises Invalid."""
    require(member, "manage", "collections")
    wanted = icon, color, clean_line(description)
    if wanted == (collection.icon, collection.color, collection.description):
        return
    if icon not in COLLECTION_ICONS and icon != collection.icon:
        raise Invalid(icon=_l("Choose one of these: %(names)s.", names=", ".join(COLLECTION_ICONS)))
    if color not in ("", *COLLECTION_COLORS):
        raise Invalid(color=_l("Choose one of these: %(names)s.", names=", ".join(COLLECTION_COLORS)))
    collection.icon, collection.color, collection.description = wanted
    collection.version += 1
    await transaction.flush()
    transaction.note(CollectionDescribed(by=transaction.acting(member.id), collection_id=collection.id))


async def refuse_taken_name(transaction: Transaction, name: str, own: Collection | None = None) -> None:
    """Raise Invalid when another collection is called so, whatever the case and accents; the bin does not count."""
    others = await transaction.rows(LIST_COLLECTION_NAMES)
    if any(fold(other) == fold(name) for other_id, other in others if own is None or other_id != own.id):
        raise Invalid(name=_l("There is already a collection with this name."))


async def rename_collection(transaction: Transaction, collection: Collection, member: Member, *, name: str) -> None:
    """Give a collection another name; its address stays. Raises Invalid when another is called so."""
    require(member, "manage", "collections")
    name = clean_label("name", name)
    if collection.name == name:
        return
    await refuse_taken_name(transaction, name, collection)
    by, before = transaction.acting(member.id), collection.name
    collection.name = name
    collection.version += 1
    await transaction.flush()
    transaction.note(
        CollectionRenamed(by=by, collection_id=collection.id, slug=collection.slug, before=before, after=name)
    )
