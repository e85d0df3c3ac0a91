"""The command that looks at an installation."""

from __future__ import annotations

import asyncio
import os
import sys

import click


@click.command()
@click.option("--before-start", is_flag=True, help="Skip the proxy, while nothing serves yet.")
def check(before_start: bool) -> None:
    """Look at settings, database, Redis, mail server, disk and proxy, and say what is wrong.

    A line for each; nothing is made or changed. The exit status is 1 when anything is wrong.
    """
    from app.installation import look_at_all

    findings = asyncio.run(look_at_all(os.environ, running=not before_start))
    for finding in findings:
        click.echo(f"{'wrong' if finding.wrong else 'ok':<6} {finding.part + ':':<9} {finding.text}")
    if any(finding.wrong for finding in findings):
        sys.exit(1)
