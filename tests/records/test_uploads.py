"""Keys of the uploads of records' files: what comes again is the file that is there, for its own member alone."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from tests.conftest import Server
from tests.records.test_files import CALL, add_field


@pytest.fixture
async def ana(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        yield client


async def bring(
    client: httpx.AsyncClient, address: str, upload: str, *, content: bytes = b"words", status: int = 200
) -> str:
    """Bring a file with the key of an upload, as a script does; what is answered."""
    answer = await client.post(address, files={"file": ("plan.txt", content)}, data={"upload": upload}, headers=CALL)
    assert answer.status_code == status, answer.text
    return answer.text


def on_disk(server: Server) -> int:
    return len([path for path in (server.data_dir / "files").rglob("*") if path.is_file()])


async def test_an_upload_for_a_record_that_comes_again_is_the_file_that_is_there_with_the_same_answer(
    server: Server, ana: httpx.AsyncClient
) -> None:
    ref = await add_field(ana)
    for upload, query in (("for a new one", ""), ("for an edited one", "?number=3")):
        before = on_disk(server)
        address = f"/c/books/files/{ref}{query}"
        first = await bring(ana, address, upload)
        assert "plan.txt" in first
        assert await bring(ana, address, upload) == first
        assert on_disk(server) == before + 1
    damaged = b"\x89PNG\r\n\x1a\n but not really"
    refused = await bring(ana, f"/c/books/files/{ref}", "damaged", content=damaged, status=422)
    assert await bring(ana, f"/c/books/files/{ref}", "damaged", content=damaged, status=422) == refused
    await bring(ana, f"/c/books/files/{ref}", "x" * 41, status=422)
    assert on_disk(server) == 2


async def test_an_upload_that_was_saved_with_a_record_is_of_no_other(server: Server, ana: httpx.AsyncClient) -> None:
    ref = await add_field(ana)
    address = f"/c/books/files/{ref}"
    (line,) = re.findall(rf'name="{ref}" value="([^"]+)"', await bring(ana, address, "once"))
    added = await ana.post("/c/books/new", data={"f1": "Iracema", ref: line})
    assert added.status_code == 303, added.text
    assert "already saved" in await bring(ana, address, "once", status=422)
    assert on_disk(server) == 1


async def test_an_upload_for_one_collection_is_none_of_another(server: Server, ana: httpx.AsyncClient) -> None:
    await bring(ana, f"/c/books/files/{await add_field(ana)}", "once")
    made = await ana.post("/collections/new", data={"name": "Maps", "first": "Title"})
    assert made.status_code == 303, made.text
    added = await ana.post("/c/maps/fields", data={"label": "Scans", "kind": "files"})
    assert added.status_code == 303, added.text
    ref = re.findall(r'id="field-(f\d+)"', (await ana.get("/c/maps/new")).text)[-1]
    assert "out of date" in await bring(ana, f"/c/maps/files/{ref}", "once", status=422)


async def test_the_key_of_an_upload_tells_nobody_else_of_it(server: Server, ana: httpx.AsyncClient) -> None:
    ref = await add_field(ana)
    mine = await bring(ana, f"/c/books/files/{ref}", "once", content=b"mine")
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno:
        theirs = await bring(bruno, f"/c/books/files/{ref}", "once", content=b"theirs")
        (number,) = re.findall(r'value="(\d+) f plan', theirs)
        assert theirs != mine
        assert (await bruno.get(f"/record-files/{number}")).content == b"theirs"
    async with aclosing(server.let_in("globex", "gil@globex.test")) as gil:
        slug = re.findall(r'href="/c/([\w-]+)"', (await gil.get("/")).text)[0]
        await gil.post(f"/c/{slug}/fields", data={"label": "Pictures", "kind": "files"})
        theirs = re.findall(r'id="field-(f\d+)"', (await gil.get(f"/c/{slug}/new")).text)[-1]
        brought = await bring(gil, f"/c/{slug}/files/{theirs}", "once", content=b"of globex")
        (number,) = re.findall(r'value="(\d+) f plan', brought)
        assert (await gil.get(f"/record-files/{number}")).content == b"of globex"
    assert on_disk(server) == 3
