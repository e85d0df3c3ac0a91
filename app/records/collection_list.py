"""All collections that a member may browse, page by page."""

from __future__ import annotations

from sqlalchemy import select

from app.accounts.members import Member
from app.database import PreparedSelect, Transaction
from app.folding import fold
from app.records.collections import Collection
from app.records.permissions import is_granted_to_reader
from app.web.paging import Paged, page_of

LIST_BROWSED = PreparedSelect(
    lambda: select(Collection.id, Collection.name, Collection.archived_at).where(
        is_granted_to_reader("browse", Collection.id)
    )
)


async def page_collections(transaction: Transaction, member: Member, query: str, page: str) -> Paged[Collection]:
    """A page of the collections that a member may browse, those that are archived after the others."""
    rows = await transaction.rows(LIST_BROWSED, role=member.role, member_id=member.id)
    named = [(archived_at is not None, fold(name), collection_id, name) for collection_id, name, archived_at in rows]
    listing = page_of(sorted(named), page, query=query, text_of=lambda row: row[3])
    ids = [collection_id for _, _, collection_id, _ in listing.items]
    found = await transaction.find_all(Collection, ids)
    return listing.of([found[each] for each in ids])
