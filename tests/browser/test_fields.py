"""The page of a collection's fields: dragged and moved into order, with what the chosen kind has, seen by others."""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.pages import ready
from tests.conftest import Server

FIELDS = "/c/books/fields"

# How often the page was told to fetch itself anew, from here on.
COUNT_REFRESH_MARKS = """() => {
  window.marks = 0;
  const count = () => { window.marks += document.querySelectorAll("[data-refresh]").length; };
  document.addEventListener("htmx:after:swap", count, true);
}"""


async def labels_of(page: Page) -> list[str]:
    return await page.locator(".fields-list b").all_inner_texts()


async def drag(page: Page, label: str, before: str) -> None:
    """Drag a field to the place before another one."""
    await expect(page.locator("field-order.draggable")).to_be_visible()
    handle = page.locator(".fields-list li", has_text=label).locator(".handle")
    aim = page.locator(".fields-list li", has_text=before)
    await aim.hover(trial=True)  # which waits until what was dragged before lies still
    await handle.hover()
    start, end = await handle.bounding_box(), await aim.bounding_box()
    assert start
    assert end
    await page.mouse.down()
    await page.mouse.move(start["x"] + 8, end["y"] + 30, steps=5)
    await page.mouse.move(start["x"] + 8, end["y"] + 4, steps=5)
    await page.mouse.up()


async def test_who_drags_a_field_over_another_order_sees_both_and_keeps_what_they_typed(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await ana.page.emulate_media(reduced_motion="reduce")  # a field that still moves is not where the mouse goes
    page = await ana.open(FIELDS)
    await page.locator("#field-label").fill("Typed for a new field")
    status = str(await page.locator(".fields-list li", has_text="Status").get_attribute("data-address"))
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        assert (await client.post(status, data={"to-place": "1"})).status_code == 303
    await expect(page.locator("#stale")).to_contain_text("This page has changed.")
    await drag(page, "ISBN", "Author")
    await expect(page.locator("#order-changed")).to_contain_text("Moved in the meantime: Status.")
    assert (await labels_of(page))[1] == "Status"
    await expect(page.locator("#field-label")).to_have_value("Typed for a new field")
    await page.get_by_role("button", name="Move ISBN anyway").click()
    await expect(page.locator("#order-changed")).to_have_count(0)
    await expect(page.locator(".fields-list b").nth(1)).to_have_text("ISBN")
    assert (await labels_of(page))[:3] == ["Title", "ISBN", "Status"]
    for label, before in (("Year", "Author"), ("Notes", "Year")):  # one after the other at once
        async with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            await drag(page, label, before)
        assert (await answer.value).status == 204
    await page.reload()
    await expect(page.locator(".fields-list b").nth(3)).to_have_text("Notes")
    assert (await labels_of(page))[:5] == ["Title", "ISBN", "Status", "Notes", "Year"]


async def test_fields_are_dragged_into_another_order_and_moved_by_buttons(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    bruno = await person(server, "acme", "bruno@acme.test")
    page = await ana.open(FIELDS)
    other = await bruno.open("/c/books")
    await drag(page, "ISBN", "Author")
    await expect(page.locator(".fields-list b").nth(1)).to_have_text("ISBN")
    await expect(other.locator("thead th").filter(has_text=re.compile("ISBN|Author")).first).to_have_text("ISBN")
    assert await labels_of(page) == ["Title", "ISBN", "Author", "Year", "Language", "Status", "Notes"]
    await page.get_by_role("button", name="Move Status up").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".fields-list b").nth(4)).to_have_text("Status")
    await page.reload()
    assert await labels_of(page) == ["Title", "ISBN", "Author", "Year", "Status", "Language", "Notes"]
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        address = await page.locator(".fields-list li").nth(4).get_attribute("data-address")
        for _ in range(2):  # as when the first answer was lost
            assert (await client.post(str(address), data={"to-place": "3"})).status_code == 303
    await page.reload()
    assert await labels_of(page) == ["Title", "ISBN", "Author", "Status", "Year", "Language", "Notes"]


async def test_who_moves_a_field_by_keyboard_stays_with_it(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", viewport={"width": 700, "height": 260})
    page = await ana.open(FIELDS)
    up = page.get_by_role("button", name="Move Language up")
    down = page.get_by_role("button", name="Move Language down")
    await up.focus()
    top = await page.evaluate("scrollY")
    assert top > 0, "the page is scrolled to it"
    for place in (3, 2, 1):
        await page.keyboard.press("Enter")
        await expect(page.locator(".fields-list b").nth(place)).to_have_text("Language")
        await expect(up).to_be_focused()
        await expect(up).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.locator(".fields-list b").first).to_have_text("Language")
    await expect(up).to_be_disabled()
    await expect(down).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".fields-list b").nth(1)).to_have_text("Language")
    await expect(down).to_be_focused()


async def test_who_is_refused_a_move_by_keyboard_is_led_to_why(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", viewport={"width": 390, "height": 480})
    page = await ana.open(FIELDS)
    await page.locator("#field-label").fill("Typed for a new field")
    address = str(await page.locator(".fields-list li", has_text="Status").get_attribute("data-address"))
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        assert (await client.post(address, data={"to-place": "1"})).status_code == 303
    await expect(page.locator("#stale")).to_contain_text("This page has changed.")
    await page.get_by_role("button", name="Move ISBN up").focus()
    await page.keyboard.press("Enter")
    refusal = page.locator("#order-changed [role=alert]")
    await expect(refusal).to_be_focused()
    await expect(refusal).to_be_in_viewport()


async def test_a_field_that_can_not_be_dropped_goes_back(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open(FIELDS)
    await expect(page.locator("field-order.draggable")).to_be_visible()
    await page.route("**/fields/f*", lambda route: route.abort())
    box = await page.locator(".fields-list li").nth(3).locator(".handle").bounding_box()
    assert box
    await page.mouse.move(box["x"] + 8, box["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 8, box["y"] - 60, steps=8)
    await page.mouse.up()
    await expect(page.locator(".fields-list b").nth(3)).to_have_text("ISBN")
    assert await labels_of(page) == ["Title", "Author", "Year", "ISBN", "Language", "Status", "Notes"]


async def test_the_form_shows_what_the_chosen_kind_has(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    page = await ana.open(FIELDS, live=False)
    for kind, shown in (
        ("text", []), ("choice", ["Choices"]), ("decimal", ["Decimals", "Unit"]), ("money", ["Currency"]),
    ):  # fmt: skip
        await page.get_by_label("Type").select_option(kind)
        for label in ("Choices", "Decimals", "Unit", "Currency", "Stars"):
            await expect(page.get_by_label(label)).to_be_visible(visible=label in shown)


async def test_a_renamed_choice_is_shown_on_an_open_page_of_another(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    other = await carla.open("/c/books")
    await expect(other.get_by_text("Lent").first).to_be_visible()
    page = await ana.open(f"{FIELDS}/status")
    await page.get_by_label("Name of a choice").nth(1).fill("With somebody")
    await page.get_by_label("Color of Lent").select_option("Red")
    await page.get_by_role("button", name="Save").first.click()
    await expect(other.locator('.tag[data-color="red"]', has_text="With somebody").first).to_be_visible()


async def test_a_kind_is_changed_and_that_is_undone_on_the_page(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open(f"{FIELDS}/language")
    await page.get_by_role("link", name="Change type").click()
    await page.get_by_label("New type").select_option(label="Choice")
    await page.get_by_role("button", name="Preview the change").click()
    await page.get_by_role("button", name="Change type").click()
    await expect(page.get_by_text("The field has a new type.")).to_be_visible()
    await page.get_by_role("link", name="Language").click()
    await page.get_by_role("link", name="Change type").click()
    await page.get_by_role("button", name="Undo the change").click()
    await expect(page.get_by_text("The field is back to what it was.")).to_be_visible()


async def test_fields_can_be_dragged_after_somebody_else_has_added_one(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open(FIELDS)
    await expect(page.locator("field-order.draggable")).to_be_visible()
    async with aclosing(server.let_in("acme", "ana@acme.test")) as elsewhere:
        added = await elsewhere.post(FIELDS, data={"label": "Shelf", "kind": "text"})
        assert added.status_code == 303
    await expect(page.locator(".fields-list b").nth(7)).to_have_text("Shelf")
    await ready(page)
    await expect(page.locator("field-order.draggable")).to_be_visible()
    handle = page.locator(".fields-list li", has_text="Shelf").locator(".handle")
    await expect(handle).to_be_visible()
    box, target = await handle.bounding_box(), await page.locator(".fields-list li").nth(5).bounding_box()
    assert box
    assert target
    await page.mouse.move(box["x"] + 8, box["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(box["x"] + 8, target["y"] + 20, steps=5)
    await page.mouse.move(box["x"] + 8, target["y"] + 4, steps=5)
    await page.mouse.up()
    await page.reload()
    await expect(page.locator(".fields-list b").nth(7)).not_to_have_text("Shelf")


async def test_a_field_that_is_dragged_stays_in_hand_while_somebody_else_moves_another(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open(FIELDS)
    await expect(page.locator("field-order.draggable")).to_be_visible()
    handle = await page.locator(".fields-list li", has_text="Notes").locator(".handle").bounding_box()
    place = await page.locator(".fields-list li", has_text="ISBN").bounding_box()
    status = str(await page.locator(".fields-list li", has_text="Status").get_attribute("data-address"))
    assert handle
    assert place
    await page.mouse.move(handle["x"] + 8, handle["y"] + 10)
    await page.mouse.down()
    await page.mouse.move(handle["x"] + 8, place["y"] + 30, steps=5)
    await page.evaluate(COUNT_REFRESH_MARKS)
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        assert (await client.post(status, data={"to-place": "1"})).status_code == 303
    await page.wait_for_function("() => window.marks > 0")
    await page.mouse.move(handle["x"] + 8, place["y"] + 4, steps=5)
    await expect(page.locator(".sortable-drag")).to_have_count(1)
    await page.mouse.up()
    await expect(page.locator("#order-changed")).to_contain_text("Moved in the meantime: Status.")
    await page.get_by_role("button", name="Move Notes anyway").click()
    await expect(page.locator("#order-changed")).to_have_count(0)
    labels = await labels_of(page)
    assert labels.index("Notes") < labels.index("ISBN")
    assert labels[1] == "Status"


async def test_a_page_is_fetched_anew_when_a_field_is_let_go_of_again(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open(FIELDS)
    await expect(page.locator("field-order.draggable")).to_be_visible()
    handle = page.locator(".fields-list li", has_text="Notes").locator(".handle")
    await handle.hover()
    await page.mouse.down()
    await page.evaluate(COUNT_REFRESH_MARKS)
    async with aclosing(server.let_in("acme", "ana@acme.test")) as elsewhere:
        added = await elsewhere.post(FIELDS, data={"label": "Shelf", "kind": "text"})
        assert added.status_code == 303
    await page.wait_for_function("() => window.marks > 0")
    assert "Shelf" not in await labels_of(page)
    await page.mouse.up()
    await expect(page.locator(".fields-list b").nth(7)).to_have_text("Shelf")


async def test_a_field_that_is_chosen_is_in_sight_and_has_the_focus(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    plain = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        for number in range(14):
            added = await client.post("/c/books/fields", data={"label": f"Another {number}", "kind": "text"})
            assert added.status_code == 303
    for each in (ana, plain):
        page = await each.open(FIELDS, live=each is ana)
        await page.locator(".fields-list a", has_text="Language").click()
        heading = page.get_by_role("heading", name="Change Language")
        await expect(heading).to_be_in_viewport()
        if each is ana:  # without scripts the browser goes on from there by itself
            await expect(heading).to_be_focused()
        await expect(page.get_by_label("Name", exact=True).first).to_be_in_viewport()


async def test_what_a_kind_can_not_have_is_not_offered_for_it(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open(FIELDS)
    offered = {name: page.locator(f"form:has(#field-kind) [name={name}]") for name in ("default", "required", "unique")}
    read_only = page.get_by_role("group", name="Read-only for")
    for kind, shown in (("text", 4), ("files", 2), ("record_number", 0), ("changed_by", 0), ("date", 4)):
        await page.locator("#field-kind").select_option(kind)
        visible = [each for each in (*offered.values(), read_only) if await each.first.is_visible()]
        assert len(visible) == shown, kind


LONG = "Equipamentossemintervaloentreaspalavras"


async def count_cut(page: Page) -> int:
    """How many parts of the page are wider than what is seen of them, and whether the page is."""
    return int(
        await page.locator("html, .table, .card, .fields-list, .fields-list a").evaluate_all(
            "all => all.filter((each) => each.scrollWidth > each.clientWidth).length"
        )
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_on_a_phone_what_is_compared_is_not_cut(server: Server, person: Any, scheme: str) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        for number in range(1, 4):
            await client.post("/c/books/new", data={"f1": f"{LONG}{number}", "f2": f"{number} {LONG} said {LONG}"})
        await client.post("/c/books/new", data={"f1": "Thin", "f2": "12"})
        ana = await person(server, "acme", "ana@acme.test", viewport={"width": 390, "height": 800}, color_scheme=scheme)
        page = await ana.open("/c/books/fields/f2/kind?kind=whole_number")
        why = page.locator("#preview tbody td").last
        await expect(why).to_be_visible()
        assert await count_cut(page) == 0
        page = await ana.open("/c/books/fields/f2")
        await page.locator("#field-label").fill(f"{LONG}A")
        await page.get_by_label("Help").fill(f"{LONG} two {LONG}")
        await client.post("/c/books/fields/f2", data={"label": f"{LONG}B", "help": f"{LONG} one {LONG}"})
        await page.get_by_role("button", name="Save").first.click()
        await expect(page.locator(".pairs tbody tr")).to_have_count(2)
        for side in (f"{LONG}A", f"{LONG}B"):
            await expect(page.locator(".pairs td", has_text=side)).to_be_in_viewport(ratio=0.1)
        await expect(page.locator(".pairs td.lines").first).to_have_css("white-space-collapse", "preserve-breaks")
        assert await count_cut(page) == 0
