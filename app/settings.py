"""Settings, read once from environment variables."""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit


class SettingsError(Exception):
    """A setting is missing or impossible; the message is one line for the person who installs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What an installation can choose. README.md lists the variables with their defaults."""

    base_url: str
    database_url: str
    data_dir: Path
    secret_key: str
    smtp_url: str
    mail_from: str
    workers: int
    debug: bool
    metrics_networks: str
    edit_idle_seconds: int
    file_limit_megabytes: int
    files_quota_megabytes: int
    redis_url: str = ""
    database_owner_url: str = ""
    forwarded_allow_ips: str = "127.0.0.1"
    facts_days: int = 7
    partials_hours: int = 24
    # Of one workspace in a minute, and its open pages in one process; 0 for as many as come.
    workspace_requests: int = 0
    workspace_writes: int = 0
    workspace_sockets: int = 0
    # What an event of the gateway may have, and to how many channels one goes.
    gateway_message_bytes: int = 10_000
    gateway_channels: int = 100
    # Where to, beside the public internet, something may be sent by an address that somebody typed, and where never.
    outgoing_http: bool = False
    outgoing_networks: str = ""
    outgoing_refused: str = ""

    @property
    def scheme(self) -> str:
        """`http` or `https`, as people see it in the address bar."""
        return urlsplit(self.base_url).scheme

    @property
    def base_host(self) -> str:
        """Host of the central pages with its port as in the address bar: `hero.localhost:8000`."""
        return urlsplit(self.base_url).netloc

    @property
    def facts_kept_for(self) -> timedelta:
        """How long programs can read in the log what was done."""
        return timedelta(days=self.facts_days)

    @property
    def partials_kept_for(self) -> timedelta:
        """How long pages that were away can catch up by the log."""
        return timedelta(hours=self.partials_hours)

    @property
    def secure(self) -> bool:
        """Whether people reach the program over TLS."""
        return self.scheme == "https"

    @property
    def session_cookie(self) -> str:
        """Name of the session cookie. `__Host-` keeps sibling workspaces from setting it (RFC 6265bis)."""
        return "__Host-session" if self.secure else "session"

    @property
    def operator_cookie(self) -> str:
        """Name of the cookie of an operator's session, which only the central host sets and reads."""
        return "__Host-operator" if self.secure else "operator"

    @property
    def device_cookie(self) -> str:
        """Name of the cookie by which a browser is known to accounts that it has signed in to."""
        return "__Host-device" if self.secure else "device"

    def may_read_metrics(self, address: str) -> bool:
        """Whether a client's address is in the networks that may read the metrics."""
        return is_in(address, self.metrics_networks)

    def is_proxy(self, address: str) -> bool:
        """Whether an address is one of the proxies that are believed."""
        return is_in(address, self.forwarded_allow_ips)

    def workspace_url(self, slug: str, path: str = "/") -> str:
        """The address of a page in a workspace."""
        return f"{self.scheme}://{slug}.{self.base_host}{path}"


def is_in(address: str, networks: str) -> bool:
    """Whether an address is in one of the networks."""
    try:
        client = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(client in ipaddress.ip_network(part) for part in networks.split())


def read_settings(environment: Mapping[str, str] = os.environ, *, make: bool = True) -> Settings:
    """Read and check the settings. `make` says whether DATA_DIR, and the secret in it, are made where they are missing.

    Raises SettingsError with one clear line for the first value that is missing or impossible.
    """
    port = environment.get("PORT") or "8000"
    base_url = (environment.get("BASE_URL") or f"http://hero.localhost:{port}").rstrip("/")
    check_base_url(base_url)
    data_dir = Path(environment.get("DATA_DIR") or "data")
    if make:
        make_data_dir(data_dir)
    database_url = environment.get("DATABASE_URL") or f"sqlite+aiosqlite:///{data_dir.resolve()}/mutirao.sqlite"
    redis_url = environment.get("REDIS_URL", "")
    check_redis_url(redis_url)
    owner_url = environment.get("DATABASE_OWNER_URL", "")
    for name, url in (("DATABASE_URL", database_url), ("DATABASE_OWNER_URL", owner_url)):
        check_database_url(name, url)
    if owner_url and not (owner_url.startswith("postgresql") and database_url.startswith("postgresql")):
        raise SettingsError("DATABASE_OWNER_URL: is for PostgreSQL only, beside DATABASE_URL")
    workers = read_count(environment, "WORKERS", default=1)
    smtp_url = environment.get("SMTP_URL", "")
    if smtp_url and urlsplit(smtp_url).scheme not in ("smtp", "smtps", "smtp+starttls"):
        raise SettingsError(
            "SMTP_URL: must look like smtp://host:25, smtp+starttls://user:password@host:587 or smtps://…"
        )
    secure = base_url.startswith("https:")
    return Settings(
        base_url=base_url,
        database_url=database_url,
        data_dir=data_dir,
        secret_key=read_secret_key(environment, data_dir, required=secure, make=make),
        smtp_url=smtp_url,
        mail_from=environment.get("MAIL_FROM") or f"Mutirão <no-reply@{urlsplit(base_url).hostname}>",
        workers=workers,
        debug=read_switch(environment, "DEBUG"),
        metrics_networks=read_networks(environment, "METRICS_NETWORKS", default="127.0.0.0/8 ::1/128"),
        edit_idle_seconds=read_count(environment, "EDIT_IDLE_SECONDS", default=600),
        file_limit_megabytes=read_count(environment, "FILE_LIMIT_MB", default=25),
        files_quota_megabytes=read_count(environment, "FILES_QUOTA_MB", default=5000),
        forwarded_allow_ips=read_networks(environment, "FORWARDED_ALLOW_IPS", default="127.0.0.1"),
        redis_url=redis_url,
        database_owner_url=owner_url,
        facts_days=read_count(environment, "FACTS_DAYS", default=7),
        partials_hours=read_count(environment, "PARTIALS_HOURS", default=24),
        workspace_requests=read_limit(environment, "WORKSPACE_REQUESTS"),
        workspace_writes=read_limit(environment, "WORKSPACE_WRITES"),
        workspace_sockets=read_limit(environment, "WORKSPACE_SOCKETS"),
        gateway_message_bytes=read_count(environment, "GATEWAY_MESSAGE_BYTES", default=10_000),
        gateway_channels=read_count(environment, "GATEWAY_CHANNELS", default=100),
        outgoing_http=read_switch(environment, "OUTGOING_HTTP"),
        outgoing_networks=read_networks(environment, "OUTGOING_NETWORKS", default=""),
        outgoing_refused=read_networks(environment, "OUTGOING_REFUSED", default=""),
    )


def make_data_dir(data_dir: Path) -> None:
    """Make DATA_DIR where it is missing. Raises SettingsError when it can't be used."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"DATA_DIR: {data_dir} can't be used: {error.strerror}") from error
    if not os.access(data_dir, os.W_OK):
        raise SettingsError(f"DATA_DIR: {data_dir} is not writable")


def check_database_url(name: str, url: str) -> None:
    """Refuse an address of a database that the program does not know."""
    if not url or url.startswith("sqlite+aiosqlite:///"):
        return
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises for an impossible port)
    except ValueError as error:
        raise SettingsError(f"{name}: is not an address: {error}") from error
    if parts.scheme != "postgresql+asyncpg" or not parts.username or len(parts.path) < 2:
        raise SettingsError(
            f"{name}: must look like sqlite+aiosqlite:///path or postgresql+asyncpg://user:password@host/database"
        )


def check_redis_url(redis_url: str) -> None:
    """Refuse an address that is not one of Redis."""
    if not redis_url:
        return
    try:
        parts = urlsplit(redis_url)
        parts.port  # noqa: B018  (raises for an impossible port)
    except ValueError as error:
        raise SettingsError(f"REDIS_URL: is not an address: {error}") from error
    database = parts.path.removeprefix("/")
    there = parts.path if parts.scheme == "unix" else parts.hostname and (not database or database.isdecimal())
    if parts.scheme not in ("redis", "rediss", "unix") or not there:
        raise SettingsError("REDIS_URL: must look like redis://:password@host:6379/0, rediss://… or unix:///path")


def check_base_url(base_url: str) -> None:
    """Refuse an address that people could not use safely.

    Plain http is for `localhost` and names under it only: browsers treat those as secure.
    """
    try:
        parts = urlsplit(base_url)
        parts.port  # noqa: B018  (raises for an impossible port)
    except ValueError as error:
        raise SettingsError(f"BASE_URL: {base_url} is not an address: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.username:
        raise SettingsError(f"BASE_URL: {base_url} must look like https://example.org, without a path")
    if parts.netloc != parts.netloc.lower():
        raise SettingsError(f"BASE_URL: {base_url} must be in lower case")
    local = parts.hostname == "localhost" or parts.hostname.endswith(".localhost")
    if parts.scheme == "http" and not local:
        raise SettingsError(f"BASE_URL: {base_url} needs https (plain http is for *.localhost only)")


def read_secret_key(environment: Mapping[str, str], data_dir: Path, *, required: bool, make: bool) -> str:
    """The installation's secret; on a development machine one is made, and kept in DATA_DIR."""
    secret_key = environment.get("SECRET_KEY", "")
    if secret_key:
        if len(secret_key) < 32:
            raise SettingsError("SECRET_KEY: must have 32 characters or more (openssl rand -hex 32 makes one)")
        return secret_key
    if required:
        raise SettingsError("SECRET_KEY: is missing (openssl rand -hex 32 makes one)")
    if not make:
        return ""
    path = data_dir / "secret_key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32))
    return path.read_text().strip()


def read_switch(environment: Mapping[str, str], name: str) -> bool:
    """Whether something is switched on in the environment."""
    return environment.get(name, "") not in ("", "0", "false", "no")


def read_count(environment: Mapping[str, str], name: str, *, default: int) -> int:
    """A whole number of at least 1 from the environment."""
    text = environment.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingsError(f"{name}: {text} is not a whole number of at least 1")
    return int(text)


def read_limit(environment: Mapping[str, str], name: str) -> int:
    """Likewise; 0 where there is none."""
    return read_count(environment, name, default=1) if environment.get(name) else 0


def read_networks(environment: Mapping[str, str], name: str, *, default: str) -> str:
    """Networks in CIDR form or single addresses, separated by spaces or commas; as they are kept, by spaces."""
    parts = (environment.get(name) or default).replace(",", " ").split()
    try:
        for part in parts:
            ipaddress.ip_network(part)
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from error
    return " ".join(parts)
