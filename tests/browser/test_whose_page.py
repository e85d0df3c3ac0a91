"""Somebody signs in with the browser in which another person's page is still open."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from app.demo import PASSWORD
from tests.conftest import Person, Server


async def become(person: Person, server: Server, email: str) -> None:
    """Sign somebody else in, in another tab as it were: the open page is told nothing."""
    client = await server.sign_in("acme", email)
    name, _, value = client.headers["cookie"].partition("=")
    await client.aclose()
    await person.context.add_cookies([{"name": name, "value": value, "url": server.url("acme"), "httpOnly": True}])


@pytest.mark.console("message-format.js")  # which is loaded when one begins to type: the composer does without it
@pytest.mark.parametrize(
    ("path", "label"), [("/c/books/new", "Notes"), ("/c/books/5/edit", "Notes"), ("/chat/general", "Message")]
)
async def test_what_was_typed_without_a_network_goes_into_nobody_elses_drafts(
    shared_server: Server, person: Any, path: str, label: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = ana.page
    await ana.open(path)
    await ana.context.set_offline(True)
    await page.get_by_label(label, exact=True).fill("Only for Ana's eyes")
    await become(ana, shared_server, "bruno@acme.test")
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status) if answer.url.endswith("/draft") else None)
    async with page.expect_response(lambda answer: answer.request.method == "POST" and answer.status == 401):
        await ana.context.set_offline(False)
    await page.goto(ana.origin + "/members")  # what goes along as the page is left is refused, too
    await expect(page.locator(".person .who b")).to_have_text("Bruno")
    assert set(answers) <= {401}
    await page.goto(ana.origin + path)
    await expect(page.locator("#main")).to_be_visible()
    await expect(page.get_by_text("Only for Ana's eyes")).to_have_count(0)
    assert "Only for Ana's eyes" not in await page.locator("textarea").evaluate_all(
        "all => all.map((one) => one.value)"
    )
    await become(ana, shared_server, "ana@acme.test")  # in whose tab it has stayed
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await page.goto(ana.origin + path.removesuffix("/edit"))


async def test_without_scripts_the_text_of_anothers_page_is_shown_again_and_not_posted(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", java_script_enabled=False)
    page = ana.page
    await ana.open("/chat/general", live=False)
    await page.get_by_label("Message", exact=True).fill("Typed by Ana, two lines\nof it")
    await become(ana, shared_server, "carla@acme.test")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("heading", name="Someone else is signed in")).to_be_visible()
    await expect(page.get_by_text("Carla is now signed in on this browser.")).to_be_visible()
    await expect(page.get_by_label("Message")).to_have_value("Typed by Ana, two lines\nof it")
    await ana.open("/chat/general", live=False)
    await expect(page.get_by_text("Typed by Ana, two lines")).to_have_count(0)
    await become(ana, shared_server, "ana@acme.test")
    await ana.open("/chat/general", live=False)
    await page.get_by_label("Message", exact=True).fill("Typed and sent by Ana")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator(".message .text").get_by_text("Typed and sent by Ana")).to_be_visible()


@pytest.mark.console("status of 401")
async def test_a_message_that_waits_says_who_is_signed_in_and_leads_to_signing_in(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = ana.page
    await ana.open("/chat/general")
    await become(ana, shared_server, "carla@acme.test")
    await page.get_by_label("Message", exact=True).fill("Typed by Ana while Carla is here")
    await page.get_by_label("Message", exact=True).press("Enter")
    waiting = page.locator("message-outbox .outgoing")
    await expect(waiting).to_contain_text("Carla is now signed in on this browser.")
    await waiting.get_by_role("link", name="Sign in").click()
    await page.get_by_label("Email").fill("ana@acme.test")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    said = page.locator(".message:not(.outgoing)").filter(has_text="Typed by Ana while Carla is here")
    await expect(said.locator(".meta b")).to_have_text("Ana")


async def test_a_link_on_a_page_of_somebody_else_opens_a_page_of_ones_own(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = ana.page
    await ana.open("/c/books")
    await become(ana, shared_server, "carla@acme.test")
    await page.get_by_role("link", name="general").click()
    await expect(page.locator(".person .who b")).to_have_text("Carla")
    whose = await page.locator(".person .avatar").get_attribute("data-person")
    await expect(page.locator("body")).to_have_attribute("data-member", whose or "")
    await page.get_by_label("Message", exact=True).fill("Said by Carla")
    await page.get_by_label("Message", exact=True).press("Enter")
    said = page.locator(".message").filter(has=page.get_by_text("Said by Carla"))
    await expect(said.locator(".meta b")).to_have_text("Carla")
