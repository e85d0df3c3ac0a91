"""Pages and programs race for one record: one holds it, and no change is lost."""

from __future__ import annotations

import asyncio
import os
import random
import re
from contextlib import aclosing

import httpx

from tests.conftest import Server
from tests.programs.conftest import API, LetIn

RECORDS = f"{API}/collections/books/records"
# How many races there are: more, where somebody wants to know it more exactly.
ROUNDS = int(os.environ.get("RACES", "25"))


async def change_by_page(client: httpx.AsyncClient, number: int, text: str) -> bool:
    """Whether a page has taken the lock and saved."""
    page = (await client.get(f"/c/books/{number}/edit")).text
    proof = re.search(r'name="lock-token" value="([^"]+)"', page)
    version = re.search(r'name="version" value="(\d+)"', page)
    if not (proof and version):
        await client.post(f"/c/books/{number}/queue/leave")
        return False
    form = {"title": text, "author": "A page", "version": version[1], "lock-token": proof[1]}
    return (await client.post(f"/c/books/{number}/edit", data=form)).status_code == 303


async def change_by_program(client: httpx.AsyncClient, number: int, text: str, *, locks: bool) -> bool:
    """Whether a program has saved, with the lock or without."""
    path, headers = f"{RECORDS}/{number}", {}
    if locks:
        taken = await client.post(f"{path}/lock")
        if taken.status_code != 201:
            assert taken.status_code == 423
            return False
        headers = {"lock": taken.json()["lock"]}
    seen = await client.get(path)
    assert seen.status_code == 200
    changed = await client.patch(
        path, json={"values": {"title": text}}, headers={**headers, "if-match": seen.headers["etag"]}
    )
    assert changed.status_code in ((200,) if locks else (200, 412, 423)), changed.text
    if locks:
        assert (await client.delete(f"{path}/lock", headers=headers)).status_code == 204
    return changed.status_code == 200


async def test_pages_and_programs_race_and_no_change_is_lost(shared_server: Server, let_in: LetIn) -> None:
    chance = random.Random(17)
    programs = [await let_in(f"{name}@acme.test") for name in ("ana", "bruno", "carla", "carla")]
    async with (
        aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi,
        aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana,
    ):
        for turn in range(ROUNDS):
            made = await programs[0].post(RECORDS, json={"values": {"title": "Raced for", "author": "A"}})
            number = made.json()["number"]
            contests = [change_by_page(each, number, f"page {turn} {place}") for place, each in enumerate((davi, ana))]
            contests += [
                change_by_program(each, number, f"program {turn} {place}", locks=chance.random() < 0.6)
                for place, each in enumerate(programs)
            ]
            chance.shuffle(contests)
            done = await asyncio.gather(*contests)
            now = (await programs[0].get(f"{RECORDS}/{number}")).json()
            assert now["version"] == 1 + sum(done), "each that was told so has made a version"
            revisions = (await programs[0].get(f"{RECORDS}/{number}/revisions")).json()["items"]
            assert [each["version"] for each in revisions] == list(range(now["version"], 0, -1))
            assert len({each["values"]["title"] for each in revisions}) == now["version"], "and none was lost"
