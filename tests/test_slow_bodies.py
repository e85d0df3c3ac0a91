"""A body that never comes holds up nobody: no transaction waits for it, on any route, whatever it is said to be.

The matrix is made from the program's own routes, so that a new one is covered without thinking of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.database import Database, HoldsTransaction
from app.database.begun import BEGUN, check_holds_none
from tests import test_statements
from tests.databases import Store
from tests.test_isolation import Target
from tests.test_statements import OTHERS, TARGETS, World, make_world, name_of

asked = test_statements.asked
FORMS = [(central, target) for central, target in TARGETS if target.method != "GET"]
TYPES = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/json", "")


@pytest.fixture(scope="module")
async def world(seeded: Store, asked: list[str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    made = await make_world(seeded, tmp_path_factory.mktemp("slow"), 1, asked)
    yield made
    await made.client.aclose()
    await made.operator.aclose()
    await made.database.close()


class NeverComing:
    """A body of which nothing comes any more after its first bytes."""

    def __init__(self, begin: bytes) -> None:
        self.begin = begin
        self.waited_for = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.begin
        self.waited_for.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("content_type", TYPES, ids=lambda each: each.partition(";")[0] or "none")
@pytest.mark.parametrize("asked_for", FORMS, ids=name_of)
async def test_nobody_holds_a_transaction_who_waits_for_a_body(
    world: World, asked_for: tuple[bool, Target], content_type: str
) -> None:
    central, target = asked_for
    body = NeverComing(b"--b\r\n" if "multipart" in content_type else b"text=")
    client = world.operator if central else world.client
    path = target.fill({**world.values, **OTHERS.get(target.path, {})})
    headers = {"content-type": content_type} if content_type else {}
    request = asyncio.create_task(client.request(target.method, path, content=body, headers=headers))
    waiting = asyncio.create_task(body.waited_for.wait())
    await asyncio.wait([request, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=20)
    try:
        assert not BEGUN, "a transaction waits for what a client sends"
        if request.done():  # it is answered without its body
            assert request.result().status_code < 500, request.result().text
        else:
            assert body.waited_for.is_set()
    finally:
        for each in (request, waiting):
            each.cancel()
        await asyncio.wait([request, waiting])


async def test_who_waits_for_a_client_in_a_transaction_is_told_at_once(database: Database) -> None:
    check_holds_none()
    for begin in (database.read, database.write):
        async with begin(1):
            async with database.read(1):
                pass
            with pytest.raises(HoldsTransaction):
                check_holds_none()
        check_holds_none()
    assert not BEGUN
