"""Commands for operators."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import click

from app.accounts.hashing import hash_password
from app.cli.transactions import run_for_operator
from app.database import Transaction


@click.group()
def operator() -> None:
    """Add or remove an operator, who runs this installation, or set a new password."""


def find_and_change_operator(email: str, change: Callable[[Transaction, Any], Awaitable[None]]) -> None:
    """Find an operator and do something with them."""
    from app.operators.operators import find_operator

    async def find_and_change(transaction: Transaction) -> None:
        found = await find_operator(transaction, email)
        if found is None:
            raise click.ClickException(f"there is no operator {email}")
        await change(transaction, found)

    run_for_operator(find_and_change)


@operator.command("add")
@click.argument("email")
@click.password_option(help="The password; asked for when left out, as others can read a command's options.")
def add_operator_command(email: str, password: str) -> None:
    """Add an operator."""
    from app.operators.operators import add_operator
    from app.web.forms import Form

    form = Form([("email", email), ("password", password)])
    address, chosen = form.email("email"), form.new_password("password")

    async def add(transaction: Transaction) -> None:
        form.check()
        await add_operator(transaction, email=address, password_hash=await hash_password(chosen))

    run_for_operator(add)


@operator.command("password")
@click.argument("email")
@click.password_option(help="The new password; asked for when left out, as others can read a command's options.")
def set_operator_password_command(email: str, password: str) -> None:
    """Set an operator's password, and end their sessions."""
    from app.operators.operators import set_operator_password
    from app.web.forms import Form

    form = Form([("password", password)])
    chosen = form.new_password("password")

    async def change(transaction: Transaction, found: Any) -> None:
        form.check()
        await set_operator_password(transaction, found, await hash_password(chosen))

    find_and_change_operator(email, change)


@operator.command("remove")
@click.argument("email")
def remove_operator_command(email: str) -> None:
    """Remove an operator, and end their sessions."""
    from app.operators.operators import remove_operator

    find_and_change_operator(email, remove_operator)
