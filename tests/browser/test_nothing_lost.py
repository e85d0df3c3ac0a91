"""Promise 2 in the browser: whatever happens in between, an open page ends up equal to a fresh load of it."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.conftest import Server


def add_book(server: Server, title: str) -> None:
    added = server.run("record", "add", "acme", "books", f"title={title}", "--as", "bruno@acme.test")
    assert added.returncode == 0, added.stderr


@pytest.mark.console("net::ERR_CONNECTION_RE")  # of a script that comes when nothing else does
async def test_pages_outlive_a_killed_server(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    await ana.open("/c/books?sort=title")
    await carla.open("/c/books?q=helena")
    server.stop(signal.SIGKILL)
    await expect(carla.page.locator("html")).to_have_attribute("data-live", "off")
    add_book(server, "Helena")
    server.start()
    for page in (ana.page, carla.page):
        await expect(page.get_by_role("link", name="Helena")).to_be_visible(timeout=20_000)
        await ready(page)
        await assert_equals_a_fresh_load(page)


async def test_a_page_catches_up_after_the_network_was_cut(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books")
    await carla.context.set_offline(True)
    await expect(carla.page.locator("html")).to_have_attribute("data-live", "off")
    add_book(server, "Helena")
    add_book(server, "Iaiá Garcia")
    await carla.context.set_offline(False)
    await expect(carla.page.get_by_role("link", name="Iaiá Garcia")).to_be_visible(timeout=20_000)
    await ready(carla.page)
    await assert_equals_a_fresh_load(carla.page)


@pytest.mark.console("net::ERR_CONNECTION_RE")  # of a script that comes when nothing else does
async def test_a_page_fetches_itself_anew_when_the_log_no_longer_reaches_back(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books?sort=title")
    server.stop(signal.SIGKILL)
    for title in ("Helena", "Abolição", "Zadig"):
        add_book(server, title)
    server.store.rows("DELETE FROM event")
    server.start()
    await expect(carla.page.get_by_role("link", name="Zadig")).to_be_visible(timeout=20_000)
    await ready(carla.page)
    await assert_equals_a_fresh_load(carla.page)


async def test_a_change_between_the_page_and_its_subscription_shows(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    changed = False

    async def change_first(route: Any) -> None:
        nonlocal changed
        if not changed:
            changed = True
            add_book(server, "In between")
        await route.continue_()

    # The page is rendered already when it asks for its scripts, and connects only after it has them.
    await carla.page.route("**/app.js", change_first)
    await carla.open("/c/books")
    assert changed
    await expect(carla.page.get_by_role("link", name="In between")).to_be_visible()
    await assert_equals_a_fresh_load(carla.page)


@pytest.mark.console("net::ERR_CONNECTION_RE")  # of a script that comes when nothing else does
async def test_what_is_being_typed_survives_pushes_and_reconnects(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books/new")
    title = carla.page.get_by_label("Title")
    await title.fill("Half a ti")
    server.stop(signal.SIGKILL)
    add_book(server, "Other")
    server.start()
    await expect(carla.page.locator(".side .count").first).to_have_text("43", timeout=20_000)
    await expect(title).to_have_value("Half a ti")
    await expect(title).to_be_focused()
