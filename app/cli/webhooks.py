"""Commands for webhooks."""

from __future__ import annotations

import click

from app.cli.tokens import get_active
from app.cli.transactions import run_in
from app.database import Transaction
from app.settings import read_settings


@click.group()
def webhook() -> None:
    """Create, list or remove webhooks, which send what happens to other servers."""


@webhook.command("add")
@click.argument("slug")
@click.argument("email")
@click.argument("address")
@click.option("--kind", "kinds", multiple=True, help="What is sent: record.created, or record.*. Left out: everything.")
@click.option("--collection", "collections", multiple=True, help="Only from this collection, by its address.")
@click.option("--room", "rooms", multiple=True, help="Only from this room, by its address.")
def add_webhook_command(
    slug: str, email: str, address: str, kinds: tuple[str, ...], collections: tuple[str, ...], rooms: tuple[str, ...]
) -> None:
    """Create a webhook to an address, with the rights of the admin with this mail address, and print its secret, alone:
    it can't be read again."""
    from app.web.forms import Form
    from app.webhooks.forms import read_wanted_webhook
    from app.webhooks.webhooks import make_webhook

    settings = read_settings()
    wanted = [("address", address), *(("kinds", kind) for kind in kinds)]
    wanted += [("collections", ",".join(collections)), ("rooms", ",".join(rooms))]

    async def add(transaction: Transaction) -> str:
        member = await get_active(transaction, slug, email)
        read = await read_wanted_webhook(transaction, member, Form(wanted))
        _, secret = await make_webhook(transaction, settings, member, read)
        return secret

    click.echo(run_in(settings, slug, add))


@webhook.command("list")
@click.argument("slug")
def list_webhooks_command(slug: str) -> None:
    """Print the webhooks of a workspace: a line each, with number, maker, state, host and kinds."""
    from app.webhooks.webhooks import list_webhooks

    async def find(transaction: Transaction) -> list[str]:
        return [
            f"{each.id}\t{maker.email}\t{'off' if each.disabled_at else 'on'}\t{each.host}\t{' '.join(each.kinds)}"
            for each, _, maker in await list_webhooks(transaction)
        ]

    for line in run_in(read_settings(), slug, find):
        click.echo(line)


@webhook.command("remove")
@click.argument("slug")
@click.argument("number", type=int)
def remove_webhook_command(slug: str, number: int) -> None:
    """Remove a webhook, by its number in the list."""
    from app.webhooks.changes import remove_webhook

    async def remove(transaction: Transaction) -> None:
        await remove_webhook(transaction, number)

    run_in(read_settings(), slug, remove)
