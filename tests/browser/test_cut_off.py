"""Whoever is signed out, suspended or removed is cut off at once, and told why."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.browser.pages import ready
from tests.conftest import Server


async def test_signing_out_in_one_tab_takes_the_other_to_the_sign_in(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books")
    second = await carla.context.new_page()
    await second.goto(carla.origin + "/c/books/40")
    await ready(second)
    await carla.page.get_by_label("Your account").click()
    await carla.page.get_by_role("button", name="Sign out").click()
    await expect(second.get_by_text("You were signed out.")).to_be_visible()
    await second.get_by_label("Email").fill("carla@acme.test")
    await second.get_by_label("Password").fill("mutirao-demo")
    await second.get_by_role("button", name="Sign in").click()
    await expect(second.get_by_role("heading", name="Dom Casmurro")).to_be_visible()


async def test_a_suspended_member_is_told_so(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books")
    assert server.run("member", "suspend", "acme", "carla@acme.test").returncode == 0
    await expect(carla.page.get_by_text("Your access was suspended.")).to_be_visible()
    await carla.page.goto(carla.origin + "/c/books")
    await expect(carla.page.get_by_role("button", name="Sign in")).to_be_visible()


async def test_a_suspended_workspace_says_so(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books")
    assert server.run("workspace", "suspend", "acme").returncode == 0
    await expect(carla.page.get_by_text("This workspace is suspended.")).to_be_visible()


async def test_another_browser_ends_when_its_session_is_ended(server: Server, person: Any) -> None:
    here = await person(server, "acme", "carla@acme.test")
    there = await person(server, "acme", "carla@acme.test")
    await there.open("/c/books")
    await here.open("/account")
    await here.page.get_by_role("button", name="End all others").click()
    await expect(there.page.get_by_text("You were signed out.")).to_be_visible()
    await expect(here.page.get_by_text("All other sessions were ended.")).to_be_visible()
