"""Files of records: brought with a form or by a script, kept with the record and its revisions, fetched by who may."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import delete, select

from app.database import Database
from app.records.files import RecordFile, delete_unsaved
from app.records.records import Record
from tests.conftest import Server

People = dict[str, httpx.AsyncClient]
CALL = {"x-page": "1"}


@pytest.fixture
async def people(server: Server) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(server.let_in(slug, f"{name}@{slug}.test")))
            for name, slug in (("ana", "acme"), ("bruno", "acme"), ("gil", "globex"))
        }


def make_picture() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (40, 30), "teal").save(made, "PNG")
    return made.getvalue()


async def add_field(ana: httpx.AsyncClient) -> str:
    """Give the books a field of files; its ref."""
    return await add_field_called(ana, "Pictures")


async def add_field_called(ana: httpx.AsyncClient, label: str) -> str:
    """Give the books a field of files that is called so; its ref."""
    added = await ana.post("/c/books/fields", data={"label": label, "kind": "files"})
    assert added.status_code == 303, added.text
    return re.findall(r'id="field-(f\d+)"', (await ana.get("/c/books/new")).text)[-1]


async def bring(client: httpx.AsyncClient, ref: str, name: str = "cover.png", content: bytes = b"") -> str:
    """Bring a file as a script does; the line of the form."""
    files = {f"file-{ref}": (name, content or make_picture())}
    answer = await client.post(f"/c/books/files/{ref}", files=files, headers=CALL)
    assert answer.status_code == 200, answer.text
    return re.findall(rf'name="{ref}" value="([^"]+)"', answer.text)[0]


async def test_files_are_kept_with_the_record_and_its_revisions_and_fetched_by_the_workspace(people: People) -> None:
    ana, bruno = people["ana"], people["bruno"]
    ref = await add_field(ana)
    cover, notes = await bring(ana, ref), await bring(ana, ref, "notes.txt", b"some notes")
    address = f"/record-files/{cover.split()[0]}"
    assert (await ana.get(address)).status_code == 200
    assert (await bruno.get(address)).status_code == 404  # nobody else's before it is saved
    added = await ana.post("/c/books/new", data={"f1": "Iracema", ref: [cover, notes, ""]})
    assert added.headers["location"] == "/c/books/43", added.text
    assert (await bruno.get(address)).headers["content-type"] == "image/png"
    assert (await bruno.get(f"{address}/preview")).headers["content-type"] == "image/webp"
    assert (await people["gil"].get(address)).status_code == 404
    for path in ("/c/books/43", "/c/books"):
        page = (await bruno.get(path)).text
        assert f'src="{address}/preview" alt="cover.png"' in page
        assert ">notes.txt</a>" in page
    assert "Iracema" in (await bruno.get("/c/books?q=notes.txt")).text
    saved = await ana.post("/c/books/43/edit", data={"f1": "Iracema", "version": "1", ref: [notes, ""]})
    assert saved.headers["location"] == "/c/books/43?done=saved"
    assert (await bruno.get(address)).status_code == 200  # a revision has it
    back = await bruno.post("/c/books/43/revisions/1/restore", data={"version": "2"})
    assert back.headers["location"] == "/c/books/43?done=reverted"
    assert f"{address}/preview" in (await bruno.get("/c/books/43")).text


async def test_a_file_of_another_is_refused_and_the_name_is_the_one_it_came_with(people: People) -> None:
    ana, bruno = people["ana"], people["bruno"]
    ref = await add_field(ana)
    line = await bring(ana, ref)
    refused = await bruno.post("/c/books/new", data={"f1": "A", ref: line})
    assert refused.status_code == 422
    assert "A file is no longer available." in refused.text
    added = await ana.post("/c/books/new", data={"f1": "A", ref: line.replace("cover", "forged")})
    assert "forged" not in (await ana.get(added.headers["location"])).text
    refused = await ana.post("/c/books/new", data={"f1": "A", ref: line})  # it is of the other record
    assert refused.status_code == 422


async def test_without_scripts_a_file_comes_with_the_whole_form_and_nothing_typed_is_lost(people: People) -> None:
    ana = people["ana"]
    ref = await add_field(ana)
    files: Any = {f"file-{ref}": ("cover.png", make_picture())}
    typed = {"f1": "Iracema", "f7": "Two\r\nlines " * 9000, "form-key": "k" * 22, "draft-version": "0", ref: ""}
    again = await ana.post(f"/c/books/files/{ref}", data=typed, files=files)
    assert again.status_code == 200, again.text
    assert 'value="Iracema"' in again.text
    assert again.text.count("lines") > 8000
    line = re.findall(rf'name="{ref}" value="([^"]+p cover.png)" checked', again.text)[0]
    edit = (await ana.get("/c/books/3/edit")).text
    token = re.findall(r'name="lock-token" value="([^"]+)"', edit)[0]
    typed = {"f1": "Typed", "version": "1", "lock-token": token, ref: line}
    again = await ana.post(f"/c/books/files/{ref}?number=3", data=typed, files={f"file-{ref}": ("b.txt", b"b")})
    assert 'value="Typed"' in again.text
    assert again.text.count(f'name="{ref}" value="') == 3  # both, and the one that says that there is a field
    assert token in again.text


async def test_without_scripts_saving_says_which_chosen_files_were_not_sent_and_keeps_what_was_typed(
    people: People,
) -> None:
    ana = people["ana"]
    ref = await add_field(ana)
    # A form that is not multipart has the names of chosen files; of a field without one, an empty name.
    chosen = {f"file-{ref}": ["cover.png", "back.png"], ref: ""}
    page = await ana.post("/c/books/new", data={"f1": "Iracema", "f3": "x", "draft-version": "0", **chosen})
    assert page.status_code == 422
    assert "Not uploaded: cover.png, back.png." in page.text
    assert 'value="Iracema"' in page.text
    assert {"error-f3", f"error-{ref}"} <= set(re.findall("error-f[0-9]+", page.text)), "the year is wrong, too"
    edit = (await ana.get("/c/books/3/edit")).text
    token = re.findall(r'name="lock-token" value="([^"]+)"', edit)[0]
    typed = {"f1": "Typed", "version": "1", "lock-token": token}
    page = await ana.post("/c/books/3/edit", data={**typed, **chosen})
    assert page.status_code == 422
    assert "Not uploaded" in page.text
    assert 'value="Typed"' in page.text
    saved = await ana.post("/c/books/3/edit", data={**typed, f"file-{ref}": "", ref: ""})
    assert saved.headers["location"] == "/c/books/3?done=saved", "nothing was chosen"


async def test_without_scripts_files_of_all_fields_are_brought_at_once(people: People) -> None:
    ana = people["ana"]
    one, other = await add_field(ana), await add_field_called(ana, "Papers")
    files: Any = {f"file-{one}": ("cover.png", make_picture()), f"file-{other}": ("b.txt", b"b")}
    again = await ana.post(f"/c/books/files/{one}", data={"f1": "Iracema", "draft-version": "0"}, files=files)
    assert again.status_code == 200, again.text
    assert re.search(rf'name="{one}" value="[0-9]+ p cover.png" checked', again.text)
    assert re.search(rf'name="{other}" value="[0-9]+ f b.txt" checked', again.text)


async def test_too_many_and_typed_files_are_refused_with_the_count(people: People) -> None:
    ref = await add_field(people["ana"])
    lines = [f"{number} f a.txt" for number in range(1, 12)]
    refused = await people["ana"].post("/c/books/new", data={"f1": "A", ref: lines})
    assert "At most 10 files; this has 11." in refused.text
    refused = await people["ana"].post("/c/books/new", data={"f1": "A", ref: "cover.png"})
    assert "Files are uploaded" in refused.text


async def test_files_go_with_a_record_that_is_gone_for_good_and_not_before(database: Database) -> None:
    async with database.write(1) as transaction:
        record = await transaction.scalar(select(Record).order_by(Record.id).limit(1))
        file = {"collection_id": record.collection_id, "member_id": 1, "name": "a", "size": 1, "preview": False}
        file |= {"media_type": "text/plain", "key": "c" * 32}
        transaction.add(RecordFile(**file, record_id=record.id))
        await transaction.flush()
        assert await delete_unsaved(transaction, 10) == []
        await transaction.execute(delete(Record).where(Record.id == record.id))
        assert await delete_unsaved(transaction, 10) == ["c" * 32]


async def test_a_file_is_not_given_to_all_records_that_lack_one(people: People) -> None:
    ref = await add_field(people["ana"])
    cover = await bring(people["ana"], ref)
    filled = await people["ana"].post(f"/c/books/fields/{ref}/fill", data={ref: cover})
    assert filled.status_code == 422
    for number in (1, 42):
        assert "cover.png" not in (await people["ana"].get(f"/c/books/{number}")).text


async def test_a_file_of_a_removed_field_is_fetched_by_nobody_until_that_is_restored(people: People) -> None:
    ana, bruno = people["ana"], people["bruno"]
    ref = await add_field(ana)
    old, new = await bring(ana, ref, "old.txt", b"old"), await bring(ana, ref, "new.txt", b"new")
    added = await ana.post("/c/books/new", data={"f1": "Iracema", ref: [old, ""]})
    address = added.headers["location"]
    await ana.post(f"{address}/edit", data={"f1": "Iracema", "version": "1", ref: [new, ""]})
    paths = [f"/record-files/{line.split()[0]}" for line in (old, new)]

    async def statuses() -> list[int]:
        return [(await bruno.get(path)).status_code for path in paths]

    assert await statuses() == [200, 200], "one in a revision, one now"
    await ana.post(f"/c/books/fields/{ref}", data={"action": "remove"})
    assert await statuses() == [404, 404]
    await ana.post(f"/c/books/fields/{ref}/restore")
    assert await statuses() == [200, 200]
    changed = await ana.post(f"/c/books/fields/{ref}/kind", data={"kind": "text"})
    assert changed.status_code == 303, changed.text
    assert await statuses() == [200, 200], "which the history shows"
