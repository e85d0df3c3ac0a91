"""Whoever is signed out, suspended or removed is cut off at once, and told why."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Page, expect

from tests.browser.pages import confirm, ready
from tests.conftest import PASSWORD, Person, Server
from tests.fields import NOTES


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
    await here.open("/account/security")
    await confirm(here.page, "End all others")
    await expect(there.page.get_by_text("You were signed out.")).to_be_visible()
    await expect(here.page.get_by_text("All other sessions ended.")).to_be_visible()


async def cut_off_while_typing(server: Server, person: Any) -> Person:
    """Davi, whose session another browser ends before the server has got the last words that he typed."""
    there = await person(server, "acme", "davi@acme.test")
    here = await person(server, "acme", "davi@acme.test")
    await there.open("/c/books/40/edit")
    notes = there.page.get_by_label("Notes")
    async with there.page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await notes.fill("What the server has,")
    await there.page.route("**/draft", lambda route: route.abort())
    await notes.press_sequentially(" and what it has not.")
    await here.open("/account/security")
    await confirm(here.page, "End all others")
    await expect(there.page.get_by_text("What you typed is kept. You get it back")).to_be_visible()
    await there.page.unroute("**/draft")
    return there


async def sign_in(page: Page, email: str) -> None:
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()


async def test_what_was_typed_as_the_session_was_ended_is_offered_after_signing_in_again(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await ana.open("/c/books/40")
    davi = await cut_off_while_typing(server, person)
    await expect(ana.page.get_by_role("link", name="Edit")).to_be_visible()
    await sign_in(davi.page, "davi@acme.test")
    await expect(davi.page.get_by_label("Notes")).to_have_value("What the server has, and what it has not.")


async def test_what_was_typed_as_the_session_was_ended_waits_where_somebody_else_edits_by_now(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    davi = await cut_off_while_typing(server, person)
    await ana.open("/c/books/40/edit")
    await expect(ana.page.get_by_label("Notes")).not_to_have_value(re.compile("what it has not"))
    await sign_in(davi.page, "davi@acme.test")
    await expect(davi.page.get_by_text("Ana has been editing")).to_be_visible()
    await expect(davi.page.get_by_text("You have unsaved changes from")).to_be_visible()
    await ana.page.get_by_role("button", name="Cancel").click()
    await davi.page.get_by_role("link", name="Edit now").click()
    await expect(davi.page.get_by_text("What the server has, and what it has not.")).to_be_visible()


async def test_what_was_typed_as_the_session_was_ended_is_not_shown_to_who_signs_in_there_next(
    server: Server, person: Any
) -> None:
    davi = await cut_off_while_typing(server, person)
    await sign_in(davi.page, "carla@acme.test")
    await ready(davi.page)
    await expect(davi.page.get_by_label("Notes")).not_to_have_value(re.compile("what it has not"))
    drafts = server.store.rows(
        f"SELECT member.name, draft.\"values\" ->> '{NOTES}' FROM draft JOIN member ON member.id = draft.member_id"
        ' WHERE draft."values" IS NOT NULL'
    )
    assert drafts == [("Davi", "What the server has,")]


async def test_where_what_was_typed_can_not_be_kept_the_page_asks_first_and_nothing_else_is_said(
    server: Server, person: Any
) -> None:
    there = await person(server, "acme", "davi@acme.test")
    here = await person(server, "acme", "davi@acme.test")
    await there.open("/c/books/40/edit")
    await there.page.evaluate("""() => {
      const fill = (size) => { for (let n = 0; ; n += 1) sessionStorage.setItem(`${size} ${n}`, "x".repeat(size)); };
      for (let size = 4_000_000; size; size = Math.floor(size / 2)) try { fill(size); } catch { /* full */ }
    }""")
    await there.page.route("**/draft", lambda route: route.abort())
    await there.page.get_by_label("Notes").press_sequentially("What the server has not.")
    await here.open("/account/security")
    async with there.page.expect_event("dialog") as asked:
        await confirm(here.page, "End all others")
    assert (await asked.value).type == "beforeunload"
    await (await asked.value).accept()
    await expect(there.page.get_by_text("You were signed out.")).to_be_visible()
    await expect(there.page.get_by_text("What you typed is kept. You get it back")).to_have_count(0)
