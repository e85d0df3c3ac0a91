"""Commands for the tables: bringing them up to date, copying them, moving them to PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click
from sqlalchemy.exc import DBAPIError

from app.cli.transactions import in_one_line, run, run_anyway
from app.settings import Settings, SettingsError, read_settings

if TYPE_CHECKING:
    from app.migration import MigrationPlan


@click.command()
@click.option("--plan", "only_plan", is_flag=True, help="Change nothing; say what has to be done.")
def migrate(only_plan: bool) -> None:
    """Bring the database's tables up to this version.

    --plan changes nothing, and prints a line whose first word is 'nothing' when they are; 'running' when the version
    before can run meanwhile; 'stop', with the reason, when every process of it has to be stopped first.
    """
    settings = read_settings(make=not only_plan)
    plan = plan_tables(settings)
    if only_plan:
        click.echo(str(plan))
        return
    if plan.reasons:
        click.echo(f"No process of the version before can go on with these tables: {'; '.join(plan.reasons)}", err=True)
    migrate_tables(settings)


def plan_tables(settings: Settings) -> MigrationPlan:
    """What there is to be done to the tables, by whom these settings name.

    Raises SettingsError with one line that says what is missing.
    """
    from app.database.postgresql import RoleError
    from app.migration import plan_migration

    with in_one_line(OSError):
        plan = plan_migration(settings.database_url, settings.database_owner_url)
        if plan.revisions and settings.database_url.startswith("postgresql") and not settings.database_owner_url:
            raise RoleError("the tables are not at this version: run `migrate` with DATABASE_OWNER_URL")
    return plan


def migrate_tables(settings: Settings) -> None:
    """Bring the tables up to this version, and check that the program may use them.

    On PostgreSQL that is the owner's work: without DATABASE_OWNER_URL it has to be done already.

    Raises SettingsError with one line that says what is missing.
    """
    from app.data_dir import make_private
    from app.migration import check_database, migrate_database

    owner = settings.database_owner_url
    make_private(settings)
    with in_one_line(OSError):
        if owner or settings.database_url.startswith("sqlite"):
            migrate_database(settings.database_url, owner)
        run(settings, check_database)


def refuse_other_version(settings: Settings) -> None:
    """Raise SettingsError, with one line that says why, when the tables are of another version.

    While the database is away nobody knows: pages say so then, until it is back.
    """
    from app.database.postgresql import is_away
    from app.migration import check_tables

    try:
        run_anyway(settings, check_tables)
    except (DBAPIError, OSError) as error:
        if not isinstance(error, OSError) and not is_away(error):
            raise


@click.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def backup(path: Path) -> None:
    """Write a consistent copy of the SQLite database to PATH, while the program runs."""
    from app.migration import copy_database

    settings = read_settings()
    if settings.database_url.startswith("postgresql"):
        raise click.ClickException("this is for SQLite; of PostgreSQL, pg_dump makes copies")
    if path.exists():
        raise click.ClickException(f"{path} is there already")
    copy_database(settings.database_url, path)
    click.echo(f"Written to {path}.")


@click.command()
@click.option(
    "--from",
    "path",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The SQLite file, such as data/mutirao.sqlite.",
)
def move(path: Path) -> None:
    """Copy a SQLite database into the empty PostgreSQL database of the settings, and prove that both are the same.

    Needs DATABASE_URL and DATABASE_OWNER_URL, and that nothing serves from either. When anything fails, PostgreSQL
    stays empty; the file stays as it is.
    """
    import app.features  # noqa: F401  (all models)
    from app.database.copying import CopyError
    from app.migration import move_database

    settings = read_settings()
    if not settings.database_owner_url:
        raise SettingsError("DATABASE_OWNER_URL: is needed beside DATABASE_URL, for the PostgreSQL database to move to")
    migrate_tables(settings)
    try:
        with in_one_line(OSError):
            compared = asyncio.run(move_database(path, settings.database_url, settings.database_owner_url))
    except CopyError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{'table':<24} {'rows':>10}  digest of all rows, the same in both")
    for table in compared:
        click.echo(f"{table.table:<24} {table.rows:>10}  {table.digest[:32]}")
    click.echo(f"{sum(table.rows for table in compared)} rows in {len(compared)} tables are the same.")
