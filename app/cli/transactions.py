"""Transactions of the command line: what is wrong with them is one line."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import click
from litestar.exceptions import NotFoundException
from sqlalchemy.exc import DBAPIError

from app.database import Actor, Database, Transaction
from app.features import open_database
from app.migration import check_tables, refuse_newer
from app.settings import Settings, SettingsError, read_settings
from app.web.errors import PageError, first_line
from app.web.forms import Invalid

Returned = TypeVar("Returned")


@contextlib.contextmanager
def in_one_line(*others: type[OSError]) -> Iterator[None]:
    """What is wrong with the database, or with the role, is one line: SettingsError. `others` are errors that are the
    database's here."""
    from app.database.postgresql import RoleError, is_away

    of_database: tuple[type[Exception], ...] = (DBAPIError, *others)
    try:
        yield
    except RoleError as error:
        raise SettingsError(f"DATABASE_URL: {error}") from error
    except of_database as error:
        if isinstance(error, DBAPIError) and not is_away(error) and not is_refusal(error):
            raise
        reason = first_line((isinstance(error, DBAPIError) and error.orig) or error)
        raise SettingsError(f"DATABASE_URL: the database can't be reached: {reason}") from error


def is_refusal(error: DBAPIError) -> bool:
    """Whether the database does not let this role in, is not there, or does not let it do this."""
    code = getattr(error.orig, "sqlstate", None) or ""
    return code[:2] in ("28", "3D") or code == "42501"


def run(settings: Settings, work: Callable[[Database], Awaitable[Returned]]) -> Returned:
    """Run some work on the database; that it can't be reached is one line."""
    with in_one_line():
        return run_anyway(settings, work)


def run_anyway(settings: Settings, work: Callable[[Database], Awaitable[Returned]]) -> Returned:
    """Run some work on the database, for somebody who looks at the errors of the database themselves."""

    async def work_and_close() -> Returned:
        database = open_database(settings.database_url)
        try:
            async with database.reader.connect() as connection:
                await connection.run_sync(refuse_newer)
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(work_and_close())


def run_in(settings: Settings, slug: str, work: Callable[[Transaction], Awaitable[Returned]]) -> Returned:
    """Run some work in one transaction of a workspace; what is wrong with it is one line."""

    async def open_and_work(database: Database) -> Returned:
        await check_tables(database)
        async with database.write() as transaction:
            tenant = await transaction.find_tenant("slug", slug)
            if tenant is None:
                raise click.ClickException(f"there is no workspace {slug}")
            transaction.enter(tenant)
            transaction.actor = Actor("command line")
            return await work(transaction)

    try:
        return run(settings, open_and_work)
    except Invalid as invalid:
        raise refusal_of(invalid) from invalid
    except PageError as error:
        raise click.ClickException(error.text.translate("en")) from error
    except NotFoundException as error:
        raise click.ClickException("there is no such thing in this workspace") from error


def run_for_operator(work: Callable[[Transaction], Awaitable[Returned]]) -> Returned:
    """Run some work in one transaction of no workspace; what is wrong with it is one line."""

    async def open_and_work(database: Database) -> Returned:
        await check_tables(database)
        async with database.write() as transaction:
            return await work(transaction)

    try:
        return run(read_settings(), open_and_work)
    except Invalid as invalid:
        raise refusal_of(invalid) from invalid


def refusal_of(invalid: Invalid) -> click.ClickException:
    """What was given and will not do, as one line."""
    errors = (f"{name}: {text.translate('en')}" for name, text in invalid.errors.items())
    return click.ClickException("; ".join(errors))
