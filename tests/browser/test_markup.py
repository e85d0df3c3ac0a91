"""Texts of people stay text, whatever a script does with the page that shows them."""

from __future__ import annotations

import re
from contextlib import aclosing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Request, expect

from tests.browser.pages import ready
from tests.browser.test_accessible import list_pages
from tests.conftest import Server

SCRIPTS = Path(__file__).parent.parent.parent / "app" / "static" / "js"
# What makes text of nodes, or nodes of text in the page itself.
SERIALISED = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|XMLSerializer|createContextualFragment|[gs]etHTML|document\.write|"
    r"htmx\.(?:swap|ajax)"
)
HOSTILE = "<hx-z hx-post=/stolen hx-trigger=load>"
# Browsers before 2025 write `<` and `>` in attributes as they are.
OLD_BROWSER = """() => {
  for (const [prototype, name] of [[Element.prototype, "innerHTML"], [Element.prototype, "outerHTML"]]) {
    const { get, set } = Object.getOwnPropertyDescriptor(prototype, name);
    Object.defineProperty(prototype, name, { set, configurable: true, get() {
      return get.call(this).replace(/="[^"]*"/g, (value) => value.replaceAll("&lt;", "<").replaceAll("&gt;", ">"));
    } });
  }
}"""
# A page that shows it beside the names in the sidebar, which are the same in all.
HOSTILE_MAIN = re.compile(r"<main.*&lt;hx-z.*</main>", re.DOTALL)
REFRESH = "document.dispatchEvent(new CustomEvent('page:refresh'))"


def test_no_script_makes_text_of_the_page() -> None:
    found = {path.name: hits for path in SCRIPTS.glob("*.js") if (hits := SERIALISED.findall(path.read_text())) != []}
    assert found == {"morph.js": ["htmx.swap"]}
    assert SERIALISED.findall("htmx.swap({ text: node.outerHTML })") == ["htmx.swap", "outerHTML"]
    assert "text: PLACE" in (SCRIPTS / "morph.js").read_text()


@pytest.mark.sqlite
async def test_no_text_of_a_person_becomes_a_request_in_a_browser_that_does_not_escape_attributes(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await ana.page.add_init_script(f"({OLD_BROWSER})()")
    stolen: list[str] = []

    def note(request: Request) -> None:
        if "/stolen" in request.url:
            stolen.append(request.url)

    ana.page.on("request", note)
    async with (
        aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno,
        aclosing(await server.sign_in("acme", "carla@acme.test")) as carla,
    ):

        async def post(path: str, client: Any = carla, **fields: str) -> str:
            answer = await client.post(path, data=fields)
            assert answer.status_code == 303, (path, answer.text)
            return str(answer.headers["location"])

        async def say(text: str, **fields: str) -> None:
            await post("/chat/general", text=text, key=uuid4().hex, **fields)

        await post("/account/name", name=f"Carla {HOSTILE}")
        await post("/collections/new", bruno, name=f"Things {HOSTILE}"[:60], first="Name")
        choices = f"one {HOSTILE}\ntwo"
        await post("/c/books/fields", bruno, label=f"Kind {HOSTILE}"[:60], kind="choice", choices=choices)
        await post("/chat/new", name=f"Room {HOSTILE}", description=HOSTILE)
        await post("/announcements", bruno, title=HOSTILE, text=HOSTILE)
        brought = await carla.post("/chat/general/files", files={"file": (f"a {HOSTILE}.txt", b"words")})
        assert brought.status_code < 400
        address = (await post("/c/books/new", title=f"two {HOSTILE}", author=HOSTILE)).partition("?")[0]
        await say(f'{HOSTILE} [a](http://x.test "{HOSTILE}") #{address.rpartition("/")[2]} @Carla')

        await ana.open("/c/books?q=hx-z")
        for year in ("1901", "1902"):  # the row is there: its nodes are kept
            version = str(server.store.rows("SELECT version FROM record WHERE tenant_id = 1 ORDER BY id DESC")[0][0])
            await post(f"{address}/edit", title=f"two {HOSTILE}", author=HOSTILE, year=year, version=version)
            await expect(ana.page.get_by_role("row").filter(has_text="two <hx-z")).to_contain_text(year)
        await ana.open("/chat/general")
        message = ana.page.locator("ol.messages > .message").last
        await message.focus()  # somebody is at it: its nodes are kept
        number = await message.get_attribute("data-number")
        await post(f"/chat/general/messages/{number}/react", emoji="👍")
        await expect(message.locator(".reactions")).to_contain_text("👍")
        await post("/account/name", name=f"Carla again {HOSTILE}")
        async with aclosing(await server.sign_in("acme", "ana@acme.test")) as client:
            paths = [path for path in {address, *list_pages()} if HOSTILE_MAIN.search((await client.get(path)).text)]
        assert len(paths) > 8, paths
        for path in paths:
            await ana.page.goto(ana.origin + path)
            await ready(ana.page)
            await ana.page.evaluate(REFRESH)
            await ready(ana.page)  # it has been fetched anew
    assert stolen == []
