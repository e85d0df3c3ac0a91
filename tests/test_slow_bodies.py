"""A body that never comes holds up nobody: no transaction waits for it, on any route, whatever it is said to be.

The matrix is made from the program's own routes, so that a new one is covered without thinking of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest

from app.accounts import senders
from app.database import Database, HoldsTransaction
from app.database.begun import BEGUN, check_holds_none
from app.records.imports import ImportedText, parse_import
from app.records.pages import imports
from app.web.bodies import LARGE_BODY
from tests import test_statements
from tests.databases import Store
from tests.test_isolation import Target
from tests.test_statements import OTHERS, TARGETS, World, make_world

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

    def __init__(self, *begin: bytes) -> None:
        self.begin = begin
        self.waited_for = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.begin:
            yield piece
        self.waited_for.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("content_type", TYPES, ids=lambda each: each.partition(";")[0] or "none")
async def test_nobody_holds_a_transaction_who_waits_for_a_body(world: World, content_type: str) -> None:
    headers = {"content-type": content_type} if content_type else {}
    for central, target in FORMS:
        body = NeverComing(b"--b\r\n" if "multipart" in content_type else b"text=")
        async with sending(world.operator if central else world.client, world, target, body, headers) as answer:
            assert not BEGUN, f"{target.path}: a transaction waits for what a client sends"
            assert answer is None or answer.status_code < 500, f"{target.path}: {answer.text}"


@asynccontextmanager
async def sending(
    client: httpx.AsyncClient, world: World, target: Target, body: NeverComing, headers: dict[str, str]
) -> AsyncIterator[httpx.Response | None]:
    """What is answered to a request while its body does not come; None when the body is waited for."""
    path = target.fill({**world.values, **OTHERS.get(target.path, {})})
    request = asyncio.create_task(client.request(target.method, path, content=body, headers=headers))
    waiting = asyncio.create_task(body.waited_for.wait())
    await asyncio.wait([request, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=20)
    try:
        assert request.done() or waiting.done(), path
        yield request.result() if request.done() else None
    finally:
        for each in (request, waiting):
            each.cancel()
        await asyncio.wait([request, waiting])


@pytest.mark.parametrize("is_said", [True, False], ids=["said before", "in chunks"])
@pytest.mark.parametrize("content_type", TYPES[:2], ids=lambda each: each.partition(";")[0])
async def test_nobody_sends_megabytes_who_is_not_signed_in(world: World, content_type: str, is_said: bool) -> None:
    begin = b"--b\r\n" if "multipart" in content_type else b"table="
    headers = {"content-type": content_type, **({"content-length": "6000000"} if is_said else {})}
    for central, target in FORMS:
        host = world.operator.base_url if central else world.client.base_url
        origin = {"origin": str(host).rstrip("/"), "sec-fetch-site": "same-origin"}
        body = NeverComing(begin, b"x" * LARGE_BODY) if is_said else NeverComing(begin, *([b"x" * LARGE_BODY] * 20))
        async with (
            httpx.AsyncClient(transport=world.client._transport, base_url=host, headers=origin) as stranger,
            sending(stranger, world, target, body, headers) as answer,
        ):
            assert answer is not None, f"{target.path}: the rest of it is waited for"
            assert 300 <= answer.status_code < 500, target.path


async def test_one_large_body_of_a_person_waits_for_the_others_and_nobody_else_does(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "LARGE_PATIENCE", 0.05)
    target = Target("POST", "/c/{slug:str}/import")
    headers = {"content-type": TYPES[0]}
    async with AsyncExitStack() as stack:
        for _ in range(senders.LARGE_AT_ONCE):
            body = NeverComing(b"table=", b"x" * 2 * LARGE_BODY)
            answer = await stack.enter_async_context(sending(world.client, world, target, body, headers))
            assert answer is None
        one_more = sending(world.client, world, target, NeverComing(b"table=", b"x" * 2 * LARGE_BODY), headers)
        refused = await stack.enter_async_context(one_more)
        assert refused is not None
        assert (refused.status_code, "at once" in refused.text) == (429, True)
        small = await world.client.post(target.fill(world.values), data={"table": "Title"})
        assert small.status_code == 422
    large = await world.client.post(target.fill(world.values), data={"table": "Title\n" + "x" * LARGE_BODY})
    assert large.status_code in (200, 422), "as many as before may come again"


async def test_what_a_stranger_typed_into_a_long_form_is_shown_again_thirty_times_an_hour(world: World) -> None:
    path = Target("POST", "/c/{slug:str}/import").fill(world.values)
    long = "Cem anos de solidão " * (LARGE_BODY // 20)
    host = world.client.base_url
    origin = {"origin": str(host).rstrip("/"), "sec-fetch-site": "same-origin"}
    transport = httpx.ASGITransport(app=world.client._transport.app, client=("203.0.113.7", 1))  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url=host, headers=origin) as stranger:
        answers = [
            await stranger.post(path, data={"table": long, "for-member": "1"})
            for _ in range(senders.LONG_FORMS.amount + 1)
        ]
    assert [answer.status_code for answer in answers] == [401] * senders.LONG_FORMS.amount + [429]
    assert "Cem anos de solidão" in answers[0].text


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


async def test_no_transaction_is_open_while_a_table_is_parsed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is looked at, or done."""
    open_then: list[dict[object, int]] = []

    def note(text: str) -> ImportedText:
        open_then.append(dict(BEGUN))
        return parse_import(text)

    monkeypatch.setattr(imports, "parse_import", note)
    path = Target("POST", "/c/{slug:str}/import").fill(world.values)
    with test_statements.undoing():
        for more in ({}, {"seen": ""}):
            answer = await world.client.post(path, data={"table": "Title\nIracema", **more})
            assert answer.status_code in (200, 303)
    assert open_then == [{}, {}]
