"""Promise 5: pages work with forms and links alone."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import expect

from tests.browser.lines import say_lines
from tests.browser.pages import open_acts
from tests.conftest import Server


async def test_a_book_is_added_mended_found_deleted_and_restored(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    page = await ana.open("/c/books", live=False)
    await page.get_by_role("link", name="Add", exact=True).click()
    await page.get_by_label("Title").fill("Helena")
    await page.get_by_label("Year").fill("soon")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("#error-f3", has_text="Enter a number")).to_be_visible()
    await expect(page.get_by_label("Title")).to_have_value("Helena")
    await page.get_by_label("Year").fill("1876")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="Helena")).to_be_visible()
    await page.get_by_role("link", name="Edit").click()
    await page.get_by_label("Author").fill("Machado de Assis")
    await page.get_by_role("button", name="Save").click()
    await page.goto(ana.origin + "/c/books")
    await page.get_by_label("Search", exact=True).fill("helena")
    await page.get_by_role("button", name="Search").click()
    await expect(page.locator("record-list tbody tr")).to_have_count(1)
    await page.get_by_role("link", name="Title").click()
    await expect(page.get_by_role("columnheader", name="Title")).to_have_attribute("aria-sort", "ascending")
    await page.get_by_role("link", name="Helena").click()
    await open_acts(page)
    await page.get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Restore").click()
    await expect(page.get_by_text("Record restored.")).to_be_visible()


async def test_an_admin_adds_a_collection_and_its_fields(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    page = await ana.open("/", live=False)
    await page.get_by_role("link", name="New collection").click()
    await page.get_by_label("Name", exact=True).fill("Equipment")
    await page.get_by_label("First field").fill("Name")
    await page.get_by_role("button", name="Create collection").click()
    await page.get_by_label("Name", exact=True).first.fill("State")
    await page.get_by_label("Type").select_option(label="Choice")
    await page.get_by_role("button", name="Add field").click()
    await expect(page.get_by_text("Enter one choice per line.")).to_be_visible()
    await page.get_by_label("Choices").fill("Good\nBroken")
    await page.get_by_role("button", name="Add field").click()
    await page.goto(ana.origin + "/c/equipment/new")
    await page.get_by_label("Name").fill("Projector")
    await page.get_by_label("State").select_option("Broken")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("Broken")


async def test_a_record_that_is_being_edited_is_read_only_and_free_after_saving(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    carla = await person(server, "acme", "carla@acme.test", java_script_enabled=False)
    page = await ana.open("/c/books/40/edit", live=False)
    await carla.open("/c/books/40/edit", live=False)
    await expect(carla.page.get_by_text("Ana has been editing")).to_be_visible()
    await expect(carla.page.get_by_role("textbox", name="Notes")).to_have_count(0)
    await carla.page.get_by_role("button", name="Ask to edit").click()
    await expect(carla.page.get_by_text("Ana was asked.")).to_be_visible()
    await page.get_by_label("Year").fill("1900")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("1900")
    await carla.page.reload()
    await expect(carla.page.get_by_label("Notes")).to_be_visible()
    await carla.page.get_by_label("Notes").fill("Not to be saved")
    await carla.page.get_by_role("button", name="Cancel").click()
    await expect(carla.page.get_by_text("You have unsaved changes from")).to_be_visible()
    await carla.page.get_by_role("link", name="Continue with them").click()
    await carla.page.get_by_role("button", name="Restore").click()
    await expect(carla.page.get_by_label("Notes")).to_have_value("Not to be saved")
    await carla.page.get_by_role("button", name="Save").click()
    await expect(carla.page.locator("dl.fields")).to_contain_text("Not to be saved")


async def test_a_table_is_imported_and_ticked_books_are_deleted(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    page = await ana.open("/c/books/import", live=False)
    await page.get_by_label("Table").fill("#,Title,Year\n40,Dom Casmurro,1900\n,Memorial de Aires,1908\n")
    await page.get_by_role("button", name="Preview import").click()
    said = "1 record will be added, 1 will be changed, 0 will stay as they are."
    await expect(page.get_by_text(said)).to_be_visible()
    await page.get_by_role("button", name="Import", exact=True).click()
    await expect(page.get_by_text("Table imported: 1 record added, 1 record changed.")).to_be_visible()
    await expect(page.get_by_role("button", name="Delete selected")).to_be_hidden()
    await page.get_by_role("checkbox", name="Select Memorial de Aires").check()
    await page.get_by_role("checkbox", name="Select Dom Casmurro").check()
    await page.get_by_role("button", name="Delete selected").click()
    await expect(page.get_by_text("2 records are in the trash")).to_be_visible()
    await expect(page.locator("#count")).to_have_text("41")


async def test_a_message_about_a_record_that_is_refused_is_still_in_its_box(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    page = await ana.open("/c/books/40", live=False)
    box = page.get_by_label("Message", exact=True)
    text = "Long " * 1700
    await box.fill(text)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("heading", name="Dom Casmurro")).to_be_visible()
    await expect(box).to_have_value(text)
    await expect(box).to_have_accessible_description(re.compile("8,?000"))
    await expect(box).to_be_in_viewport()
    await box.fill("Shorter")
    await page.get_by_role("button", name="Send").click()
    await expect(page).to_have_url(re.compile("/c/books/40#message-[0-9]+$"))
    await expect(page.locator("ol.messages > .message").last).to_contain_text("Shorter")
    await expect(box).to_have_value("")


async def test_a_message_is_deleted_after_one_was_asked_and_a_file_is_taken_out(server: Server, person: Any) -> None:
    client = await server.sign_in("acme", "ana@acme.test")
    await client.post("/chat/general/files", files={"file": ("plan.txt", b"words", "text/plain")})
    await client.post("/chat/general", data={"text": "Said too soon", "key": "soon"})
    await client.aclose()
    ana = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    page = await ana.open("/chat/general?at=end", live=False)
    await page.get_by_label("Message", exact=True).fill("Half a thought")
    await page.get_by_role("button", name="Remove plan.txt").click()
    await expect(page.get_by_text("plan.txt")).to_have_count(0)
    await expect(page.get_by_label("Message", exact=True)).to_have_value("Half a thought")
    last = page.locator("ol.messages > .message").last
    await last.hover()
    await last.locator("summary[aria-label='Delete message']").click()
    await last.get_by_role("button", name="Delete now").click()
    await expect(last).to_contain_text("Deleted by Ana")


async def test_one_sees_what_one_has_said_and_marks_it_without_a_dead_button(server: Server, person: Any) -> None:
    await say_lines(server, [f"Line {number}" for number in range(40)])
    ana = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    page = await ana.open("/chat/general?at=end", live=False)
    await page.get_by_label("Message", exact=True).fill("The door code has changed")
    await page.get_by_role("button", name="Send").click()
    last = page.locator("ol.messages > .message").last
    await expect(last).to_contain_text("The door code has changed")
    await expect(last).to_be_in_viewport()
    for name in ("Emoji", "Formatting", "React", "More"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)
    await last.hover()
    await last.get_by_role("link", name="More").click()
    await expect(page.locator("main")).to_contain_text("The door code has changed")
    await page.get_by_role("button", name="Pin to the room").click()
    await expect(page.locator("main")).to_contain_text("The door code has changed")
    await page.go_back()
    await page.get_by_role("button", name="Save for later").click()
    await expect(page.locator(".saved")).to_contain_text("The door code has changed")
    await page.go_back()
    await page.get_by_role("button", name="Mark as unread from here").click()
    await expect(page.locator("#rooms li", has_text="general").locator(".unread")).to_be_visible()
