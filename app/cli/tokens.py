"""Commands for the tokens of programs."""

from __future__ import annotations

import click

from app.accounts.members import Member, find_member
from app.accounts.scopes import SCOPES
from app.cli.transactions import run_in
from app.database import Transaction
from app.settings import read_settings


@click.group()
def token() -> None:
    """Create, list or revoke tokens, with which programs act as members."""


async def get_active(transaction: Transaction, slug: str, email: str) -> Member:
    """A member who is not kept out. Raises ClickException."""
    found = await find_member(transaction, email)
    if found is None or not found.active:
        raise click.ClickException(f"there is no member {email} in {slug}")
    return found


@token.command("add")
@click.argument("slug")
@click.argument("email")
@click.option("--name", required=True, help="What the program is called.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(list(SCOPES)),
    help="What the program may do; may be given several times. Left out: all but admin.",
)
@click.option("--collection", "collections", multiple=True, help="Only in this collection, by its address.")
@click.option("--room", "rooms", multiple=True, help="Only in this room, by its address.")
@click.option("--origin", "origins", multiple=True, help="A site whose pages may use it, such as https://example.org.")
@click.option("--days", type=click.IntRange(1, 3650), help="Days until it expires; never if left out.")
def add_token_command(
    slug: str,
    email: str,
    name: str,
    scopes: tuple[str, ...],
    collections: tuple[str, ...],
    rooms: tuple[str, ...],
    origins: tuple[str, ...],
    days: int | None,
) -> None:
    """Create a token and print it, alone: it is shown only once."""
    from app.accounts.program_tokens import make_program_token
    from app.accounts.token_forms import read_wanted_token
    from app.web.forms import Form

    wanted = [("name", name), ("ends", str(days or 0)), ("origins", ",".join(origins))]
    wanted += [("scopes", scope) for scope in scopes or [each for each in SCOPES if each != "admin"]]
    wanted += [("collections", ",".join(collections)), ("rooms", ",".join(rooms))]

    async def add(transaction: Transaction) -> str:
        member = await get_active(transaction, slug, email)
        _, secret = await make_program_token(
            transaction, member, await read_wanted_token(transaction, member, Form(wanted))
        )
        return secret

    click.echo(run_in(read_settings(), slug, add))


@token.command("list")
@click.argument("slug")
@click.argument("email", required=False)
def list_tokens_command(slug: str, email: str | None) -> None:
    """Print the tokens of a workspace, or of a member: a line each, with number, address, name and scopes."""
    from app.accounts.program_tokens import page_every_token

    async def find(transaction: Transaction) -> list[str]:
        lines, page, pages = [], 1, 1
        while page <= pages:
            found = await page_every_token(transaction, str(page), size=500)
            lines += [
                f"{token.id}\t{owner.email}\t{token.name}\t{' '.join(token.scopes)}"
                for token, owner in found.items
                if email in (None, owner.email)
            ]
            page, pages = page + 1, found.pages
        return lines

    for line in run_in(read_settings(), slug, find):
        click.echo(line)


@token.command("end")
@click.argument("slug")
@click.argument("number", type=int)
def end_token_command(slug: str, number: int) -> None:
    """Revoke a token, by its number in the list."""
    from app.accounts.program_tokens import end_token, get_token

    async def end(transaction: Transaction) -> None:
        found, owner = await get_token(transaction, number)
        await end_token(transaction, found, owner)

    run_in(read_settings(), slug, end)
