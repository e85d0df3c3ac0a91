"""A table in a file is read on the page, whichever way its letters are written."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.conftest import Server
from tests.records.test_imported_files import NO_TABLES

TABLE = "Title,Author\nCoração nº 1,José “Zé”\n"


@pytest.mark.sqlite
async def test_a_chosen_file_comes_into_the_form_as_it_was_written(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/import")
    await expect(page.get_by_role("button", name="Show below")).to_be_hidden()
    table = page.get_by_label("Table", exact=True)
    for content in (
        TABLE.encode(),
        codecs.BOM_UTF8 + TABLE.encode(),
        TABLE.encode("utf-16-le"),
        codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le"),
        TABLE.encode("utf-16-be"),
        codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"),
        TABLE.encode("cp1252"),
        TABLE.replace("nº", "n\0º").encode(),
    ):
        await table.fill("")
        file: Any = {"name": "table.csv", "mimeType": "text/csv", "buffer": content}
        await page.get_by_label("Choose a CSV file").set_input_files(file)
        await expect(table).to_have_value(TABLE)
        assert await table.evaluate("table => table.selectionStart") == 0, "one sees the names of the fields"


@pytest.mark.sqlite
async def test_a_file_that_is_no_table_leaves_the_form_as_it_is(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/import")
    table, chosen = page.get_by_label("Table", exact=True), page.get_by_label("Choose a CSV file")
    await table.fill("Title\nTyped\n")
    refusal = page.locator("#error-file")
    for name in NO_TABLES:
        content, said = NO_TABLES[name]
        file: Any = {"name": f"table.{name}", "mimeType": "application/octet-stream", "buffer": content}
        await chosen.set_input_files(file)
        await expect(refusal).to_contain_text(said)
        await expect(table).to_have_value("Title\nTyped\n")
    await chosen.set_input_files({"name": "t.csv", "mimeType": "text/csv", "buffer": TABLE.encode()})
    await expect(table).to_have_value(TABLE)
    await expect(refusal).to_be_hidden()


@pytest.mark.sqlite
async def test_a_file_that_is_gone_by_the_time_it_is_read_is_said_to_be(
    shared_server: Server, person: Any, tmp_path: Path
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/import")
    table, chosen = page.get_by_label("Table", exact=True), page.get_by_label("Choose a CSV file")
    file = tmp_path / "table.csv"
    file.write_text(TABLE)
    await chosen.set_input_files(file)
    await expect(table).to_have_value(TABLE)
    file.unlink()
    await chosen.dispatch_event("change")
    await expect(page.get_by_role("alert")).to_have_text(
        "This file can't be read. Check that it is still there, then choose it again."
    )
    await expect(table).to_have_value(TABLE)
