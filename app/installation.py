"""What an installation stands on, looked at part by part. Nothing is made or changed."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncIterator, Callable, Mapping
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct
from sqlalchemy import Connection, false, make_url, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from app.database import Database, Tenant, postgresql
from app.database.sqlite import open_snapshot
from app.features import open_database
from app.mail.messages import write_message
from app.mail.outbox import Content
from app.mail.refusals import MailRefused, Unreachable
from app.mail.smtp import MailServer
from app.migration import find_revisions, refuse_newer
from app.reaching import Fault, describe_error, dial, resolve_host
from app.settings import Settings, SettingsError, read_settings

# How long, in seconds, each part may take to answer.
CHECK_TIMEOUT = 15
# Below this much free space it is time to make some, in bytes.
LEAST_FREE = 1_000_000_000
# What the program keeps in DATA_DIR.
DATA_DIR_FILES = (
    "secret_key",
    "mutirao.sqlite",
    "mutirao.sqlite-wal",
    "mutirao.sqlite-shm",
    "files",
    "exports",
    "pictures",
    "outbox",
)


class Finding(Struct, frozen=True):
    """What was found of a part, in one line."""

    part: str
    text: str
    wrong: bool = False


def read_all_settings(environment: Mapping[str, str]) -> tuple[Settings | None, dict[str, str]]:
    """The settings without those that are wrong, and what is wrong with each of these."""
    tried, wrong = dict(environment), dict[str, str]()
    while True:
        try:
            return read_settings(tried, make=False), wrong
        except SettingsError as error:
            name, _, reason = str(error).partition(": ")
            if name in wrong:
                return None, wrong
            wrong[name] = reason
            tried[name] = "0" * 32 if name == "SECRET_KEY" else ""


async def look_at_all(environment: Mapping[str, str], *, running: bool) -> list[Finding]:
    """Look at every part; at the way through the proxy only where the program is `running`."""
    settings, wrong = read_all_settings(environment)
    findings = [Finding("settings", f"{name}: {reason}", wrong=True) for name, reason in wrong.items()]
    if settings is None:
        return findings
    parts: list[tuple[str, set[str], Callable[[Settings], AsyncIterator[str]]]] = [
        ("database", {"DATABASE_URL", "DATABASE_OWNER_URL"}, look_at_database),
        ("redis", {"REDIS_URL"}, look_at_redis),
        ("mail", {"SMTP_URL", "MAIL_FROM"}, look_at_mail),
        ("disk", {"DATA_DIR"}, look_at_disk),
        ("proxy", {"BASE_URL"}, look_at_proxy),
    ]
    looked_at = [
        look_at(part, look, settings)
        for part, names, look in parts
        if not names & wrong.keys() and (running or look is not look_at_proxy)
    ]
    findings = findings or [Finding("settings", "can all be read")]
    return findings + [finding for found in await asyncio.gather(*looked_at) for finding in found]


async def look_at(part: str, look: Callable[[Settings], AsyncIterator[str]], settings: Settings) -> list[Finding]:
    """What is found of a part: what it says until something is wrong, and what that is."""
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            findings += [Finding(part, text) async for text in look(settings)]
    except TimeoutError:
        findings.append(Finding(part, f"no answer within {CHECK_TIMEOUT} s", wrong=True))
    except Fault as fault:
        findings.append(Finding(part, str(fault), wrong=True))
    except Exception as error:  # whatever it is, the other parts are looked at too
        findings.append(Finding(part, f"{type(error).__name__}: {describe_error(error)}", wrong=True))
    return [finding for finding in findings if finding.wrong] or findings


async def look_at_database(settings: Settings) -> AsyncIterator[str]:
    """Reachable, at this version, and to be written to."""
    if settings.database_url.startswith("sqlite"):
        yield await asyncio.to_thread(look_at_file, database_file(settings))
        return
    database = open_database(settings.database_url)
    try:
        yield await look_at_postgresql(database, settings)
    except (DBAPIError, OSError) as error:
        raise Fault(f"DATABASE_URL: {describe_error(error)}") from error
    except (postgresql.RoleError, SettingsError) as error:
        raise Fault(str(error)) from error
    finally:
        await database.close()


def database_file(settings: Settings) -> Path:
    """Where SQLite keeps the database."""
    return Path(make_url(settings.database_url).database or "")


def has_database(settings: Settings) -> bool:
    """Whether there is a database to ask. Opening a file of SQLite that is not there would make it."""
    return not settings.database_url.startswith("sqlite") or database_file(settings).exists()


def look_at_file(path: Path) -> str:
    """A SQLite file: a transaction that may write begins, and ends without having done so. Raises Fault."""
    if not path.exists():
        return f"there is no {path} yet; `serve` or `migrate` makes it"
    try:
        with open_snapshot(path) as connection:
            return describe_tables(connection, makes_tables=True)
    except (DBAPIError, RuntimeError) as error:
        raise Fault(f"{path}: {describe_error(error)}") from error
    except SettingsError as error:
        raise Fault(str(error)) from error


async def look_at_postgresql(database: Database, settings: Settings) -> str:
    """A PostgreSQL database: the program's role may write, and row-level security holds for it. Raises Fault."""
    makes_tables = bool(settings.database_owner_url)
    async with database.reader.connect() as connection:
        await connection.run_sync(postgresql.check_database_role)
        said = await connection.run_sync(lambda sync: describe_tables(sync, makes_tables=makes_tables))
    if not said.startswith("no tables"):
        async with database.writer.begin() as connection:  # of no row: only whether one may
            await connection.execute(update(Tenant).where(false()).values(cursor=Tenant.cursor))
    if settings.database_owner_url:
        engine = create_async_engine(settings.database_owner_url)
        try:
            async with engine.connect():
                pass
        except (DBAPIError, OSError) as error:
            raise Fault(f"DATABASE_OWNER_URL: {describe_error(error)}") from error
        finally:
            await engine.dispose()
    return said


def describe_tables(connection: Connection, *, makes_tables: bool) -> str:
    """Of which version the tables are. Raises Fault and SettingsError when the program can't use them."""
    refuse_newer(connection)
    current, newest = find_revisions(connection)
    if current is None and makes_tables:
        return "no tables yet; `serve` or `migrate` makes them"
    if current != newest:
        there = f"are at {current}, and this version needs {newest}" if current else "are not there yet"
        raise Fault(f"the tables {there}: run `migrate`{'' if makes_tables else ' with DATABASE_OWNER_URL'}")
    return f"{connection.dialect.name}, tables at {current}, can be written to"


async def look_at_redis(settings: Settings) -> AsyncIterator[str]:
    """Reachable, and to be written to."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import RedisError

    if not settings.redis_url:
        slower = f"; with WORKERS={settings.workers} changes take half a second" if settings.workers > 1 else ""
        yield f"REDIS_URL is not set{slower}"
        return
    once = Retry(NoBackoff(), 0)
    try:
        async with Redis.from_url(settings.redis_url, socket_connect_timeout=5, socket_timeout=5, retry=once) as client:
            await client.set("mutirao:check", "", ex=1)
    except (RedisError, OSError) as error:
        raise Fault(f"REDIS_URL: {describe_error(error)}") from error
    yield "can be written to"


async def look_at_mail(settings: Settings) -> AsyncIterator[str]:
    """A sender that there can be, and a server that talks to us and takes our password. No mail is sent."""
    if "@" not in parseaddr(settings.mail_from)[1]:
        raise Fault(f"MAIL_FROM: {settings.mail_from} must look like Team <team@example.org>")
    try:
        write_message(settings, Content(f"check@{urlsplit(settings.base_url).hostname}", "", ""), "check")
    except MailRefused as error:
        raise Fault(str(error)) from error
    if not settings.smtp_url:
        yield f"SMTP_URL is not set; mails are kept in {settings.data_dir / 'outbox'}"
        return
    server = MailServer(settings)
    try:
        await server.open()
    except Unreachable as error:
        raise Fault(f"SMTP_URL: {describe_error(error)}") from error
    finally:
        await server.close()
    yield f"{urlsplit(settings.smtp_url).hostname} answers"


async def look_at_disk(settings: Settings) -> AsyncIterator[str]:
    """Room, and rights that are ours alone."""
    data_dir = settings.data_dir
    if not data_dir.exists():
        above = next(path for path in data_dir.absolute().parents if path.exists())
        if not os.access(above, os.W_OK | os.X_OK):
            raise Fault(f"DATA_DIR: {data_dir} is not there, and can't be made in {above}")
        yield f"there is no {data_dir} yet; it is made at the start"
        data_dir = above
    elif not data_dir.is_dir() or not os.access(data_dir, os.R_OK | os.W_OK | os.X_OK):
        raise Fault(f"DATA_DIR: {data_dir} can't be written to")
    else:
        check_rights(data_dir)
    yield check_room(data_dir)


def check_rights(data_dir: Path) -> None:
    """What is kept is to be read and written by us, and by nobody else. Raises Fault."""
    if stat.S_IMODE(data_dir.stat().st_mode) & 0o077:
        raise Fault(f"DATA_DIR: others can get into {data_dir}: chmod 700 {data_dir}")
    for path in (data_dir / name for name in DATA_DIR_FILES):
        if path.exists() and not os.access(path, os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)):
            raise Fault(f"DATA_DIR: {path} can't be read and written by the user that this runs as")


def check_room(folder: Path) -> str:
    """How much room there is. Raises Fault when it is little."""
    free, places = shutil.disk_usage(folder).free, os.statvfs(folder)
    if free < LEAST_FREE:
        raise Fault(f"DATA_DIR: only {free // 1_000_000} MB are free")
    if places.f_files and not places.f_favail:
        raise Fault("DATA_DIR: there is no room for another file (no inodes are free)")
    return f"{free // 1_000_000_000} GB are free"


async def look_at_proxy(settings: Settings) -> AsyncIterator[str]:
    """The way of a page's socket, from its address to the program: names, TLS, the proxy, the host it passes on."""
    await resolve_host(f"any-workspace.{urlsplit(settings.base_url).hostname}")
    await dial(settings.base_url)
    slug = await find_some_workspace(settings)
    if slug:
        await dial(settings.workspace_url(slug, ""))
    yield f"{settings.base_url} leads to the program"


async def find_some_workspace(settings: Settings) -> str | None:
    """The address of some workspace; None where none is known."""
    if not has_database(settings):
        return None
    database = open_database(settings.database_url)
    try:
        async with database.read() as transaction:
            return await transaction.scalar(select(Tenant.slug).order_by(Tenant.id).limit(1))
    except (DBAPIError, OSError):  # that is said of the database
        return None
    finally:
        await database.close()
