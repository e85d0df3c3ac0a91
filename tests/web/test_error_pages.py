"""Error pages keep the frame, the language and the name of the workspace, and say what to do."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from html import unescape

import httpx
import pytest

from app.web.error_texts import describe_error_page
from app.web.errors import PageError
from app.web.texts import Text, _l, translations
from tests.conftest import Server

SIDEBAR = '<nav class="side"'


@pytest.fixture
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        found = {
            name: await stack.enter_async_context(aclosing(shared_server.let_in("acme", f"{name}@acme.test")))
            for name in ("ana", "carla")
        }
        yield found | {"nobody": await stack.enter_async_context(shared_server.client("acme"))}


def ways_on(page: httpx.Response) -> dict[str, str]:
    """The links of an error's page, by what they say."""
    actions = re.findall(r'<p class="actions">(.*?)</p>', page.text, re.DOTALL)[-1]
    return {label: unescape(address) for address, label in re.findall(r'<a [^>]*href="([^"]*)">([^<]*)</a>', actions)}


async def number_of(client: httpx.AsyncClient) -> str:
    return re.findall(r'<body [^>]*data-member="(\d+)"', (await client.get("/")).text)[0]


async def test_whoever_is_signed_in_sees_an_error_in_the_frame(people: dict[str, httpx.AsyncClient]) -> None:
    for status, answer in (
        (404, await people["carla"].get("/c/books/999999")),
        (404, await people["carla"].get("/nothing")),
        (403, await people["carla"].get("/audit")),
        (405, await people["carla"].put("/c/books")),
        (413, await people["carla"].post("/account/name", content=b"name=" + b"x" * 100_000)),
    ):
        assert answer.status_code == status
        assert SIDEBAR in answer.text, status
        assert "Biblioteca Acme" in answer.text
        assert 'role="alert"' in answer.text


async def test_whoever_is_not_sees_it_under_the_name_of_the_workspace(people: dict[str, httpx.AsyncClient]) -> None:
    missing = await people["nobody"].get("/nothing")
    assert missing.status_code == 404
    assert SIDEBAR not in missing.text
    assert "Biblioteca Acme</p>" in missing.text


async def test_what_nobody_looks_at_more_closely_is_refused_in_the_name_and_language_of_the_workspace(
    shared_server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    await people["nobody"].get("/login")  # a process knows the workspaces that it has served
    portuguese = {"accept-language": "pt-BR"}
    for status, heading, path, headers in (
        (400, "This request can't be read", "/%00", {}),
        (403, "This is not allowed", "/login", {"sec-fetch-site": "cross-site"}),
        (431, "This request can't be read", "/", {"x-long": "x" * 33_000}),
    ):
        for who in ("nobody", "carla"):
            refused = await people[who].post(path, headers=headers | portuguese)
            assert refused.status_code == status
            assert f"<h1>{heading}</h1>" in unescape(refused.text)
            assert "Biblioteca Acme</p>" in refused.text
            assert 'data-accent="green"' in refused.text


async def test_what_the_central_host_refuses_is_in_the_language_that_was_chosen_there(shared_server: Server) -> None:
    async with shared_server.client("") as visitor:
        refused = await visitor.get("/%00", headers={"cookie": "language=pt_BR"})
    assert refused.status_code == 400
    assert translations("pt_BR").gettext("This request can't be read") in unescape(refused.text)


async def test_an_address_without_a_workspace_is_said_in_the_language_of_the_browser(shared_server: Server) -> None:
    say = translations("pt_BR").gettext
    async with shared_server.client("no-such-place") as visitor:
        missing = await visitor.get("/", headers={"accept-language": "pt-BR"})
    assert missing.status_code == 404
    assert say("Page not found") in unescape(missing.text)


async def test_a_form_that_is_refused_leads_back_to_what_was_typed(
    shared_server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    carla = people["carla"]
    typed = {"for-member": await number_of(carla), "title": "Stocktaking on Friday", "text": "All day"}
    before = shared_server.url("acme", "/announcements?page=2")
    refused = await carla.post("/announcements", data=typed, headers={"referer": before})
    assert refused.status_code == 403
    assert ways_on(refused)["Back to what you typed"] == "/announcements?page=2"
    assert "Stocktaking on Friday" in refused.text
    for elsewhere in ("https://evil.test/announcements", "//evil.test/", ""):
        refused = await carla.post("/announcements", data=typed, headers={"referer": elsewhere})
        assert list(ways_on(refused)) == ["Go to Home"]


async def test_too_many_attempts_say_when_it_may_be_tried_again(server: Server) -> None:
    async with server.client("") as visitor:
        for _ in range(60):
            await visitor.get("/signup/address?slug=acme")
        refused = await visitor.get("/signup/address?slug=acme")
    assert refused.status_code == 429
    assert re.search(r"checked too many addresses\. Wait \d+ (second|minute)s?, then try again\.", refused.text)
    assert "<h1>Too many requests</h1>" in refused.text
    assert ways_on(refused)["Try again"] == "/signup/address?slug=acme"


@pytest.mark.parametrize(
    ("detail", "wait", "said"),
    [
        (None, 0, "Wait a few minutes, then try again."),
        (None, 5, "Wait 5 seconds, then try again."),
        (
            _l("Too many attempts. Wait %(wait)s, then try again."),
            5,
            "Too many attempts. Wait 5 seconds, then try again.",
        ),
        (_l("That was too fast."), 5, "That was too fast. You can try again in 5 seconds."),
    ],
)
def test_what_is_too_much_says_once_how_long_to_wait(detail: Text | None, wait: int, said: str) -> None:
    shown = describe_error_page(429, request_id="a" * 16, detail=detail, wait=wait)
    assert shown["explanation"].translate("en") == said
    if detail and "%(wait)s" in detail.message:  # so does what is told to scripts and programs
        assert PageError(429, detail, retry_after=wait).text.translate("en") == said
