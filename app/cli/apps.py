"""Commands for apps, with which clients of the Pusher protocol connect."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from app.accounts.scopes import SCOPES
from app.cli.transactions import run_in
from app.database import Transaction
from app.settings import read_settings


@click.group("app")
def apps() -> None:
    """Create, list or delete apps, with which Laravel Echo, pusher-js and servers connect."""


@apps.command("add")
@click.argument("slug")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["admin", "member", "viewer", "guest"]),
    default="member",
    show_default=True,
    help="What the bot of the app may do.",
)
@click.option(
    "--origin", "origins", multiple=True, help="Whose pages may connect, such as https://example.org; * for any."
)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(list(SCOPES)),
    help="What the token of the bot may do; may be given several times. Left out: all but admin.",
)
@click.option("--no-client-events", is_flag=True, help="Don't let its clients send events to each other.")
def add_app_command(
    slug: str, name: str, role: str, origins: tuple[str, ...], scopes: tuple[str, ...], no_client_events: bool
) -> None:
    """Create an app, and print as JSON its id, key and secret, and a token of its bot, which can't be read again.

    Beside these are the numbers of the workspace, as channels' names have it, and of the bot."""
    from app.gateway.apps import make_app, make_bot_token, read_wanted_app
    from app.web.forms import Form

    settings = read_settings()
    said = [("name", name), ("role", role), ("origins", ",".join(origins))]
    form = Form([*said, ("client_events", "" if no_client_events else "yes")])

    async def add(transaction: Transaction) -> dict[str, Any]:
        made, bot = await make_app(transaction, None, read_wanted_app(form))
        token = await make_bot_token(transaction, made, bot, scopes or [each for each in SCOPES if each != "admin"])
        secret = made.secrets(settings.secret_key).secrets[0]
        said = {"id": str(made.id), "key": made.key, "secret": secret, "token": token}
        return {**said, "workspace": transaction.tenant.id, "member": bot.id}

    click.echo(json.dumps(run_in(settings, slug, add)))


@apps.command("list")
@click.argument("slug")
def list_apps_command(slug: str) -> None:
    """Print the apps of a workspace: a line each, with id, key, role and name."""
    from app.gateway.apps import list_apps

    async def find(transaction: Transaction) -> list[str]:
        return [f"{app.id}\t{app.key}\t{bot.role}\t{bot.name}" for app, bot in await list_apps(transaction)]

    for line in run_in(read_settings(), slug, find):
        click.echo(line)


def change_by_command(slug: str, app_id: int, change: Callable[..., Awaitable[Any]]) -> Any:
    """Find an app and do something with it."""
    from app.gateway.apps import get_app

    async def find_and_change(transaction: Transaction) -> Any:
        found, bot = await get_app(transaction, app_id)
        return await change(transaction, found, bot)

    return run_in(read_settings(), slug, find_and_change)


@apps.command("secret")
@click.argument("slug")
@click.argument("app_id", type=int)
@click.option("--drop-old", is_flag=True, help="Only revoke the old secret.")
def renew_secret_command(slug: str, app_id: int, drop_old: bool) -> None:
    """Create another secret for an app and print it; the old one works until it is dropped."""
    from app.gateway.apps import drop_old_secret, make_app_secret

    secret_key = read_settings().secret_key

    async def change(transaction: Transaction, app: Any, bot: Any) -> str:
        await (drop_old_secret if drop_old else make_app_secret)(transaction, None, app, bot)
        return "" if drop_old else str(app.secrets(secret_key).secrets[0])

    if secret := change_by_command(slug, app_id, change):
        click.echo(secret)


@apps.command("picture")
@click.argument("slug")
@click.argument("app_id", type=int)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--remove", is_flag=True, help="Show its initials again.")
def set_bot_picture_command(slug: str, app_id: int, file: Path | None, remove: bool) -> None:
    """Show a picture, of a file with PNG, JPEG, GIF or WebP, for an app's bot."""
    from app.files.small_pictures import pictures_of
    from app.tenants.pictures import change_bot_picture, store_picture

    if (file is None) != remove:
        raise click.ClickException("name a file, or say --remove")
    settings, content = read_settings(), file.read_bytes() if file else b""

    async def change(transaction: Transaction, _: Any, bot: Any) -> None:
        directory = pictures_of(settings, transaction.tenant)
        key = await store_picture(content, directory) if content else None
        await change_bot_picture(transaction, None, bot, key, directory)

    change_by_command(slug, app_id, change)


@apps.command("webhook")
@click.argument("slug")
@click.argument("app_id", type=int)
@click.argument("address", default="")
@click.option("--kind", "kinds", multiple=True, help="What it is told; may be given several times. Left out: all.")
@click.option("--off", is_flag=True, help="Tell it nothing any more.")
def set_app_webhook_command(slug: str, app_id: int, address: str, kinds: tuple[str, ...], off: bool) -> None:
    """Tell an app's server at an address who joins and leaves its channels, as Pusher's webhooks do.

    Without an address it is printed what is told, and where."""
    from app.gateway.app_webhooks import HOOK_KINDS, change_app_webhook

    settings = read_settings()

    async def change(transaction: Transaction, app: Any, bot: Any) -> str:
        if address or off:
            wanted = "" if off else address
            await change_app_webhook(transaction, settings, None, app, bot, wanted, kinds or list(HOOK_KINDS))
        return f"{app.hook_address}\t{' '.join(app.hook_kinds)}" if app.hook_address else ""

    if line := change_by_command(slug, app_id, change):
        click.echo(line)


@apps.command("end")
@click.argument("slug")
@click.argument("app_id", type=int)
def end_app_command(slug: str, app_id: int) -> None:
    """Delete an app, by its id: its clients are disconnected, and its bot is no longer a member."""
    from app.gateway.apps import end_app

    async def change(transaction: Transaction, app: Any, bot: Any) -> None:
        await end_app(transaction, None, app, bot)

    change_by_command(slug, app_id, change)
