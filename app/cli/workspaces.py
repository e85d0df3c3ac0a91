"""Commands for workspaces."""

from __future__ import annotations

import click

from app.cli.transactions import run_in
from app.database import Transaction
from app.settings import read_settings


@click.group()
def workspace() -> None:
    """Suspend or restore a workspace."""


@workspace.command("suspend")
@click.argument("slug")
@click.option("--reason", default="", help="Shown to its members; at most 200 characters.")
def suspend_workspace_command(slug: str, reason: str) -> None:
    """Suspend a workspace immediately. Nothing in it is lost."""
    from app.operators.workspaces import close_workspace
    from app.web.forms import Form

    form = Form([("reason", reason)])
    shown = form.text("reason", limit=200, required=False)

    async def check_and_suspend(transaction: Transaction) -> None:
        form.check()
        await close_workspace(transaction, "", reason=shown)

    run_in(read_settings(), slug, check_and_suspend)


@workspace.command("restore")
@click.argument("slug")
def restore_workspace_command(slug: str) -> None:
    """Restore a suspended workspace."""
    from app.operators.workspaces import reopen

    run_in(read_settings(), slug, lambda transaction: reopen(transaction, ""))
