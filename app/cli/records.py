"""Commands for records."""

from __future__ import annotations

import click

from app.accounts.members import find_member
from app.cli.transactions import run_in
from app.database import Transaction
from app.settings import read_settings


@click.group()
def record() -> None:
    """Add records by the command line."""


@record.command("add")
@click.argument("slug")
@click.argument("collection")
@click.argument("values", nargs=-1, required=True, metavar="FIELD=VALUE…")
@click.option("--as", "email", required=True, help="E-mail address of the member who adds it.")
def add_record_command(slug: str, collection: str, values: tuple[str, ...], email: str) -> None:
    """Add a record to a collection; open pages show it within a second."""
    from app.records.adding import create_record
    from app.records.collections import get_collection
    from app.records.fields import list_fields

    typed = dict(value.partition("=")[::2] for value in values)

    async def add(transaction: Transaction) -> int:
        author = await find_member(transaction, email)
        if author is None or not author.active:
            raise click.ClickException(f"there is no member {email} in {slug}")
        found = await get_collection(transaction, collection)
        unknown = typed.keys() - {field.key for field in await list_fields(transaction, found)}
        if unknown:
            raise click.ClickException(f"{collection} has no field {', '.join(sorted(unknown))}")
        made = await create_record(transaction, found, typed, author)
        return made.number

    click.echo(f"Added number {run_in(read_settings(), slug, add)}.")
