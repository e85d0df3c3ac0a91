"""The program within a test's process: asked for pages one after the other, with jobs done when the test says so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy import func, select, update

from app.accounts.members import find_member
from app.accounts.sessions import add_session
from app.database import Transaction, now
from app.features import open_database
from app.jobs.jobs import Job
from app.jobs.runner import Runner
from app.server.asgi import create_app
from tests.databases import Store
from tests.test_isolation import SETTINGS

ACME = 1
MOST_JOBS = 60
Result = TypeVar("Result")


class Program:
    """The program, and people of acme who are signed in."""

    def __init__(self, store: Store, names: tuple[str, ...]) -> None:
        self.runner = asyncio.Runner()
        self.clients: dict[str, httpx.AsyncClient] = {}
        self.ids: dict[str, int] = {}
        settings = replace(SETTINGS, database_url=store.url, data_dir=store.directory, secret_key="x" * 40)
        self.runner.run(self.open(store, settings, names))
        self.jobs = Runner(self.database, settings)

    async def open(self, store: Store, settings: Any, names: tuple[str, ...]) -> None:
        self.database = open_database(store.url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("app.server.asgi.open_database", lambda _: self.database)
            application: Any = create_app(settings)
        host = f"acme.{SETTINGS.base_host}"
        own = {"origin": f"http://{host}", "sec-fetch-site": "same-origin"}
        for name in names:
            async with self.database.write(ACME) as transaction:
                member = await find_member(transaction, f"{name}@acme.test")
                assert member
                token = await add_session(transaction, member, address="127.0.0.1", agent="a test")
            self.ids[name] = member.id
            self.clients[name] = httpx.AsyncClient(
                transport=httpx.ASGITransport(app=application),
                base_url=f"http://{host}",
                headers={**own, "cookie": f"{SETTINGS.session_cookie}={token}"},
            )

    def close(self) -> None:
        async def end() -> None:
            for client in self.clients.values():
                await client.aclose()
            await self.database.close()

        self.runner.run(end())
        self.runner.close()

    def ask(self, name: str, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask for a page; nothing that anybody does may be an error of the program."""
        answer = self.runner.run(self.clients[name].request(method, path, **options))
        assert answer.status_code < 500, f"{method} {path} is answered by {answer.status_code}"
        return answer

    def get(self, name: str, path: str) -> str:
        """A page, wherever it leads."""
        answer = self.ask(name, "GET", path, follow_redirects=True)
        assert answer.status_code == 200, f"{path}: {answer.status_code}"
        return answer.text

    def post(self, who: str, path: str, /, **typed: Any) -> httpx.Response:
        """Send a form."""
        return self.ask(who, "POST", path, data={key: value for key, value in typed.items() if value is not None})

    def read(self, work: Callable[[Transaction], Awaitable[Result]]) -> Result:
        """Look into the database."""

        async def run() -> Result:
            async with self.database.read(ACME) as transaction:
                return await work(transaction)

        return self.runner.run(run())

    def count_jobs(self, name: str) -> int:
        """How many jobs wait whose names begin so."""

        async def count(transaction: Transaction) -> int:
            found = select(func.count()).select_from(Job).where(Job.name.startswith(name))
            return await transaction.scalar(found) or 0

        return self.read(count)

    def work(self, name: str, *, most: int = MOST_JOBS) -> None:
        """Do jobs whose names begin so, at most so many; where all are to be done, one that fails is an error."""

        async def step() -> None:
            async with self.database.write(ACME) as transaction:
                mine = Job.name.startswith(name)
                await transaction.execute(update(Job).where(mine).values(due_at=now()))
            await self.jobs.step()

        for _ in range(most):
            if not self.count_jobs(name):
                return
            self.runner.run(step())
        assert most < MOST_JOBS or not self.count_jobs(name), "a job is never done"


def rows_of(page: str) -> dict[str, str]:
    """The rows of a list, or of what is pushed to it, without what only its script looks at: by the ids of records."""
    found = re.findall(r'<tr id="record-(\d+)".*?</tr>', page, re.S)
    rows = re.findall(r'(<tr id="record-\d+".*?</tr>)', page, re.S)
    return {
        number: re.sub(r' data-(?:key|what|search|before)="[^"]*"', "", row)
        for number, row in zip(found, rows, strict=True)
    }
