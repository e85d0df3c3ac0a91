"""The command line: `python -m app --help`."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import structlog
from litestar.exceptions import NotFoundException
from sqlalchemy.exc import DBAPIError

from app.accounts.members import Member, add_member, find_member
from app.accounts.passwords import hash_password
from app.database import Database, Tenant, Transaction
from app.logs import set_up_logs
from app.settings import Settings, SettingsError, read_settings
from app.web.forms import Invalid

T = TypeVar("T")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Mutirão: a workspace for teams. Settings are environment variables; README.md lists them."""


def main() -> None:
    """Run the command line; a wrong setting is one line, not a traceback."""
    try:
        commands()
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


@commands.command()
def migrate() -> None:
    """Bring the database's tables up to this version."""
    migrate_tables(read_settings())


def migrate_tables(settings: Settings) -> None:
    """Bring the tables up to this version, and check that the program may use them.

    On PostgreSQL that is the owner's work: without DATABASE_OWNER_URL it has to be done already.

    Raises SettingsError with one line that says what is missing.
    """
    from app.database.postgresql import RoleError, is_away
    from app.migration import check_database, migrate_database

    owner = settings.database_owner_url
    try:
        if owner or settings.database_url.startswith("sqlite"):
            migrate_database(settings.database_url, owner)
        run(settings, check_database)
    except RoleError as error:
        raise SettingsError(f"DATABASE_URL: {error}") from error
    except (DBAPIError, OSError) as error:
        if not isinstance(error, OSError) and not is_away(error) and not is_refusal(error):
            raise
        reason = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0]
        raise SettingsError(f"DATABASE_URL: the database can't be reached: {reason}") from error


def is_refusal(error: DBAPIError) -> bool:
    """Whether the database does not let this role in, is not there, or does not let it do this."""
    code = getattr(error.orig, "sqlstate", None) or ""
    return code[:2] in ("28", "3D") or code == "42501"


@commands.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, envvar="PORT", help="Port to listen on.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes that serve; the setting WORKERS if left out.")
@click.option("--debug", is_flag=True, envvar="DEBUG", help="Print the flow of messages, a line each.")
def serve(host: str, port: int, workers: int | None, debug: bool) -> None:
    """Migrate the database, then serve."""
    settings = read_settings()
    run_server(settings, host=host, port=port, workers=workers or settings.workers, debug=debug or settings.debug)


def run_server(settings: Settings, *, host: str, port: int, workers: int, debug: bool) -> None:
    """Serve until told to stop."""
    from app.workers import open_listener, supervise

    set_up_logs(debug=debug)
    if workers == 1:
        from app.serving import serve_on

        migrate_tables(settings)
        serve_on(settings, open_listener(host, port))
        return
    if not settings.redis_url:
        structlog.get_logger("app").warning(
            "without REDIS_URL workers don't hear each other: changes take half a second, and each knows who is here"
            " of its own pages only"
        )
    sys.exit(supervise(open_listener(host, port), workers, debug=debug))


@commands.command(hidden=True)
@click.argument("listener", type=int)
@click.argument("supervisor", type=int)
@click.option("--debug", is_flag=True, help="Print the flow of messages, a line each.")
def worker(listener: int, supervisor: int, debug: bool) -> None:
    """Serve on an open socket, as one of several workers."""
    from app.serving import serve_on

    set_up_logs(debug=debug)
    serve_on(read_settings(), socket.socket(fileno=listener), socket.socket(fileno=supervisor))


@commands.command()
@click.option("--serve", "and_serve", is_flag=True, help="Then serve, and print the addresses.")
@click.option("--port", default=8000, show_default=True, envvar="PORT", help="Port to listen on.")
@click.option("--books", default=0, help="Add this many made-up books to acme, to try a large collection.")
def demo(and_serve: bool, port: int, books: int) -> None:
    """Fill an empty database with two workspaces to try."""
    from app.demo import OPERATOR, PASSWORD, WORKSPACES, add_many_books, seed_demo

    settings = read_settings()
    migrate_tables(settings)
    seeded = run(settings, seed_demo)
    if books:
        run_in(settings, "acme", lambda transaction: add_many_books(transaction, books))
    click.echo("The demo is ready." if seeded else "The demo was there already.")
    click.echo(f"  {settings.base_url}  (central: sign up)")
    click.echo(f"  {settings.base_url}/operator")
    click.echo(f"    {OPERATOR:<20} operator")
    for workspace in WORKSPACES:
        click.echo(f"  {settings.workspace_url(workspace.slug)}")
        for person in workspace.people:
            click.echo(f"    {person.email:<20} {person.role}")
    click.echo(f"  Password for all: {PASSWORD}", nl=True)
    if and_serve:
        run_server(settings, host="127.0.0.1", port=port, workers=settings.workers, debug=settings.debug)


def run(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Run some work on the database."""

    async def work_and_close() -> T:
        database = Database(settings.database_url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(work_and_close())


def run_in(settings: Settings, slug: str, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run some work in one transaction of a workspace; what is wrong with it is one line."""

    import app.asgi  # noqa: F401  (features listen to what happens: all of them)

    async def open_and_work(database: Database) -> T:
        async with database.write() as transaction:
            tenant = await transaction.find_tenant(Tenant.slug == slug)
            if tenant is None:
                raise click.ClickException(f"there is no workspace {slug}")
            transaction.enter(tenant)
            return await work(transaction)

    try:
        return run(settings, open_and_work)
    except Invalid as invalid:
        errors = (f"{name}: {text.translate('en')}" for name, text in invalid.errors.items())
        raise click.ClickException("; ".join(errors)) from invalid
    except NotFoundException as error:
        raise click.ClickException("there is no such thing in this workspace") from error


@commands.group()
def workspace() -> None:
    """Suspend a workspace, or open it again."""


@workspace.command("suspend")
@click.argument("slug")
@click.option("--reason", default="", help="Shown to its members; at most 200 characters.")
def suspend_workspace_command(slug: str, reason: str) -> None:
    """Close a workspace to everybody, at once. Nothing in it is lost."""
    from app.operators.workspaces import suspend
    from app.web.forms import Form

    form = Form([("reason", reason)])
    shown = form.text("reason", limit=200, required=False)

    async def check_and_suspend(transaction: Transaction) -> None:
        form.check()
        await suspend(transaction, "", reason=shown)

    run_in(read_settings(), slug, check_and_suspend)


@workspace.command("restore")
@click.argument("slug")
def restore_workspace_command(slug: str) -> None:
    """Open a suspended workspace again."""
    from app.operators.workspaces import restore

    run_in(read_settings(), slug, lambda transaction: restore(transaction, ""))


@commands.group()
def operator() -> None:
    """Add or remove an operator, who runs this installation, or set a new password."""


def run_for_operator(work: Callable[[Transaction], Awaitable[T]]) -> T:
    """Run some work in one transaction of no workspace; what is wrong with it is one line."""

    async def open_and_work(database: Database) -> T:
        async with database.write() as transaction:
            return await work(transaction)

    try:
        return run(read_settings(), open_and_work)
    except Invalid as invalid:
        errors = (f"{name}: {text.translate('en')}" for name, text in invalid.errors.items())
        raise click.ClickException("; ".join(errors)) from invalid


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
    """Give somebody an operator's account."""
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
    from app.operators.operators import set_password
    from app.web.forms import Form

    form = Form([("password", password)])
    chosen = form.new_password("password")

    async def change(transaction: Transaction, found: Any) -> None:
        form.check()
        await set_password(transaction, found, await hash_password(chosen))

    find_and_change_operator(email, change)


@operator.command("remove")
@click.argument("email")
def remove_operator_command(email: str) -> None:
    """Take an operator's account away, and end their sessions."""
    from app.operators.operators import remove_operator

    find_and_change_operator(email, remove_operator)


@commands.group()
def member() -> None:
    """Add, suspend, restore or remove a member of a workspace."""


@member.command("add")
@click.argument("slug")
@click.argument("email")
@click.option("--name", required=True, help="The name that others see.")
@click.option("--role", type=click.Choice(["owner", "admin", "member"]), default="member", show_default=True)
@click.password_option(help="Their first password; asked for when left out.")
def add_member_command(slug: str, email: str, name: str, role: Any, password: str) -> None:
    """Give somebody an account in a workspace."""
    from app.web.forms import Form

    form = Form([("email", email), ("name", name), ("password", password)])
    address, shown, chosen = (
        form.email("email"),
        form.text("name", limit=80),
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
    """Keep somebody out, at once."""
    from app.tenants.members import suspend_member

    change_member(slug, email, suspend_member)


@member.command("restore")
@click.argument("slug")
@click.argument("email")
def restore_member_command(slug: str, email: str) -> None:
    """Let a suspended member in again."""
    from app.tenants.members import restore_member

    change_member(slug, email, restore_member)


@member.command("remove")
@click.argument("slug")
@click.argument("email")
def remove_member_command(slug: str, email: str) -> None:
    """Take somebody's account away, at once."""
    from app.tenants.members import remove_member

    change_member(slug, email, remove_member)


@commands.group()
def record() -> None:
    """Add records by the command line."""


@record.command("add")
@click.argument("slug")
@click.argument("collection")
@click.argument("values", nargs=-1, required=True, metavar="FIELD=VALUE…")
@click.option("--as", "email", required=True, help="E-mail address of the member who adds it.")
def add_record_command(slug: str, collection: str, values: tuple[str, ...], email: str) -> None:
    """Add a record to a collection; open pages show it within a second."""
    from app.records.channels import push_record
    from app.records.collections import get_collection, list_fields
    from app.records.records import create_record

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
        await push_record(transaction, found, made, "created")
        return made.number

    click.echo(f"Added number {run_in(read_settings(), slug, add)}.")


@commands.command()
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


@commands.command()
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
    import app.asgi  # noqa: F401  (all models)
    from app.database.copying import CopyError
    from app.migration import move_database

    settings = read_settings()
    if not settings.database_owner_url:
        raise SettingsError("DATABASE_OWNER_URL: is needed beside DATABASE_URL, for the PostgreSQL database to move to")
    migrate_tables(settings)
    try:
        compared = asyncio.run(move_database(path, settings.database_url, settings.database_owner_url))
    except CopyError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{'table':<24} {'rows':>10}  digest of all rows, the same in both")
    for table in compared:
        click.echo(f"{table.table:<24} {table.rows:>10}  {table.digest[:32]}")
    click.echo(f"{sum(table.rows for table in compared)} rows in {len(compared)} tables are the same.")
