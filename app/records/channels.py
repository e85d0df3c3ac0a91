"""The channels of records, and what is pushed on them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import sidebar_section
from app.database import Transaction
from app.editing.rows import tell_listeners
from app.live.channels import channel
from app.live.log import publish
from app.records.collections import Collection, list_collections, list_fields
from app.records.history import list_history
from app.records.lists import sort_keys
from app.records.records import Record, find_place, search_text
from app.web.templates import render


@channel("collection.{id}")
async def members_of_the_workspace(transaction: Transaction, member: Member, number: int) -> bool:
    """Everybody in the workspace the collection belongs to."""
    return await transaction.scalar(select(Collection.id).where(Collection.id == number)) is not None


@channel("record.{id}", presence="live/readers_push.html")
async def readers_of_the_record(transaction: Transaction, member: Member, number: int) -> bool:
    """Everybody in the workspace the record belongs to."""
    return await transaction.scalar(select(Record.id).where(Record.id == number)) is not None


async def push_record(
    transaction: Transaction,
    collection: Collection,
    record: Record,
    what: str,
    *,
    before: Mapping[str, str] | None = None,
) -> None:
    """Publish what became of a record: to the lists of its collection, to its own page, to the sidebars.

    `before` are the values it had, from which a list knows whether it was counted under its search.
    """
    language = transaction.tenant.language
    fields = await list_fields(transaction, collection)
    place = await find_place(transaction, record)
    shown = {"collection": collection, "fields": fields, "record": record, "place": place}
    row = render(
        language,
        "records/row_push.html",
        **shown,
        what=what,
        keys=sort_keys(fields, record),
        before="" if before is None else search_text(fields, before),
    )
    publish(transaction, f"collection.{collection.id}", row)
    history = await list_history(transaction, fields, record)
    publish(
        transaction,
        f"record.{record.id}",
        render(language, "records/record_push.html", **shown, what=what, history=history),
    )
    await tell_listeners(transaction, record)
    if what in ("created", "deleted", "restored"):
        publish(
            transaction,
            "tenant",
            render(language, "records/count_push.html", collection=collection),
        )


async def push_collections(transaction: Transaction) -> None:
    """Publish the sidebar's collections after one was added or renamed."""
    collections = await list_collections(transaction)
    html = render(transaction.tenant.language, "records/collections_push.html", collections=collections)
    publish(transaction, "tenant", html)


async def push_fields(transaction: Transaction, collection: Collection) -> None:
    """Tell the collection's open pages to fetch themselves anew, as their columns have changed."""
    html = render(transaction.tenant.language, "live/refresh_push.html", target="refresh")
    publish(transaction, f"collection.{collection.id}", html)


@sidebar_section("records/_collections.html", order=10)
async def collections_section(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, object]:
    """The collections of the workspace."""
    return {"collections": await list_collections(transaction)}
