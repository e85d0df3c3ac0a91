"""Pages fit where texts run from right to left, and where the system's few colours take the place of ours."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import pytest
from playwright.async_api import Page, expect

from app.demo import OPERATOR, PASSWORD
from tests.browser.pages import ready
from tests.browser.test_accessible import LAYOUT, LOOK
from tests.conftest import Person, Server

PAGES = ("/", "/c/books", "/c/books/40", "/chat/general", "/settings")


async def complain_of(page: Page, origin: str, direction: str = "ltr") -> list[str]:
    """What is wrong with what most people look at most."""
    complaints: list[str] = []
    for path in PAGES:
        await page.goto(origin + path)
        await ready(page)
        await page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
        found = await page.evaluate(LAYOUT) + await page.evaluate(LOOK)
        complaints += [f"{path}: {complaint}" for complaint in found]
    return complaints


@pytest.mark.sqlite
@pytest.mark.parametrize("width", [320, 1280])
async def test_nothing_is_cut_off_or_written_over_where_texts_run_from_right_to_left(
    shared_server: Server, person: Any, width: int
) -> None:
    ana: Person = await person(shared_server, "acme", "ana@acme.test", viewport={"width": width, "height": 800})
    assert not await complain_of(ana.page, ana.origin, "rtl")
    if width == 1280:
        sidebar, main = ana.page.locator(".side"), ana.page.locator("main")
        boxes = await sidebar.bounding_box(), await main.bounding_box()
        assert boxes[0]
        assert boxes[1]
        assert boxes[0]["x"] >= boxes[1]["x"] + boxes[1]["width"] - 1, "the sidebar is where lines begin"


@pytest.mark.sqlite
async def test_what_a_ground_tells_has_an_edge_in_forced_colours(shared_server: Server, person: Any) -> None:
    ana: Person = await person(
        shared_server,
        "acme",
        "ana@acme.test",
        viewport={"width": 1280, "height": 800},
        forced_colors="active",
        reduced_motion="reduce",
    )
    assert not await complain_of(ana.page, ana.origin)
    for chosen in (".shell-tabs a[aria-current]", ".side .avatar"):
        await expect(ana.page.locator(chosen).first).to_have_css("outline-style", "solid")


@pytest.mark.sqlite
async def test_on_a_phone_pictures_of_what_is_told_stand_beside_its_words(server: Server, person: Any) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        await ana.post("/members/4/role", data={"role": "viewer"})
        await ana.post("/chat/new", data={"name": "Moving"})
        await ana.post("/chat/moving/archive", data={"archived": "yes"})
        await ana.post("/account/name", data={"name": "Maria Aparecida Gonçalves dos Santos"})
        await ana.get("/c/books/40/edit", headers={"sec-fetch-site": "same-origin"})
    davi: Person = await person(server, "acme", "davi@acme.test", viewport={"width": 390, "height": 800})
    complaints: list[str] = []
    for path in ("/chat/general", "/chat/moving", "/c/books/40"):
        await davi.page.goto(davi.origin + path)
        await ready(davi.page)
        complaints += [f"{path}: {complaint}" for complaint in await davi.page.evaluate(LAYOUT)]
    assert not complaints


@pytest.mark.sqlite
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_what_cannot_be_changed_looks_otherwise(shared_server: Server, person: Any, scheme: str) -> None:
    ana: Person = await person(shared_server, "acme", "ana@acme.test", color_scheme=scheme)
    page = await ana.open("/notifications/preferences")
    grounds = [
        await page.locator(f"main select:{state}").first.evaluate("(each) => getComputedStyle(each).backgroundColor")
        for state in ("enabled", "disabled")
    ]
    assert grounds[0] != grounds[1]
    await page.locator("main input[type=time]").first.evaluate("(each) => { each.readOnly = true; }")
    await expect(page.locator("main input[readonly]")).to_have_css("background-color", grounds[1])


BROKEN_WORDS = """() => {
  const broken = [], { scrollWidth, clientWidth } = document.querySelector(".rooms");
  if (scrollWidth > clientWidth) broken.push(`${scrollWidth} px wide of ${clientWidth}`);
  for (const { firstChild: name } of document.querySelectorAll(".rooms td:first-child b")) {
    for (const { 0: word, index } of name.data.matchAll(/[^\\s-]+/g)) {
      const range = document.createRange();
      range.setStart(name, index);
      range.setEnd(name, index + word.length);
      if (range.getClientRects().length > 1) broken.push(word);
    }
  }
  return broken;
}"""
ROOMS = {
    "Planejamento das reuniões trimestrais da coordenação": "Onde combinamos as datas, as pautas e quem traz o quê",
    "Infraestrutura e desenvolvimento": "Servidores, cópias de segurança, atualizações e tudo o mais",
    "Atendimento": "",
}


@pytest.mark.sqlite
async def test_names_of_rooms_break_between_words_whatever_the_rooms_are_about(
    shared_server: Server, person: Any
) -> None:
    ana: Person = await person(shared_server, "acme", "ana@acme.test")
    for name, about in ROOMS.items():
        await ana.page.goto(f"{ana.origin}/chat/new")
        await ana.page.get_by_label("Name", exact=True).fill(name)
        await ana.page.locator("main [name=description]").fill(about)
        await ana.page.locator("main button.primary").click()
        await expect(ana.page.get_by_role("heading", name=name)).to_be_visible()
    for width in (1920, 1280, 1024, 768, 390):
        await ana.page.set_viewport_size({"width": width, "height": 800})
        await ana.page.goto(f"{ana.origin}/chat")
        await expect(ana.page.get_by_role("link", name="Planejamento")).not_to_have_count(0)
        assert await ana.page.evaluate(BROKEN_WORDS) == [], f"at {width} px"


@pytest.mark.sqlite
@pytest.mark.parametrize("language", ["en", "pt-BR"])
async def test_what_operators_see_on_a_phone_is_not_cut_off(
    shared_server: Server, new_context: Callable[..., Any], language: str
) -> None:
    page = await (await new_context(viewport={"width": 390, "height": 844}, locale=language)).new_page()
    await page.goto(shared_server.url("", "/operator"))
    await page.locator("#email").fill(OPERATOR)
    await page.locator("#password").fill(PASSWORD)
    await page.locator("main [type=submit]").click()
    await page.wait_for_url("**/operator")
    for path in ("/operator", "/operator/log"):
        await page.goto(shared_server.url("", path))
        for part in await page.locator(".tabs, .table").all():
            assert await part.evaluate("({ scrollWidth, clientWidth }) => scrollWidth <= clientWidth"), path
