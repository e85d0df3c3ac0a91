"""DATA_DIR and the database in it are for the program's own user alone."""

from __future__ import annotations

import stat
from pathlib import Path

import structlog
from sqlalchemy import make_url

from app.settings import Settings

log = structlog.get_logger("app")


def make_private(settings: Settings) -> None:
    """Take away what others may do with DATA_DIR and the SQLite database, as an earlier version left it.

    What the program makes is private from the start (`app.cli`, its umask). Where it may not change this, it says so.
    """
    database = make_url(settings.database_url).database if settings.database_url.startswith("sqlite") else None
    files = [Path(f"{database}{end}") for end in ("", "-wal", "-shm")] if database else []
    for path, mode in ((settings.data_dir, 0o700), *((file, 0o600) for file in files)):
        try:
            before = stat.S_IMODE(path.stat().st_mode)
            if before & 0o077:
                path.chmod(before & mode)
                log.info("others could read this, and can't any more", path=str(path))
        except FileNotFoundError:
            pass
        except OSError as error:
            log.warning("others may be able to read this", path=str(path), reason=error.strerror)
