"""Tables in files: whichever way their letters are written, they come into the form as they were."""

from __future__ import annotations

import codecs
import html
import io
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from openpyxl import Workbook
from PIL import Image

from app.records.encodings import decode_text, why_no_table
from tests.conftest import Server

TABLE = "Título;Preço\r\nManutenção nº 1;1.234,56\r\nCoração “novo”;€ 3\r\n"
WRITTEN = {
    "UTF-8": TABLE.encode(),
    "UTF-8 with a mark": codecs.BOM_UTF8 + TABLE.encode(),
    "UTF-16 LE": TABLE.encode("utf-16-le"),
    "UTF-16 LE with a mark": codecs.BOM_UTF16_LE + TABLE.encode("utf-16-le"),
    "UTF-16 BE": TABLE.encode("utf-16-be"),
    "UTF-16 BE with a mark": codecs.BOM_UTF16_BE + TABLE.encode("utf-16-be"),
    "Windows-1252": TABLE.encode("cp1252"),
}


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        yield client


@pytest.mark.parametrize("name", WRITTEN)
def test_a_text_is_read_as_it_was_written(name: str) -> None:
    assert why_no_table(WRITTEN[name]) is None
    assert decode_text(WRITTEN[name]) == TABLE


@pytest.mark.parametrize("content", [b"", b"\x00", b"\xff\xfe", b"\xff\xfea", b"\x81\x00\xff", bytes(range(256))])
def test_what_is_no_text_is_no_error(content: bytes) -> None:
    decode_text(content)


@pytest.mark.parametrize("text", ["Título;Preço\nAção;1\nMaçã;2\n", "a;b\nc;d", "Título;Preço\n" + "Ação;1\n" * 500])
def test_a_zero_that_strayed_into_a_text_leaves_the_others_as_they_are(text: str) -> None:
    for place in (0, 1, 9, len(text)):
        strayed = text[:place] + "\0" + text[place:]
        assert why_no_table(strayed.encode()) is None
        assert decode_text(strayed.encode()) == strayed
    several = "\0".join(["Título;Preço\n" + "Ação;1\n" * 200] * 3)
    assert why_no_table(several.encode()) is None
    assert decode_text(several.encode()) == several


@pytest.mark.parametrize("text", [TABLE, "Название;Цена\nКнига;1\n", "日本語;値段\n本;1\n", "Ελλάδα;τιμή\n"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_the_zeros_of_utf_16_are_no_strays(text: str, encoding: str) -> None:
    assert decode_text(text.encode(encoding)) == text


@pytest.mark.parametrize("name", WRITTEN)
async def test_a_file_comes_into_the_form_without_scripts(ana: httpx.AsyncClient, name: str) -> None:
    answer = await ana.post("/c/books/import/file", files={"file": ("table.csv", WRITTEN[name], "text/csv")})
    assert answer.status_code == 200
    shown = answer.text.partition('id="field-table"')[2].partition(">")[2].partition("</textarea>")[0]
    assert html.unescape(shown).replace("\r\n", "\n") == TABLE.replace("\r\n", "\n")


def make_workbook() -> bytes:
    file = io.BytesIO()
    book = Workbook()
    book.active["A1"] = "Title"
    book.save(file)
    return file.getvalue()


def make_picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((60, 60), 80).convert("RGB").save(file, kind)
    return file.getvalue()


NO_TABLES = {
    "xlsx": (make_workbook(), "Save it there as CSV"),
    "xls": (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), "Save it there as CSV"),
    "png": (make_picture("PNG"), "This is not a table."),
    "jpeg": (make_picture("JPEG"), "This is not a table."),
    "tiff": (make_picture("TIFF"), "This is not a table."),
    "zip": (b"PK\x03\x04" + b"word/document.xml", "This is not a table."),
    "damaged png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10, "This is not a table."),
    "damaged jpg": (b"\xff\xd8\xff\xe0" + b"x" * 200, "This is not a table."),
    "empty csv": (b"", "This file is empty."),
    "mark alone csv": (codecs.BOM_UTF8, "This file is empty."),
    "mark of UTF-16 csv": (codecs.BOM_UTF16_LE + "\r\n".encode("utf-16-le"), "This file is empty."),
    "blank csv": (b"\r\n \t\r\n", "This file is empty."),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "This is not a table."),
    "program": (Path(sys.executable).resolve().read_bytes()[:100_000], "This is not a table."),
}


@pytest.mark.parametrize("name", NO_TABLES)
async def test_a_file_that_is_no_table_is_refused_by_what_it_is(ana: httpx.AsyncClient, name: str) -> None:
    content, said = NO_TABLES[name]
    answer = await ana.post("/c/books/import/file", files={"file": (f"table.{name.split()[-1]}", content)})
    assert answer.status_code == 422
    assert said in answer.text.partition('id="error-file"')[2].partition("</p>")[0]
    assert "Nothing you typed is lost" in answer.text


@given(
    st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff"), min_size=1
    ).filter(str.strip)
)
@example("日本語,\u2028\n")
@example("a\x0bb\x0c\x1c\x1d")
def test_no_text_is_taken_for_something_else(text: str) -> None:
    assert why_no_table(text.encode()) is None
    assert why_no_table(codecs.BOM_UTF16_LE + text.encode("utf-16-le")) is None


async def test_a_form_without_a_file_says_so(ana: httpx.AsyncClient) -> None:
    answer = await ana.post("/c/books/import/file", files={"file": ("", b"")})
    assert answer.status_code == 422
    assert "Choose a file first." in answer.text


async def test_a_long_table_is_written_in_parts_and_once_when_it_is_sent_again(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    made = await ana.post("/collections/new", data={"name": "Long", "first": "Tag"})
    slug = made.headers["location"].split("/")[2]
    table = "Tag\n" + "\n".join(f"T{number}" for number in range(2000))
    form = {"table": table, "seen": "", "form-key": "0123456789abcdef0123456789abcdef"}
    led_to = ""
    for attempt in range(3):
        if attempt == 2:  # as if the program had ended when all parts were written, and before it had answered
            shared_server.store.rows("DELETE FROM form_answer WHERE address = ?", led_to)
        done = await ana.post(f"/c/{slug}/import", data=form)
        told = "" if attempt == 2 else "&about=2000-0"  # what was written before is not counted anew
        assert (done.status_code, done.headers["location"]) == (303, f"/c/{slug}?done=imported{told}")
        led_to = done.headers["location"]
    counted = "SELECT count(*), count(DISTINCT r.number) FROM record r JOIN collection c ON c.id = r.collection_id"
    assert shared_server.store.rows(f"{counted} WHERE c.slug = ?", slug) == [(2000, 2000)]
    logged = "SELECT count(*) FROM audit_entry WHERE what = 'records.imported' AND subject = ?"
    assert shared_server.store.rows(logged, f"/c/{slug}") == [(1,)]


async def test_a_page_shows_the_first_of_many_lines_and_of_many_differences(server: Server) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        await ana.post("/collections/new", data={"name": "Wide", "first": "Title"})
        labels = [f"Note {number}" for number in range(12)]
        for label in labels:
            assert (await ana.post("/c/wide/fields", data={"kind": "text", "label": label})).status_code == 303
        head = ",".join(["#", "Title", *labels])
        first = "\n".join([head, *(f",T{number}" + ",a" * 12 for number in range(60))])
        planned = (await ana.post("/c/wide/import", data={"table": first})).text
        assert "And 10 more." in planned
        assert (await ana.post("/c/wide/import", data={"table": first, "seen": ""})).status_code == 303
        second = "\n".join([head, *(f"{number},T{number}" + ",b" * 12 for number in range(1, 61))])
        planned = (await ana.post("/c/wide/import", data={"table": second})).text
        assert planned.count('class="change"') == 50 * 8
        assert "And 10 more." in planned
        assert planned.count('<div class="muted">') == 50


@pytest.mark.sqlite  # whose triggers are one statement
async def test_an_import_that_is_interrupted_says_what_was_stored_and_gives_the_rest_back(server: Server) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        made = await ana.post("/collections/new", data={"name": "Cut", "first": "Tag"})
        slug = made.headers["location"].split("/")[2]
        table = "Tag\n" + "\n".join(f"T{number}" for number in range(600))
        # As if an admin had archived the collection while the second part was written.
        server.store.rows(
            "CREATE TRIGGER archive AFTER INSERT ON record WHEN new.number = 300 BEGIN "
            "UPDATE collection SET archived_at = '2026-01-01 00:00:00.000000' WHERE id = new.collection_id; END"
        )
        form = {"table": table, "seen": "", "form-key": "0123456789abcdef0123456789abcdef", "for-member": "1"}
        cut = await ana.post(f"/c/{slug}/import", data=form)
        assert cut.status_code == 403
        assert "The import was interrupted" in cut.text
        assert "Records saved before that: 400." in cut.text
        assert "Tag\nT400\nT401\n" in html.unescape(cut.text)
        assert "T399\n" not in html.unescape(cut.text)
        audited = "SELECT after FROM audit_entry WHERE what = 'records.imported'"
        assert server.store.rows(audited) == [("+400 ~0",)]
        server.store.rows("DROP TRIGGER archive")
        server.store.rows("UPDATE collection SET archived_at = NULL")
        assert (await ana.post(f"/c/{slug}/import", data=form)).status_code == 303
    counted = "SELECT count(*) FROM record WHERE collection_id = (SELECT max(id) FROM collection)"
    assert server.store.rows(counted) == [(600,)]
