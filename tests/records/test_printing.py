"""All rows of a list on one page, to be printed."""

from __future__ import annotations

import re
from contextlib import aclosing

import httpx
import pytest

from app.records.pages.printing import MOST_PRINTED
from tests.conftest import Server


def read_rows(page: str) -> list[list[str]]:
    """The cells of the rows that a page has."""
    body = page.partition("<tbody")[2].partition("</tbody>")[0]
    rows = re.findall(r"<tr\b.*?</tr>", body, re.DOTALL)
    return [
        [re.sub("<[^>]*>", "", cell).strip() for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)] for row in rows
    ]


async def add_notes(ana: httpx.AsyncClient, count: int) -> str:
    """A collection of so many records; its address."""
    made = await ana.post("/collections/new", data={"name": "Notes", "first": "Name"})
    address = made.headers["location"].partition("/fields")[0]
    for field in ({"label": "Size", "kind": "whole_number"}, {"label": "Seen", "kind": "moment"}):
        assert (await ana.post(f"{address}/fields", data=field)).status_code == 303
    for begin in range(0, count, 1500):
        lines = [f"Note {at},{at % 7},2024-05-17 14:05" for at in range(begin, min(count, begin + 1500))]
        data = {"table": "\n".join(["Name,Size,Seen", *lines]), "seen": ""}
        assert (await ana.post(f"{address}/import", data=data)).status_code == 303
    return address


async def test_a_list_is_printed_with_all_its_rows_under_its_search_and_in_its_order(ana: httpx.AsyncClient) -> None:
    listed = (await ana.get("/c/books?q=machado&sort=title")).text
    link = re.findall(r'href="(/c/books/print[^"]*)"', listed)[0].replace("&amp;", "&")
    page = await ana.get(link)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    names = re.findall(r'<a id="name-\d+"[^>]*>(.*?)</a>', listed)
    assert [cells[1] for cells in read_rows(page.text)] == names
    assert "Search: machado" in page.text
    exported = (await ana.get("/c/books/export.json")).json()["records"]
    rows = read_rows((await ana.get("/c/books/print")).text)
    assert [int(cells[0]) for cells in rows] == [record["number"] for record in exported]
    assert "Nothing found" in (await ana.get("/c/books/print?q=nowhere")).text


async def test_it_has_the_columns_that_its_reader_has_chosen_and_times_in_their_zone(
    ana: httpx.AsyncClient, server: Server
) -> None:
    address = await add_notes(ana, 3)
    lives = "UPDATE member SET time_zone = 'America/Sao_Paulo', time_zone_known = true WHERE email = 'ana@acme.test'"
    server.store.rows(lives)
    rows = read_rows((await ana.get(f"{address}/print")).text)
    assert rows[0] == ["3", "Note 2", "2", "May 17, 2024, 11:05 AM".replace(" AM", "\u202fAM")]
    refs = re.findall(rf'href="{address}/fields/(f\d+)#', (await ana.get(f"{address}/fields")).text)
    await ana.post(f"{address}/columns", data={"column": refs[2], "action": "save", f"place-{refs[2]}": "1"})
    chosen = read_rows((await ana.get(address)).text)[0]
    rows = read_rows((await ana.get(f"{address}/print")).text)
    assert len(rows[0]) == len(chosen) - 1 == 3, "the tick is left out"


@pytest.mark.sqlite
async def test_of_a_longer_list_the_first_rows_are_printed_and_it_says_so(ana: httpx.AsyncClient) -> None:
    address = await add_notes(ana, MOST_PRINTED + 10)
    page = (await ana.get(f"{address}/print?sort=number")).text
    assert [int(cells[0]) for cells in read_rows(page)] == list(range(1, MOST_PRINTED + 1))
    assert f"Only the first {MOST_PRINTED:,} are here." in page
    assert f"{MOST_PRINTED + 10:,} records" in page
    assert page.rstrip().endswith("</html>")
    found = (await ana.get(f"{address}/print?q=2001")).text
    assert "Only the first" not in found
    assert len(read_rows(found)) == 1


async def test_who_may_not_browse_a_collection_prints_none(ana: httpx.AsyncClient, server: Server) -> None:
    rights = {f"{role}-{verb}": "yes" for role in ("viewer", "member") for verb in ("browse", "read")}
    del rights["member-browse"]
    saved = await ana.post("/c/books/permissions", data=rights)
    assert saved.status_code == 303, saved.text
    async with aclosing(server.let_in("acme", "davi@acme.test")) as davi:
        assert (await davi.get("/c/books/print")).status_code in (403, 404)
    async with aclosing(server.let_in("globex", "gil@globex.test")) as gil:
        assert "Machado" not in (await gil.get("/c/books/print")).text
