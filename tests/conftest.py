"""What tests stand on: a real database, a real server on a real socket, real browsers."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
import websockets
from hypothesis import settings
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, WebError, async_playwright, expect

from app.accounts.sessions import digest
from app.database import Database, now
from app.demo import PASSWORD
from app.features import open_database
from app.files.decoding import DECODER
from app.server.serving import rarely_collect
from tests.both_databases import BothDatabases, is_on_sqlite_alone, list_fixtures, list_kinds, spread_browsers
from tests.browsers import KeptBrowsers, keep_port
from tests.databases import KIND, Store, make_seed
from tests.post import Post
from tests.processes import Process, run, share_fork_server

# No example has to be ready in some time: a busy machine is slow, and not wrong.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

ROOT = Path(__file__).parent.parent
REDIS = shutil.which("redis-server")
# The same browser without a window takes a third of the processor's time.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)


# What starts a process of its own: the program, a browser, Redis.
STARTED = {"browser", "server", "shared_server", "redis_server", "workers"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--in-process", action="store_true", help="leave out what starts the program, a browser or Redis")
    parser.addoption("--chosen", action="store_true", help="leave out on PostgreSQL what it answers as SQLite does")


def pytest_collection() -> None:
    """Look for no garbage while tests are collected: all of it stays, and a fifth of the time went into looking."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Spare what has been imported from garbage collection, as the program does: a seventh of the processor's time."""
    rarely_collect()
    gc.enable()


def pytest_sessionfinish() -> None:
    """End the process that decodes pictures of what runs within the tests' own process."""
    DECODER.end()


def pytest_configure(config: pytest.Config) -> None:
    """Start a fork server for each database of a run, for all processes that have it and are started after this."""
    kinds = set() if hasattr(config, "workerinput") else set(list_kinds(config))
    for kind in kinds:
        share_fork_server(kind)
    if len(kinds) > 1:
        config.pluginmanager.register(BothDatabases())


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Bring in no tests that are left out on PostgreSQL."""
    leave_out = KIND == "postgresql" and config.getoption("chosen") and is_on_sqlite_alone(collection_path)
    return True if leave_out else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about the other database alone, on PostgreSQL also what uses no database, and with
    `--in-process` what starts processes. A process of several has the browsers spread over the run.

    What uses a database takes it from the fixtures `seeded` or `empty`.
    """
    other = "sqlite" if KIND == "postgresql" else "postgresql"
    in_process, chosen = config.getoption("in_process"), config.getoption("chosen")

    def is_left_out(item: pytest.Item) -> bool:
        fixtures = list_fixtures(item)
        if item.get_closest_marker(other) or (in_process and STARTED & fixtures):
            return True
        if KIND != "postgresql":
            return False
        return not {"seeded", "empty"} & fixtures or bool(chosen and item.get_closest_marker("alike"))

    left_out = [item for item in items if is_left_out(item)]
    config.hook.pytest_deselected(items=left_out)
    kept = [item for item in items if item not in left_out]
    items[:] = spread_browsers(kept) if hasattr(config, "workerinput") else kept


@pytest.fixture(scope="session")
async def seeded(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A database with the demo in it, to be copied."""
    return await make_seed(tmp_path_factory.mktemp("seed"))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    """A database without tables."""
    made = Store(tmp_path)
    made.ensure()
    yield made
    made.drop()


@pytest.fixture
def store(seeded: Store, tmp_path: Path) -> Iterator[Store]:
    """A database of its own for each test, with the demo in it: tenant 1 is acme, tenant 2 globex."""
    made = seeded.copy_to(tmp_path)
    yield made
    made.drop()


@pytest.fixture
async def database(store: Store) -> AsyncIterator[Database]:
    """The store of a test, as the program opens it."""
    made = open_database(store.url)
    yield made
    await made.close()


@dataclass
class Server:
    """The program as people run it: a process of its own, on a port of its own."""

    data_dir: Path
    port: int
    environment: dict[str, str] = field(default_factory=dict)
    process: Process | subprocess.Popen[bytes] | None = None
    name: str = "server"
    workers: int = 1
    # Whether its processes are forked from one that has imported the program, which takes them seconds.
    forked: bool = True
    debug: bool = True
    address: str = "127.0.0.1"
    log_dir: Path | None = None
    # Where the program is; of one that is not forked.
    home: Path = ROOT
    devices: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        """Its database."""
        return Store(self.data_dir)

    @property
    def base_host(self) -> str:
        return f"hero.localhost:{self.port}"

    def host(self, slug: str) -> str:
        return f"{slug}.{self.base_host}" if slug else self.base_host

    def url(self, slug: str, path: str = "/") -> str:
        return f"http://{self.host(slug)}{path}"

    @property
    def log_path(self) -> Path:
        return (self.log_dir or self.data_dir) / f"{self.name}.log"

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def settings(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "DATA_DIR": str(self.data_dir),
            "BASE_URL": f"http://{self.base_host}",
            **self.store.environment,
            **self.environment,
        }

    def start(self) -> None:
        """Start, and wait until it is ready."""
        arguments = ["serve", "--host", self.address, "--port", str(self.port)]
        arguments += ["--workers", str(self.workers), *(["--debug"] if self.debug else [])]
        if self.forked:
            self.process = Process(arguments, self.settings(), self.log_path)
        else:
            with self.log_path.open("ab") as log:
                command = [sys.executable, "-m", "app", *arguments]
                self.process = subprocess.Popen(command, cwd=self.home, env=self.settings(), stdout=log, stderr=log)
        deadline, answer = time.monotonic() + 60, "nothing"
        while time.monotonic() < deadline:
            try:
                asked = httpx.get(f"http://{self.address}:{self.port}/readyz", verify=False)
                if asked.status_code == 200:
                    return
                answer = asked.text
            except httpx.TransportError as error:
                answer = repr(error)
            time.sleep(0.05)
            if self.process.poll() is not None:
                break
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        raise RuntimeError(f"the server did not start: {answer}\n{self.log}")

    def stop(self, with_signal: int = signal.SIGTERM) -> None:
        """Stop, and wait until it has ended."""
        assert self.process is not None
        self.process.send_signal(with_signal)
        self.process.wait(20)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m app …` beside the server."""
        return run(arguments, self.settings(), timeout=30)

    def client(self, slug: str, **headers: str) -> httpx.AsyncClient:
        """An HTTP client of a site; it says where it comes from, as a page of that site would."""
        own = {"host": self.host(slug), "origin": f"http://{self.host(slug)}", "sec-fetch-site": "same-origin"}
        return httpx.AsyncClient(
            base_url=f"http://{self.address}:{self.port}",
            headers=own | headers,
            timeout=20,
            verify=False,  # plain http: reading the authorities would be most of what a client costs
        )

    async def sign_in(self, slug: str, email: str, password: str = PASSWORD) -> httpx.AsyncClient:
        """A client that is signed in, in a browser that is known to the account from the second time on."""
        client = self.client(slug)
        known = {"cookie": self.devices[slug, email]} if (slug, email) in self.devices else {}
        answer = await client.post("/login", data={"email": email, "password": password}, headers=known)
        assert answer.status_code == 303, answer.text
        session, device = (cookie.partition(";")[0] for cookie in answer.headers.get_list("set-cookie"))
        client.headers["cookie"], self.devices[slug, email] = session, device
        return client

    def let_in(self, slug: str, email: str) -> httpx.AsyncClient:
        """A client with a session that is there without a sign-in: for tests that are not about how it begins."""
        token, moment = secrets.token_urlsafe(32), now()
        ((tenant_id, member_id),) = self.store.rows(
            "SELECT tenant.id, member.id FROM member JOIN tenant ON tenant.id = tenant_id WHERE slug = ? AND email = ?",
            *(slug, email),
        )
        self.store.rows(
            "INSERT INTO session (tenant_id, member_id, token_hash, started_at, seen_at, password_at, expires_at,"
            " address, agent) VALUES (?, ?, ?, ?, ?, ?, ?, '127.0.0.1', 'a test')",
            *(tenant_id, member_id, digest(token), moment, moment, moment, moment + timedelta(days=30)),
        )
        return self.client(slug, cookie=f"session={token}")

    def connect(self, slug: str, client: httpx.AsyncClient | None = None, **options: Any) -> websockets.connect:
        """Dial /live as the page of a signed-in client would."""
        headers = {"cookie": client.headers["cookie"]} if client and "cookie" in client.headers else {}
        headers.update(options.pop("headers", {}))
        options.setdefault("origin", f"http://{self.host(slug)}")
        return websockets.connect(
            f"ws://{self.host(slug)}/live",
            host=self.address,
            port=self.port,
            additional_headers=headers,
            compression=None,
            proxy=None,
            **options,
        )


@dataclass
class RedisServer:
    """A Redis of its own, on a port of its own, that a test may do anything to."""

    data_dir: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start, and wait until it answers."""
        assert REDIS, "Redis is missing: run tests/install-system-packages"
        self.process = subprocess.Popen(
            [REDIS, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.data_dir)],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError):
                self.command("PING")
                return
            time.sleep(0.05)
        raise RuntimeError("Redis did not start")

    def command(self, *words: str) -> Any:
        """Send a command."""
        with redis.Redis(port=self.port) as client:
            return client.execute_command(*words)

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> None:
        """Stop, and wait until it has ended."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path_factory.mktemp("redis"), free_port())
    made.start()
    yield made
    made.stop()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port at which nobody listens, and nobody else can while the test runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_server(seeded: Store, data_dir: Path, port: int = 0, **environment: str) -> Server:
    seeded.copy_to(data_dir)
    server = Server(data_dir, port or free_port(), environment)
    server.start()
    return server


def end_server(server: Server) -> None:
    if server.process and server.process.poll() is None:
        server.process.kill()
        server.process.wait(20)
    server.store.drop()


@pytest.fixture
def server(seeded: Store, tmp_path: Path) -> Iterator[Server]:
    """A server for one test, which may kill it and start it again."""
    made = start_server(seeded, tmp_path, keep_port("server"))
    yield made
    end_server(made)


@contextlib.contextmanager
def start_workers(seeded: Store, data_dir: Path, redis_server: RedisServer, *, forked: bool = True) -> Iterator[Server]:
    """A server of two workers."""
    seeded.copy_to(data_dir)
    made = Server(data_dir, free_port(), {"REDIS_URL": redis_server.url}, workers=2, forked=forked)
    made.start()
    yield made
    if made.process and made.process.poll() is None:
        made.stop()  # a killed supervisor would leave its workers to end by themselves
    made.store.drop()


@pytest.fixture
def several(seeded: Store, tmp_path: Path, redis_server: RedisServer) -> Iterator[Server]:
    """A server of two workers for one test."""
    with start_workers(seeded, tmp_path, redis_server) as made:
        yield made


@pytest.fixture
def post() -> Iterator[Post]:
    """A mail server that is not open yet."""
    made = Post(free_port())
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_server(seeded: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server for all tests of a module, which leave its workspaces usable."""
    made = start_server(seeded, tmp_path_factory.mktemp("server"), keep_port("shared server"))
    yield made
    end_server(made)


@pytest.fixture
def asked_server(server: Server) -> Server:
    """The server that people of acme ask: of the test's own, or the one that a file has in its place."""
    return server


@pytest.fixture
async def ana(asked_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Ana, who owns acme."""
    async with asked_server.let_in("acme", "ana@acme.test") as client:
        yield client


@pytest.fixture
async def bruno(asked_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Bruno, an admin of it."""
    async with asked_server.let_in("acme", "bruno@acme.test") as client:
        yield client


@pytest.fixture
async def carla(asked_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Carla, a member."""
    async with asked_server.let_in("acme", "carla@acme.test") as client:
        yield client


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, as Debian packages it."""
    assert CHROMIUM, "Chromium is missing: run tests/install-system-packages"
    expect.set_options(timeout=15_000)  # a busy machine is slow, and not wrong
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-quic",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                # Tabs of one person share a process, which stays from one test to the next (tests/browsers.py); none is
                # started ahead of them.
                "--process-per-site",
                "--renderer-process-limit=1",
            ],
        )
        yield made
        await made.close()


@dataclass
class Person:
    """Somebody in front of a browser, signed in to a workspace."""

    context: BrowserContext
    page: Page
    origin: str

    async def open(self, path: str, *, live: bool = True) -> Page:
        """Open a page, and wait until its socket is up and its hello is answered."""
        await self.page.goto(self.origin + path)
        if live:
            await self.page.locator("html[data-ready=yes]").wait_for(state="attached")
        return self.page


# What Chromium itself notes on the console when a test refuses something or cuts the network; never a fault of the
# server, or a file of the program that is missing.
EXPECTED = re.compile(
    r"Failed to load resource: (?:the server responded with a status of 4|net::ERR_)(?!.*/static/)"
    r"|htmx: htmx:error: Failed to fetch|htmx: htmx:ws:error: "
    r"|WebSocket connection to "
)


@pytest.fixture(scope="session")
def kept_browsers(browser: Browser) -> KeptBrowsers:
    """Browsers for one test after the other."""
    return KeptBrowsers(browser)


@pytest.fixture
async def new_context(
    browser: Browser, kept_browsers: KeptBrowsers, request: pytest.FixtureRequest
) -> AsyncIterator[Callable[..., Any]]:
    """Open a browser with nothing in it: `await new_context(color_scheme="dark")`. It is closed after the test.

    Without options it is one that other tests had before, and will have.

    An error in a script, or on the console, of any of its pages fails the test, unless the test names it:
    `@pytest.mark.console("part of its text")`.
    """
    kept: list[BrowserContext] = []
    closed: list[BrowserContext] = []
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not EXPECTED.match(f"{message.text} ({message.location['url']})"):
            complaints.append(f"{message.text} ({message.location['url']})")

    def note(error: WebError) -> None:
        complaints.append(f"{error.page and error.page.url}: {error.error}")

    async def make(**options: Any) -> BrowserContext:
        motion = {"reduced_motion": "reduce"}  # what moves is drawn sixty times a second
        context = await browser.new_context(**motion | options) if options else await kept_browsers.take(**motion)
        (closed if options else kept).append(context)
        context.on("weberror", note)
        context.on("console", hear)
        return context

    yield make
    for context in closed:
        await context.close()
    for context in kept:
        await kept_browsers.give_back(context)
        context.remove_listener("weberror", note)
        context.remove_listener("console", hear)
    expected = [part for mark in request.node.iter_markers("console") for part in mark.args]
    unexpected = [each for each in complaints if not any(part in each for part in expected)]
    assert unexpected == []


@pytest.fixture
async def person(new_context: Callable[..., Any]) -> Any:
    """Sign people in, each in a browser of their own: `await person(server, "acme", "ana@acme.test")`.

    The browser gets the cookie of a session that was begun without it: loading two pages for it took seconds of a test.
    """

    async def sign_in(server: Server, slug: str, email: str, **options: Any) -> Person:
        size = options.pop("viewport") if list(options) == ["viewport"] else None  # needs no browser of its own
        context = await new_context(**options)
        page = await context.new_page()
        if size:
            await page.set_viewport_size(size)
        client = await server.sign_in(slug, email)
        name, _, value = client.headers["cookie"].partition("=")
        await client.aclose()
        await context.add_cookies([{"name": name, "value": value, "url": server.url(slug), "httpOnly": True}])
        return Person(context, page, f"http://{server.host(slug)}")

    return sign_in
