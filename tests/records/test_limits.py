"""How often one person searches lists and imports, and how many of one person's are done at once."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, cast

import pytest

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.sessions import Askers
from app.records import limits
from app.records.limits import LISTS_AT_ONCE, LISTS_WAITING, ImportLimit, ListLimit
from app.web.errors import PageError
from app.web.limits import Windows
from tests.conftest import Server
from tests.test_isolation import SETTINGS
from tests.waiting import until


class Named:
    """Knows who asks: what the request is."""

    async def find(self, request: Any) -> tuple[str, str] | None:
        return (str(len(request)), "1") if request else None


class Reading:
    """Lists that are being read, until they are let go."""

    def __init__(self) -> None:
        self.limit = ListLimit(Windows(SETTINGS), cast("Askers", Named()))
        self.read: list[str] = []
        self.over = asyncio.Event()

    def begin(self, who: str) -> asyncio.Task[None]:
        async def read() -> None:
            async with self.limit.turn(cast("AnyRequest", who)):
                self.read.append(who)
                await self.over.wait()

        return asyncio.create_task(read())


async def test_two_lists_of_a_person_are_read_at_once_and_others_people_s_beside_them() -> None:
    reading = Reading()
    tasks = [reading.begin("ana") for _ in range(6)]
    tasks += [reading.begin("bruno"), reading.begin("")]
    await until(lambda: len(reading.read) == 4)
    assert sorted(reading.read) == ["", "ana", "ana", "bruno"]
    reading.over.set()
    await asyncio.gather(*tasks)
    assert reading.read.count("ana") == 6, "the others had their turn after them"
    assert (reading.limit.turns, reading.limit.asked) == ({}, {}), "nobody is remembered who reads none"


async def test_who_asks_for_very_many_at_once_is_refused_and_who_gives_up_holds_no_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = Reading()
    tasks = [reading.begin("ana") for _ in range(LISTS_AT_ONCE + LISTS_WAITING)]
    await until(lambda: len(reading.read) == LISTS_AT_ONCE)
    with pytest.raises(PageError) as refused:
        await reading.begin("ana")
    assert refused.value.status_code == 429
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (reading.limit.turns, reading.limit.asked) == ({}, {})
    monkeypatch.setattr(limits, "LIST_PATIENCE", 0.01)
    tasks = [reading.begin("ana") for _ in range(LISTS_AT_ONCE + 1)]
    with pytest.raises(PageError):
        await tasks[-1]
    reading.over.set()
    await asyncio.gather(*tasks[:-1])


async def test_who_searches_a_list_without_end_is_told_to_wait_and_others_search_on(server: Server) -> None:
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
    ):
        answered = 0
        while (answer := await ana.get("/c/books", params={"q": "word"})).status_code == 200:
            answered += 1
        assert answer.status_code == 429
        assert answered >= 60
        assert "You have searched too often." in answer.text
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert (await ana.get("/c/books")).status_code == 200, "which is no search"
        assert (await carla.get("/c/books", params={"q": "word"})).status_code == 200


async def test_imports_of_a_person_come_one_after_another_and_others_people_s_beside_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    importing, over, begun = ImportLimit(Windows(SETTINGS)), asyncio.Event(), list[int]()

    async def bring(member_id: int) -> None:
        async with importing.turn(Member(id=member_id, tenant_id=1), long=False):
            begun.append(member_id)
            await over.wait()

    tasks = [asyncio.create_task(bring(member_id)) for member_id in (1, 1, 1, 2)]
    await until(lambda: len(begun) == 2)
    assert begun == [1, 2]
    monkeypatch.setattr(limits, "IMPORT_PATIENCE", 0.01)
    with pytest.raises(PageError, match="several imports"):
        await bring(1)
    over.set()
    await asyncio.gather(*tasks)
    assert begun.count(1) == 3
    assert (importing.turns, importing.asked) == ({}, {})


async def test_a_person_imports_so_many_long_tables_a_minute_and_short_ones_beside_them() -> None:
    importing, ana, bruno = ImportLimit(Windows(SETTINGS)), Member(id=1, tenant_id=1), Member(id=2, tenant_id=1)
    for _ in range(limits.IMPORTS_A_MINUTE.amount):
        async with importing.turn(ana, long=True):
            pass
    with pytest.raises(PageError) as refused:
        async with importing.turn(ana, long=True):
            pass
    assert refused.value.status_code == 429
    assert refused.value.headers
    assert int(refused.value.headers["Retry-After"]) <= 120
    async with importing.turn(ana, long=False), importing.turn(bruno, long=True):
        pass
