"""Nobody who is not known has a password hashed for nothing: every route is asked, and hashes are counted."""

from __future__ import annotations

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute

from app.accounts import hashing
from app.demo import PASSWORD
from app.server.asgi import create_app
from app.server.gate import Gate
from tests.accounts.test_guessing import Counting
from tests.databases import Store
from tests.test_isolation import SETTINGS

NONSENSE = {
    "token": "x" * 43,
    "email": "nobody@acme.test",
    "password": "a password that is long enough",
    "new_password": "a password that is long enough",
    "password-again": "a password that is long enough",
    "name": "Nobody",
    "workspace": "Nowhere",
    "slug": "nowhere",
    "language": "en",
}
# Where a password is all that there is to look at, or something is made for whoever comes: bounded by their limits.
HASHING = {"/login", "/operator/login", "/signup"}


@dataclass
class Installation:
    """The program in this process, with a hasher that counts."""

    gate: Gate
    hasher: Counting

    def client(self, slug: str, address: str = "192.0.2.1") -> httpx.AsyncClient:
        host = f"{slug}.hero.localhost:8000".removeprefix(".")
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=self.gate, client=(address, 1)),  # type: ignore[arg-type]
            base_url=f"http://{host}",
            headers={"origin": f"http://{host}"},
        )


@pytest.fixture
async def installation(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Installation]:
    hasher = Counting()
    monkeypatch.setattr(hashing, "load_hasher", lambda: hasher)
    gate = create_app(dataclasses.replace(SETTINGS, database_url=store.url, data_dir=tmp_path))
    yield Installation(gate, hasher)
    workspace: Any = gate.sites.workspace
    await workspace.dependencies["database"].dependency().close()


async def test_a_stranger_with_nonsense_has_nothing_hashed(installation: Installation) -> None:
    hashed = set()
    for slug, site in (("acme", installation.gate.sites.workspace), ("", installation.gate.sites.central)):
        routes: Any = site
        async with installation.client(slug) as stranger:
            for route in routes.routes:
                if isinstance(route, HTTPRoute) and "POST" in route.methods:
                    before = installation.hasher.asked
                    path = re.sub(r"\{\w+:(\w+)\}", lambda found: "1" if found[1] == "int" else "books", route.path)
                    # A request has a task of its own, as in a server.
                    answer = await asyncio.create_task(stranger.post(path, data=NONSENSE))
                    assert answer.status_code < 500, path
                    if installation.hasher.asked > before:
                        hashed.add(route.path)
    assert hashed == HASHING


@pytest.mark.parametrize("path", ["/password", "/join", "/enter", "/confirm"])
async def test_links_that_are_made_up_are_counted_and_then_refused(installation: Installation, path: str) -> None:
    async with installation.client("acme") as stranger:
        answers = await asyncio.gather(*(stranger.post(path, data=NONSENSE) for _ in range(30)))
    assert [answer.status_code for answer in answers].count(429) == 20
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers if answer.status_code == 429)
    assert installation.hasher.asked == 0


async def test_forty_sign_ups_at_once_make_ten_workspaces(installation: Installation, store: Store) -> None:
    async with installation.client("") as stranger:
        answers = await asyncio.gather(
            *(stranger.post("/signup", data={**NONSENSE, "slug": f"many-{number}"}) for number in range(40))
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [429] * 30
    assert installation.hasher.asked == 10
    assert store.rows("SELECT count(*) FROM tenant WHERE slug LIKE 'many-%'") == [(10,)]


async def test_an_address_that_is_taken_is_said_without_hashing(installation: Installation) -> None:
    async with installation.client("") as stranger:
        answer = await stranger.post("/signup", data={**NONSENSE, "slug": "acme"})
    assert answer.status_code == 422
    assert "This address is taken." in answer.text
    assert installation.hasher.asked == 0


async def test_sign_ups_with_addresses_that_are_taken_are_counted_and_then_refused(installation: Installation) -> None:
    answers: list[httpx.Response] = []
    async with installation.client("") as stranger:
        while len(answers) < 120 and {answer.status_code for answer in answers} <= {422}:  # the window fades meanwhile
            answers.append(await stranger.post("/signup", data={**NONSENSE, "slug": "acme"}))
    assert len(answers) > 60
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0
    assert "Nowhere" in answers[-1].text, "what was typed is kept"


async def test_a_flood_of_wrong_passwords_leaves_the_known_browser_alone(installation: Installation) -> None:
    typed = {"email": "ana@acme.test", "password": "right"}
    async with installation.client("acme") as ana:
        assert (await ana.post("/login", data=typed)).status_code == 303
        ana.cookies.delete("session")
        assert list(ana.cookies) == ["device"]

        async def guess(number: int) -> int:
            async with installation.client("acme", f"198.51.100.{number}") as stranger:
                return (await stranger.post("/login", data={**typed, "password": PASSWORD})).status_code

        statuses = [await guess(number) for number in range(80)]
        assert statuses.count(422) < 75
        assert statuses[-1] == 429
        assert (await ana.post("/login", data=typed)).status_code == 303


async def test_a_cookie_of_another_account_or_of_nobody_makes_no_browser_known(installation: Installation) -> None:
    async with installation.client("acme") as bruno:
        await bruno.post("/login", data={"email": "bruno@acme.test", "password": "right"})
        known = bruno.cookies["device"]
    account, nonce, proof = known.split(".")
    for forged in (known, f"1:1.{nonce}.{proof}", f"{account}.{nonce}.{'0' * 32}", "1:1", "~~.~", "1:1.x.é"):
        async with installation.client("acme", "192.0.2.77") as stranger:
            wrong = {"email": "ana@acme.test", "password": "wrong"}
            await stranger.post("/login", data=wrong, headers={"cookie": f"device={forged}".encode()})
    async with installation.client("acme", "192.0.2.77") as stranger:
        statuses = [(await stranger.post("/login", data=wrong)).status_code for _ in range(5)]
    assert statuses[:4] == [422] * 4
    assert statuses[4] == 429, "all of them were counted as a stranger's"
