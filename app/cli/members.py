"""Commands for the members of a workspace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, get_args

import click

from app.accounts.hashing import hash_password
from app.accounts.members import Member, Role, find_member
from app.cli.transactions import run_in
from app.database import Transaction
from app.settings import read_settings


@click.group()
def member() -> None:
    """Add, suspend, restore or remove a member of a workspace."""


@member.command("add")
@click.argument("slug")
@click.argument("email")
@click.option("--name", required=True, help="The name that others see.")
@click.option("--role", type=click.Choice(get_args(Role)), default="member", show_default=True)
@click.password_option(help="Their first password; asked for when left out.")
def add_member_command(slug: str, email: str, name: str, role: Any, password: str) -> None:
    """Add a member to a workspace."""
    from app.accounts.members import add_member
    from app.web.forms import Form

    form = Form([("email", email), ("name", name), ("password", password)])
    address, shown, chosen = (
        form.email("email"),
        form.name("name"),
        form.new_password("password"),
    )

    async def add(transaction: Transaction) -> None:
        form.check()
        hashed = await hash_password(chosen)
        await add_member(transaction, email=address, name=shown, role=role, password_hash=hashed)

    run_in(read_settings(), slug, add)


def change_member(slug: str, email: str, change: Callable[[Transaction, Member], Awaitable[None]]) -> None:
    """Find a member and do something with them."""

    async def find_and_change(transaction: Transaction) -> None:
        found = await find_member(transaction, email)
        if found is None:
            raise click.ClickException(f"there is no member {email} in {slug}")
        await change(transaction, found)

    run_in(read_settings(), slug, find_and_change)


@member.command("suspend")
@click.argument("slug")
@click.argument("email")
def suspend_member_command(slug: str, email: str) -> None:
    """Suspend a member immediately."""
    from app.tenants.members import suspend_member

    change_member(slug, email, suspend_member)


@member.command("restore")
@click.argument("slug")
@click.argument("email")
def restore_member_command(slug: str, email: str) -> None:
    """Restore a suspended member."""
    from app.tenants.members import restore_member

    change_member(slug, email, restore_member)


@member.command("remove")
@click.argument("slug")
@click.argument("email")
def remove_member_command(slug: str, email: str) -> None:
    """Remove a member immediately."""
    from app.tenants.members import remove_member

    change_member(slug, email, remove_member)
