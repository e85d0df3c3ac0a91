"""What the audit log calls records and collections, which it knows by their addresses."""

from __future__ import annotations

import re
from collections.abc import Collection as Some

from sqlalchemy import bindparam, select

from app.accounts.audit import AuditedSubject, names_subjects
from app.database import PreparedSelect, Transaction
from app.records.collections import Collection
from app.records.records import find_at, find_record_places

ADDRESS = re.compile(r"/c/(?P<slug>[^/]+)(?:/(?P<number>[0-9]{1,9}))?")

LIST_COLLECTIONS_AT = PreparedSelect(lambda: select(Collection).where(Collection.slug.in_(bindparam("slugs"))))


@names_subjects("record", "records", "edit", "collection")
async def name_records(transaction: Transaction, subjects: Some[str]) -> dict[str, AuditedSubject]:
    """Records by their titles, collections by their names. A record that is gone for good has its number left."""
    read = {subject: found for subject in subjects if (found := ADDRESS.fullmatch(subject))}
    slugs = {found["slug"] for found in read.values()} | set(subjects)
    collections = {each.slug: each for each in await transaction.column(LIST_COLLECTIONS_AT, slugs=slugs)}
    binned = {slug for slug, each in collections.items() if each.deleted_at is not None}  # nobody can open those
    named = {
        slug: AuditedSubject(each.name, "" if slug in binned else f"/c/{slug}") for slug, each in collections.items()
    }
    named |= {subject: named[found["slug"]] for subject, found in read.items() if found["slug"] in named}
    there = {
        (collections[found["slug"]].id, int(found["number"]))
        for found in read.values()
        if found["number"] and found["slug"] in collections.keys() - binned
    }
    places = await find_titles(transaction, there)
    for subject, found in read.items():
        if found["number"] and found["slug"] in collections:
            more = f"{collections[found['slug']].name} #{found['number']}"
            title = places.get(subject)
            named[subject] = AuditedSubject(title, subject, more) if title else AuditedSubject(more)
    return named


async def find_titles(transaction: Transaction, wanted: Some[tuple[int, int]]) -> dict[str, str]:
    """The titles of records by their addresses; asked for by the ids of their collections, and their numbers."""
    records = list((await find_at(transaction, wanted)).values()) if wanted else []
    return {place.address: place.title for place in await find_record_places(transaction, records)}
