"""Commands that serve: for good, or to try."""

from __future__ import annotations

import os
import socket
import sys

import click
import structlog

from app.cli.tables import migrate_tables, refuse_other_version
from app.cli.transactions import run, run_in
from app.server.logs import set_up_logs
from app.settings import Settings, read_settings


def keep_port(context: click.Context, parameter: click.Parameter, port: int) -> int:
    """Let the settings, here and in the workers, know the port: addresses have it where BASE_URL is not set."""
    os.environ["PORT"] = str(port)
    return port


listening_port = click.option(
    "--port", default=8000, show_default=True, envvar="PORT", callback=keep_port, help="Port to listen on."
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@listening_port
@click.option("--workers", type=click.IntRange(min=1), help="Processes that serve; the setting WORKERS if left out.")
@click.option("--debug", is_flag=True, envvar="DEBUG", help="Print the flow of messages, a line each.")
@click.option("--reload", is_flag=True, help="Restart when a file of the program changes, for development.")
def serve(host: str, port: int, workers: int | None, debug: bool, reload: bool) -> None:
    """Migrate the database, then serve."""
    if workers:  # the settings of each worker say whether there are others
        os.environ["WORKERS"] = str(workers)
    settings = read_settings()
    debug, workers = debug or settings.debug, settings.workers
    run_server(settings, host=host, port=port, workers=workers, debug=debug, reload=reload)


def run_server(settings: Settings, *, host: str, port: int, workers: int, debug: bool, reload: bool = False) -> None:
    """Serve until told to stop."""
    from app.server.workers import open_listener, supervise

    set_up_logs(debug=debug)
    if workers == 1 and not reload:
        from app.server.serving import serve_on

        migrate_tables(settings)
        serve_on(settings, open_listener(host, port))
        return
    if workers > 1 and not settings.redis_url:
        structlog.get_logger("app").warning(
            "without REDIS_URL workers don't hear each other: changes take half a second, and each knows who is here"
            " of its own pages only"
        )
    sys.exit(supervise(open_listener(host, port), workers, debug=debug, reload=reload))


@click.command(hidden=True)
@click.argument("listener", type=int)
@click.argument("supervisor", type=int)
@click.option("--debug", is_flag=True, help="Print the flow of messages, a line each.")
def worker(listener: int, supervisor: int, debug: bool) -> None:
    """Serve on an open socket, as one of several workers."""
    from app.server.serving import serve_on

    set_up_logs(debug=debug)
    settings = read_settings()
    refuse_other_version(settings)
    serve_on(settings, socket.socket(fileno=listener), socket.socket(fileno=supervisor))


@click.command(name="compile")
def compile_files() -> None:
    """Compile pages and texts beside the program, and read the order of texts, where a start may write nothing."""
    from app.records.kinds.collation import load_collator
    from app.web.fast.kept_compiled import keeping
    from app.web.templates import compile_all

    with keeping():
        load_collator()
    click.echo(f"{compile_all()} templates are compiled.")


@click.command()
@click.option("--serve", "and_serve", is_flag=True, help="Then serve, and print the addresses.")
@listening_port
@click.option("--books", default=0, help="Add this many made-up books to acme, to try a large collection.")
def demo(and_serve: bool, port: int, books: int) -> None:
    """Fill an empty database with two workspaces to try."""
    from app.demo import OPERATOR, PASSWORD, WORKSPACES, add_many_books, seed_demo

    settings = read_settings()
    migrate_tables(settings)
    seeded = run(settings, seed_demo)
    if books:
        run_in(settings, "acme", lambda transaction: add_many_books(transaction, books))
    click.echo("The demo is ready." if seeded else "The demo already exists.")
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
