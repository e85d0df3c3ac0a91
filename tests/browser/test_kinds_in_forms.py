"""Fields that take more than typing: people are searched, files uploaded, long texts looked at before."""

from __future__ import annotations

import asyncio
import io
import re
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Route, expect

from tests.conftest import Server


def make_file(color: str) -> Any:
    """A picture of a colour, as it is chosen from a device."""
    made = io.BytesIO()
    Image.new("RGB", (40, 30), color).save(made, "PNG")
    return {"name": f"{color}.png", "mimeType": "image/png", "buffer": made.getvalue()}


async def add_fields(server: Server) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        for label, kind, more in (
            ("Keeper", "person", {"several": "yes"}),
            ("Photos", "files", {}),
            ("Due", "moment", {}),
        ):
            added = await ana.post("/c/books/fields", data={"label": label, "kind": kind, **more})
            assert added.status_code == 303, added.text


@pytest.mark.sqlite
@pytest.mark.parametrize("width", [1280, 390])
async def test_people_files_and_moments_are_filled_in_and_saved(server: Server, person: Any, width: int) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test", viewport={"width": width, "height": 800})
    page = await carla.open("/c/books/3/edit")
    await page.get_by_label("Notes", exact=True).fill("**Torn**, see shelf 4")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("text-preview strong")).to_have_text("Torn")
    keeper = page.get_by_role("combobox", name="Keeper")
    for begun, name in (("br", "Bruno"), ("dav", "Davi")):
        await keeper.press_sequentially(begun)
        await page.get_by_role("option", name=name).click()
    await page.get_by_label("Due").fill("2031-02-28T14:05")
    await page.get_by_label("Photos").set_input_files([make_file("red"), make_file("teal")])
    await expect(page.get_by_role("checkbox", name="teal.png")).to_be_checked()
    await page.get_by_role("checkbox", name="red.png").uncheck()
    await page.get_by_label("Title").press("Enter")  # saves, and neither uploads nor previews
    await page.wait_for_url(server.url("acme", "/c/books/3"))
    shown = page.locator("dl.fields")
    await expect(shown.locator(".person")).to_have_count(2)
    await expect(shown.locator("strong")).to_have_text("Torn")
    await expect(shown.locator("time")).to_have_attribute("datetime", "2031-02-28T14:05Z")
    pictures = shown.locator(".thumbnail")
    await expect(pictures).to_have_count(1)
    await expect(pictures).to_have_attribute("alt", "teal.png")
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.sqlite
async def test_what_is_chosen_is_a_draft_and_is_there_again(server: Server, person: Any) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books/new")
    await page.get_by_role("combobox", name="Keeper").press_sequentially("br")
    await page.get_by_role("option", name="Bruno").click()
    async with page.expect_response(lambda answer: answer.url.endswith("/new/draft") and answer.status == 204):
        await page.get_by_label("Photos").set_input_files(make_file("teal"))
        await expect(page.get_by_role("checkbox", name="teal.png")).to_be_checked()
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    page = await carla.open("/c/books/new")
    await expect(page.locator("[data-ts-item]")).to_contain_text("Bruno")
    await expect(page.get_by_role("checkbox", name="teal.png")).to_be_checked()


@pytest.mark.sqlite
async def test_enter_that_comes_before_what_is_found_chooses_that_and_saves_nothing(
    server: Server, person: Any
) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books/3/edit")
    keeper = page.get_by_role("combobox", name="Keeper")
    await keeper.click()
    await expect(page.get_by_role("option", name="Ana")).to_be_visible()
    found = asyncio.Event()

    async def answer_late(route: Route) -> None:
        await found.wait()
        await route.continue_()

    await page.route(re.compile("/choices/people"), answer_late)
    await keeper.press_sequentially("dav")
    await keeper.press("Enter")
    await expect(page.locator("[data-ts-item]")).to_have_count(0)
    found.set()
    await expect(page.locator("[data-ts-item]")).to_have_text(re.compile("Davi"))
    assert page.url.endswith("/c/books/3/edit")


@pytest.mark.sqlite
async def test_a_moment_is_shown_with_its_day_and_time(server: Server, person: Any) -> None:
    await add_fields(server)
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        form = (await ana.get("/c/books/new")).text
        due = re.findall(r'<label for="field-(f\d+)">Due', form)[0]
        made = await ana.post("/c/books/new", data={"f1": "Iracema", due: "2031-02-28T14:05Z"})
        soon = f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}"
        await ana.post("/c/books/new", data={"f1": "Ubirajara", due: soon})
    carla = await person(server, "acme", "carla@acme.test", timezone_id="America/Sao_Paulo", locale="en-GB")
    page = await carla.open(made.headers["location"])
    await expect(page.locator("dl.fields time")).to_have_text(re.compile(r"28.*2031.*11:05"))
    page = await carla.open("/c/books?q=ubirajara")
    await expect(page.locator("tbody time")).to_have_text(re.compile(r"\d:\d\d"))
    await expect(page.locator("tbody time")).not_to_have_text(re.compile("ago|now|in "))


@pytest.mark.sqlite
async def test_an_open_page_says_once_in_which_zone_its_device_is(server: Server, person: Any) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test", timezone_id="America/Sao_Paulo")
    page = carla.page
    async with page.expect_response(lambda answer: answer.url.endswith("/account/time-zone")) as told:
        await carla.open("/c/books")
    assert (await told.value).status == 204
    await carla.open("/c/books/new")
    await expect(page.locator("body")).not_to_have_attribute("data-zone-unknown", re.compile(""))
    await expect(page.locator(".affix", has_text="America/Sao_Paulo")).to_be_visible()


@pytest.mark.sqlite
async def test_without_scripts_times_are_in_the_zone_of_the_account(server: Server, person: Any) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        await ana.post("/account/time-zone", data={"time_zone": "Asia/Kathmandu"})
    ana = await person(server, "acme", "ana@acme.test", java_script_enabled=False)
    page = await ana.open("/c/books/1", live=False)
    await expect(page.locator("main time").first).to_have_text(re.compile(r"\d:\d\d.[AP]M$"))
    await expect(page.get_by_text(" UTC")).to_have_count(0)


@pytest.mark.sqlite
async def test_a_form_with_a_moment_in_a_zone_of_a_long_name_fits_on_a_phone(server: Server, person: Any) -> None:
    await add_fields(server)
    server.store.rows(
        "UPDATE member SET time_zone = 'America/Argentina/ComodRivadavia' WHERE email = 'carla@acme.test'"
    )
    carla = await person(server, "acme", "carla@acme.test", viewport={"width": 390, "height": 800})
    for path in ("/c/books/new", "/c/books/3/edit"):
        page = await carla.open(path)
        await expect(page.get_by_text("America/Argentina/ComodRivadavia")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
