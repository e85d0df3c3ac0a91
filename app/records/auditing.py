"""What the audit log calls records and collections, which it knows by their addresses."""

from __future__ import annotations

import re
from collections.abc import Collection as Some

from sqlalchemy import or_, select

from app.accounts.audit import AuditedSubject, names_subjects
from app.database import Transaction
from app.records.collections import Collection
from app.records.records import Record, find_record_places

ADDRESS = re.compile(r"/c/(?P<slug>[^/]+)(?:/(?P<number>[0-9]{1,9}))?")


@names_subjects("record", "records", "edit", "collection")
async def name_records(transaction: Transaction, subjects: Some[str]) -> dict[str, AuditedSubject]:
    """Records by their titles, collections by their names. A record that is gone for good has its number left."""
    read = {subject: found for subject in subjects if (found := ADDRESS.fullmatch(subject))}
    slugs = {found["slug"] for found in read.values()} | set(subjects)
    statement = select(Collection).where(Collection.slug.in_(slugs))
    collections = {each.slug: each for each in await transaction.scalars(statement)}
    binned = {slug for slug, each in collections.items() if each.deleted_at is not None}  # nobody can open those
    named = {
        slug: AuditedSubject(each.name, "" if slug in binned else f"/c/{slug}") for slug, each in collections.items()
    }
    named |= {subject: named[found["slug"]] for subject, found in read.items() if found["slug"] in named}
    numbers: dict[int, set[int]] = {}
    for found in read.values():
        if found["number"] and found["slug"] in collections.keys() - binned:
            numbers.setdefault(collections[found["slug"]].id, set()).add(int(found["number"]))
    places = await find_titles(transaction, numbers)
    for subject, found in read.items():
        if found["number"] and found["slug"] in collections:
            more = f"{collections[found['slug']].name} #{found['number']}"
            title = places.get(subject)
            named[subject] = AuditedSubject(title, subject, more) if title else AuditedSubject(more)
    return named


async def find_titles(transaction: Transaction, numbers: dict[int, set[int]]) -> dict[str, str]:
    """The titles of records by their addresses; asked for by the ids of their collections, and their numbers."""
    if not numbers:
        return {}
    criteria = [(Record.collection_id == id) & Record.number.in_(wanted) for id, wanted in numbers.items()]
    records = (await transaction.scalars(select(Record).where(or_(*criteria)))).all()
    return {place.address: place.title for place in await find_record_places(transaction, records)}
