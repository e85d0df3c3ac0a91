"""Records and lists on paper."""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.test_wide_lists import BROKEN, make_wide
from tests.conftest import Server

# What is between the margins of a sheet of A4, in the pixels of a page.
WIDTH, HEIGHT = 688, 1017
# The cells, and the words in them, that go over the edge of the paper.
CUT = """() => [...document.querySelectorAll('record-list :is(th, td)')].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return cell.checkVisibility() && [cell, range].some((each) => each.getBoundingClientRect().right > innerWidth + 1);
}).map((cell) => cell.textContent.trim())"""
# How many cells the second record has, in how many lines, and whether each says what it is of: by the head above it, or
# where some go on below by itself.
PLACED = """() => {
  const seen = (row) => [...document.querySelectorAll(`${row} > *`)].filter((cell) => cell.checkVisibility());
  const [heads, cells] = [seen('thead tr'), seen('tbody tr:nth-child(2)')];
  const left = (each) => each.getBoundingClientRect().left;
  const names = [...document.querySelectorAll('thead th:not(.tick)')].map((head) => head.textContent.trim());
  const says = (cell, at) => getComputedStyle(cell, '::before').content === `"${names[at]}"`;
  return [
    cells.length,
    new Set(cells.map((cell) => Math.round(cell.getBoundingClientRect().top))).size,
    heads.length === cells.length && heads.every((head, at) => Math.abs(left(head) - left(cells[at])) < 1),
    heads.length === 0 && cells.slice(2).every((cell, at) => says(cell, at + 2)),
  ];
}"""


@pytest.mark.sqlite
async def test_all_columns_of_a_list_are_on_paper_and_what_does_not_fit_stands_below(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": WIDTH, "height": HEIGHT})
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        for columns in (6, 7, 40):
            address = await make_wide(client, f"Printed {columns}", columns, rows=120)
            columns += 1
            added = await client.post(f"{address}/fields", data={"label": "Manual", "kind": "link"})
            assert added.status_code == 303, added.text
            link = "https://example.org/" + "a-long-way-to-go/" * 12
            data = {"table": f"#,Manual\n119,{link}", "seen": "119:1"}
            assert (await client.post(f"{address}/import", data=data)).status_code == 303
            page = await ana.open(address)
            await page.emulate_media(media="print")
            assert await page.evaluate(CUT) == []
            cells, lines, below_heads, labelled = await page.evaluate(PLACED)
            assert cells == columns + 1, "the number, and all columns"
            assert (lines > 1, below_heads, labelled) == (columns > 7, columns <= 7, columns > 7)
            assert "Page 1 of 3: 1 to 50 of 120" in await page.locator("main").inner_text()


@pytest.mark.sqlite
async def test_a_record_that_is_longer_than_a_sheet_begins_below_its_title(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": WIDTH, "height": HEIGHT})
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        address = await make_wide(client, "Long on paper", 20, rows=1)
        await client.post(f"{address}/fields", data={"label": "Report", "kind": "long_text"})
        refs = re.findall(r'has-fields" value="([^"]*)"', (await client.get(f"{address}/new")).text)[0].split()
        report = "\n\n".join(["Words and words and words"] * 60)
        added = await client.post(f"{address}/new", data={refs[0]: "Long", refs[2]: "2024-05-17", refs[-1]: report})
        assert added.status_code == 303, added.text
    page = await ana.open(f"{address}/2")
    await page.emulate_media(media="print")
    # Only the sheets that the report begins and ends on may be half empty.
    filled = await page.evaluate("document.querySelector('dl.fields').scrollHeight") / HEIGHT
    sheets = (await page.pdf(format="A4")).count(b"/Type /Page\n")
    assert filled < sheets < filled + 1.5


# What is cut within a cell, or not shown to its end.
SHORTENED = """() => [...document.querySelectorAll('record-list :is(td, th) *')].filter(
  (each) => getComputedStyle(each).overflowX !== 'visible' && each.scrollWidth > each.clientWidth + 1,
).map((each) => each.textContent.trim())"""


@pytest.mark.sqlite
@pytest.mark.parametrize("columns", [2, 12])
async def test_names_of_people_are_whole_on_paper(server: Server, person: Any, columns: int) -> None:
    name = "Ana Conceição do Nascimento de Albuquerque e Vasconcelos"
    server.store.rows("UPDATE member SET name = ? WHERE email = 'ana@acme.test' AND tenant_id = 1", name)
    ana = await person(server, "acme", "ana@acme.test", viewport={"width": WIDTH, "height": HEIGHT})
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        address = await make_wide(client, "Of people", columns, rows=1)
        await client.post(f"{address}/fields", data={"label": "Whose", "kind": "person"})
        refs = re.findall(r'has-fields" value="([^"]*)"', (await client.get(f"{address}/new")).text)[0].split()
        added = await client.post(f"{address}/new", data={refs[0]: "Whole", refs[-1]: "#1"})
        assert added.status_code == 303, added.text
    page = await ana.open(address)
    await page.emulate_media(media="print")
    assert await page.evaluate(SHORTENED) == []
    assert await page.evaluate(CUT) == []


@pytest.mark.sqlite
async def test_all_rows_of_a_list_are_printed_by_the_button_with_its_head_on_each_sheet(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        address = await make_wide(client, "Printed whole", 7, rows=120)
        wider = await make_wide(client, "Printed whole and wide", 8, rows=3)
    page = await ana.open(address)
    await page.get_by_label("More", exact=True).click()
    await page.get_by_role("link", name="Print", exact=True).click()
    await expect(page.locator(".printed tbody tr")).to_have_count(120)
    await page.evaluate("window.print = () => { document.documentElement.dataset.printed = 'yes'; }")
    await page.get_by_role("button", name="Print").click()
    await expect(page.locator("html")).to_have_attribute("data-printed", "yes")
    await page.emulate_media(media="print")
    for chrome in (".bar", ".side", ".breadcrumb", "print-page"):
        assert not await page.locator(chrome).first.is_visible(), chrome
    style = "getComputedStyle(document.querySelector('.printed thead')).display"
    assert await page.evaluate(style) == "table-header-group"
    assert await page.locator(".printed td.hide").first.is_visible()
    await page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    assert await page.evaluate(CUT.replace("record-list", ".printed")) == []
    await page.goto(page.url.replace(address, wider))
    assert await page.evaluate(style) == "none", "what does not fit stands below, and each cell says what it is of"
    label = "getComputedStyle(document.querySelector('.printed td:nth-child(3)'), '::before').content"
    assert await page.evaluate(label) == '"Internacionalização 1"'
    assert await page.evaluate(CUT.replace("record-list", ".printed")) == []
    await page.emulate_media(media="screen")
    await page.set_viewport_size({"width": 390, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.sqlite
async def test_no_word_is_broken_on_paper_however_many_columns_there_are(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": WIDTH, "height": HEIGHT})
    long = [
        "Otorrinolaringologicamente",
        "Eletroencefalograficamente prescrito",
        "pneumoultramicroscopicossilicovulcanoconiótico",
    ]
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        address = await make_wide(client, "Of long words", 40, rows=1)
        refs = re.findall(r'has-fields" value="([^"]*)"', (await client.get(f"{address}/new")).text)[0].split()
        said = dict(zip([refs[0], refs[6], refs[12]], long, strict=True))
        assert (await client.post(f"{address}/new", data=said)).status_code == 303
    for path, within in ((address, "record-list"), (f"{address}/print", ".printed")):
        page = await ana.open(path)
        await page.emulate_media(media="print")
        assert long[2] in await page.locator("main").inner_text()
        assert await page.evaluate(BROKEN.replace("record-list", within)) == []
        assert await page.evaluate(CUT.replace("record-list", within)) == []
        await page.emulate_media(media="screen")


# The lines of addresses that do not end after one of the marks in them.
BROKEN_ADDRESSES = """() => [...document.querySelectorAll('td.address a')].flatMap((link) => {
  const lines = [];
  let top = null;
  for (const text of [...link.childNodes].filter((each) => each.nodeType === Node.TEXT_NODE)) {
    for (let at = 0; at < text.data.length; at += 1) {
      const range = document.createRange();
      range.setStart(text, at);
      range.setEnd(text, at + 1);
      const box = range.getBoundingClientRect();
      if (top === null || box.top > top + 3) lines.push('');
      top = box.top;
      lines[lines.length - 1] += text.data[at];
    }
  }
  return lines.slice(0, -1).filter((line) => !/[@._\\/?&=-]$/.test(line));
})"""


@pytest.mark.sqlite
@pytest.mark.parametrize("columns", [1, 4, 5])
async def test_addresses_are_whole_on_paper_or_broken_after_a_mark(
    shared_server: Server, person: Any, columns: int
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": WIDTH, "height": HEIGHT})
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        address = await make_wide(client, f"With addresses {columns}", columns, rows=1)
        for kind in ("email", "link"):
            await client.post(f"{address}/fields", data={"label": kind, "kind": kind})
        refs = re.findall(r'has-fields" value="([^"]*)"', (await client.get(f"{address}/new")).text)[0].split()
        link = "https://example.org/equipment/manuals/2024/defibrillator-of-the-first-floor.pdf?language=pt&page=2"
        said = {refs[0]: "Whole", refs[-2]: "maria.souza@clinica.example.br", refs[-1]: link}
        added = await client.post(f"{address}/new", data=said)
        assert added.status_code == 303, added.text
    for path in (address, f"{address}/print"):
        page = await ana.open(path)
        assert said[refs[-2]] in str(await page.locator("main").text_content())
        await page.emulate_media(media="print")
        assert await page.evaluate(BROKEN_ADDRESSES) == []
        assert await page.evaluate(CUT.replace("record-list", ".records")) == []
        email = await page.locator("td.address a").first.bounding_box()
        assert email
        assert columns > 1 or email["height"] < 20, "there is room for all of it"
        await page.emulate_media(media="screen")


@pytest.mark.sqlite
async def test_all_messages_of_a_room_that_are_shown_are_on_paper_without_the_box(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": WIDTH, "height": HEIGHT})
    page = await ana.open("/chat/new")
    await page.get_by_label("Name").fill("On paper")
    await page.get_by_role("button", name="Create room").click()
    box = page.get_by_label("Message", exact=True)
    lines = "\n\n".join(f"Line {number}" for number in range(90))
    await box.fill(lines)
    await box.press("Enter")
    await expect(page.locator(".message")).to_contain_text("Line 89")
    assert (await page.pdf(format="A4")).count(b"/Type /Page\n") > 1
    await page.emulate_media(media="print")
    await expect(page.get_by_role("heading", name="On paper")).to_be_visible()
    await expect(page.locator(".composer, .bar, .side").locator("visible=true")).to_have_count(0)
