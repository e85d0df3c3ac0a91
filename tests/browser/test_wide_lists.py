"""Lists of many columns, as one looks at them on a desk and on a phone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.conftest import Server

WORDS = ["Desfibrilador", "Internacionalização", "Otorrinolaringologia", "Rua das Laranjeiras", "Manutenção preventiva"]
KINDS = ["text", "whole_number", "date", "choice", "moment", "decimal"]
# The words that are broken in the middle: those of which not all letters are on one line.
BROKEN = """() => {
  const broken = [];
  const walker = document.createTreeWalker(document.querySelector('record-list table'), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (!node.parentElement.checkVisibility()) continue;
    for (const word of node.data.matchAll(/[^\\s-]+/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) broken.push(word[0]);
    }
  }
  return broken;
}"""
# The dates, numbers and moments that go over several lines.
SPLIT = """() => [...document.querySelectorAll('td:is(.numeric, .whole)')].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1;
}).map((cell) => cell.textContent)"""
PLACES = """() => {
  const box = (selector) => document.querySelector(selector).getBoundingClientRect();
  const list = document.querySelector('record-list');
  list.scrollTo(list.scrollWidth, list.scrollHeight);
  const [outer, head, first] = [box('record-list'), box('thead th:last-child'), box('tbody tr:last-child .title')];
  return {
    sideways: document.documentElement.scrollWidth - innerWidth,
    within: list.scrollWidth > list.clientWidth,
    head: Math.round(head.top - outer.top),
    first: Math.round(first.left - outer.left),
    last: Math.round(outer.right - head.right),
  };
}"""


async def make_wide(client: httpx.AsyncClient, name: str, columns: int, rows: int = 40) -> str:
    """Make a collection with so many columns, and records in it; its address."""
    made = await client.post("/collections/new", data={"name": name, "first": "Equipamento"})
    address = made.headers["location"].partition("/fields")[0].partition("?")[0]
    labels = ["Equipamento"]
    for number in range(1, columns):
        kind = KINDS[number % len(KINDS)]
        label = f"{WORDS[number % len(WORDS)]} {number}"
        data = {"label": label, "kind": kind, "choices": "Em uso\nAguardando conserto" if kind == "choice" else ""}
        added = await client.post(f"{address}/fields", data=data)
        assert added.status_code == 303, added.text
        labels.append(label)
    cells = {"text": "Manutenção preventiva", "whole_number": "12345", "date": "2024-05-17", "choice": "Em uso"}
    cells["moment"] = "2024-05-17 14:05"
    row = [cells.get(KINDS[number % len(KINDS)], "1.5") for number in range(1, columns)]
    lines = [",".join([f"{WORDS[at % len(WORDS)]} {at}", *row]) for at in range(rows)]
    data = {"table": "\n".join([",".join(labels), *lines]), "seen": ""}
    imported = await client.post(f"{address}/import", data=data)
    assert imported.status_code == 303, imported.text
    return address


async def look(page: Page, columns: int) -> dict[str, Any]:
    assert await page.locator("record-list thead th").count() == columns + 2
    assert await page.evaluate(BROKEN) == []
    assert await page.evaluate(SPLIT) == []
    places: dict[str, Any] = await page.evaluate(PLACES)
    return places


@pytest.mark.sqlite
@pytest.mark.parametrize("width", [1440, 390])
async def test_ten_columns_break_no_word_and_forty_scroll_within_their_table(
    shared_server: Server, person: Any, width: int
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": width, "height": 800})
    client = shared_server.let_in("acme", "ana@acme.test")
    for columns in (10, 40):
        address = await make_wide(client, f"Wide {columns} at {width}", columns)
        page = await ana.open(address)
        places = await look(page, columns)
        assert places["sideways"] <= 0, "the page itself does not scroll sideways"
        assert places["within"] == (columns == 40 or places["within"])
        assert places["head"] in (0, 1), "the head stays on top"
        assert places["first"] in (0, 1) or not places["within"], "the first column stays at the left"
    await client.aclose()


@pytest.mark.sqlite
async def test_numbers_are_at_the_right_below_their_heading(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    heading = page.get_by_role("columnheader", name="Year")
    assert await heading.evaluate("(each) => getComputedStyle(each).textAlign") == "end"
    year = page.locator("record-list tbody tr").first.locator("td.numeric").first
    assert await year.evaluate("(each) => getComputedStyle(each).textAlign") == "end"


@pytest.mark.sqlite
async def test_columns_are_chosen_without_scripts_and_rows_that_come_have_them(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    plain = await person(server, "acme", "carla@acme.test", java_script_enabled=False)
    list_page = await carla.open("/c/books?sort=f3")
    page = await plain.open("/c/books/columns", live=False)
    for label in ("Author", "ISBN", "Language"):
        await page.get_by_label(label, exact=True).uncheck()
    await page.get_by_label("Position of Status").fill("1")
    await page.get_by_role("button", name="Save").click()
    headings = list_page.locator("record-list thead th[scope=col]")
    await expect(headings).to_have_text(["Title", "Status", "Year"])  # the list that was open follows
    await ready(list_page)

    await ana.open("/c/books/new")
    await ana.page.get_by_label("Title").fill("Oldest of all")
    await ana.page.get_by_label("Year").fill("-3000")
    await ana.page.get_by_role("button", name="Save").click()
    await ana.page.wait_for_url("**/c/books/43")
    first = list_page.locator("record-list tbody tr").first
    await expect(first).to_contain_text("Oldest of all")
    assert await first.locator("td").count() == 5
    await assert_equals_a_fresh_load(list_page)

    await ana.open("/c/books/43/edit")
    await ana.page.get_by_label("Year").fill("3000")
    await ana.page.get_by_role("button", name="Save").click()
    last = list_page.locator("record-list tbody tr").filter(has_text="Oldest of all")
    await expect(last).to_contain_text("3000")
    await assert_equals_a_fresh_load(list_page)
