"""The address bar after a refusal: one that answers, so that a reload, going back and entering it again lead on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.pages import open_acts, ready
from tests.conftest import Server

NO_PICTURE = {"name": "cut.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n and no more"}


@pytest.mark.console("status of 422")
@pytest.mark.parametrize(("address", "button"), [("/account", "Use this picture"), ("/settings", "Use this logo")])
async def test_a_picture_that_is_refused_leaves_the_address_of_its_page(
    shared_server: Server, person: Any, address: str, button: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open(address)
    form = page.locator("form[enctype='multipart/form-data']")
    for _ in range(2):
        await form.locator("input[type=file]").set_input_files([NO_PICTURE])
        await form.get_by_role("button", name=button).click()
        await expect(form.get_by_role("alert")).to_be_visible()
        await expect(page).to_have_url(ana.origin + address)
    await page.reload()
    await ready(page)
    await expect(form.get_by_role("alert")).to_be_hidden()
    await page.go_back()
    await expect(page).to_have_url(ana.origin + address)


@pytest.mark.console("status of 404")
async def test_a_form_that_is_answered_by_an_error_leaves_the_address_of_its_page(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/20")
    await open_acts(page)
    form = page.locator("form", has=page.get_by_role("button", name="Delete", exact=True))
    await form.evaluate("form => { form.action = '/undo/999'; }")
    await form.get_by_role("button").first.click()
    await expect(page.locator(".error-page")).to_be_visible()
    await expect(page).to_have_url(f"{ana.origin}/c/books/20")
    await page.reload()
    await expect(page.get_by_role("link", name="Edit")).to_be_visible()


@pytest.mark.console("status of 413")
async def test_a_table_that_is_too_large_leaves_the_address_of_its_form(
    shared_server: Server, person: Any, tmp_path: Path
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/import")
    large = tmp_path / "large.csv"
    large.write_bytes(b"title\n" * 500_000)
    form = page.locator("form[enctype='multipart/form-data']")
    await form.locator("input[type=file]").set_input_files(large)
    await expect(page.get_by_role("alert").get_by_text("A file can be up to 2 MB.")).to_be_visible()
    await expect(page.get_by_label("Table")).to_have_value("")
    await form.evaluate("form => { delete form.dataset.tableFile; }")  # as without scripts
    await form.locator("input[type=file]").set_input_files(large)
    await form.evaluate("form => form.submit()")
    await expect(page.get_by_text("A file can be up to 2 MB.")).to_be_visible()
    await expect(page).to_have_url(f"{ana.origin}/c/books/import")
    await page.reload()
    await expect(page.get_by_text("A file can be up to 2 MB.")).to_have_count(0)


@pytest.mark.parametrize(
    ("address", "above"),
    [
        ("/c/books/import/file", "/c/books/import"),
        ("/account/picture", "/account"),
        ("/c/books/20/lock/renew", "/c/books/20"),
        ("/undo/999", "/"),
    ],
)
async def test_an_address_that_only_takes_forms_leads_to_the_page_above_it(
    shared_server: Server, person: Any, address: str, above: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.page.goto(ana.origin + address)
    await expect(ana.page).to_have_url(ana.origin + above)
    client = await shared_server.sign_in("acme", "ana@acme.test")
    assert (await client.get(address)).status_code == 405, "programs are told"
    await client.aclose()
