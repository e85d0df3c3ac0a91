"""Books: the collection that every workspace comes with."""

from __future__ import annotations

from app.accounts.members import Member
from app.database import Transaction
from app.records.collections import Collection, create_collection
from app.records.definitions import add_field
from app.tenants.workspaces import furnisher
from app.web.texts import Text, _l, translations

BOOKS = _l("Books")
STATUS = (_l("On the shelf"), _l("Lent"), _l("Ordered"), _l("Lost"))


@furnisher
async def add_books(transaction: Transaction, member: Member) -> None:
    """Make the collection in the workspace's language; its address is `/c/books` in all."""
    await create_books(transaction)


async def create_books(transaction: Transaction) -> Collection:
    """The collection with title, author, year, ISBN, language, status and notes."""

    def say(text: Text) -> str:
        return translations(transaction.tenant.language).gettext(text.message)

    books = await create_collection(transaction, name=say(BOOKS), slug="books", icon="book")
    choices = [say(status) for status in STATUS]
    for key, label, kind_name, options in (
        ("title", _l("Title"), "text", {"required": True}),
        ("author", _l("Author"), "text", {}),
        (
            "year",
            _l("Year"),
            "whole_number",
            {"help": say(_l("Of the first edition, if you know it."))},
        ),
        ("isbn", _l("ISBN"), "text", {"unique": True}),
        ("language", _l("Language"), "text", {}),
        ("status", _l("Status"), "choice", {"choices": choices, "default": choices[0]}),
        ("notes", _l("Notes"), "long_text", {}),
    ):
        field = await add_field(transaction, books, label=say(label), kind_name=kind_name, **options)
        field.key = key
    await transaction.flush()
    return books
