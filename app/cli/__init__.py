"""The command line: `mutirao`, or `python -m app` in a checkout. Each module has the commands of a noun."""

from __future__ import annotations

import os
import sys

import click

import app
import app.lean_start
from app.cli.apps import apps
from app.cli.check import check
from app.cli.members import member
from app.cli.operators import operator
from app.cli.records import record
from app.cli.serving import compile_files, demo, serve, worker
from app.cli.tables import backup, migrate, move
from app.cli.tokens import token
from app.cli.webhooks import webhook
from app.cli.workspaces import workspace
from app.settings import SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(app.__version__, prog_name="mutirao")
def commands() -> None:
    """Mutirão: a workspace for teams. Settings are environment variables; README.md lists them."""


for command in (
    *(migrate, serve, worker, compile_files, demo, check, backup, move, workspace, operator, member, record),
    *(token, apps, webhook),
):
    commands.add_command(command)


def main() -> None:
    """Run the command line; a wrong setting is one line, not a traceback."""
    os.umask(0o077)  # what the program keeps is for nobody else on the machine
    try:
        commands()
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
