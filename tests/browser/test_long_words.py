"""Names of forty letters without a space fit a desk and a phone, wherever they stand."""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.browser.pages import ready
from tests.browser.test_accessible import LAYOUT
from tests.conftest import Server

WORD = "Aguardandopecasdofornecedorinternacional"
FIELDS = {
    "text": {},
    "choice": {"choices": f"{WORD}1\nOpen"},
    "choices": {"choices": f"{WORD}2\n{WORD}3"},
    "person": {"several": "yes"},
    "files": {},
    "link": {},
    "email": {},
    "long_text": {},
    "whole_number": {"unit": WORD[:10]},
}

# What is written over the next column of a list.
OVER = """() => [...document.querySelectorAll('record-list td')].filter((cell) => {
  const range = document.createRange();
  range.selectNodeContents(cell);
  return [...range.getClientRects()].some(({ right }) => right > cell.getBoundingClientRect().right + 1);
}).map((cell) => cell.textContent.trim())"""


async def make_long(ana: httpx.AsyncClient) -> list[str]:
    """Call everything by long words; the pages that have them."""
    assert (await ana.post("/account/name", data={"name": f"{WORD}A"})).status_code == 303
    made = await ana.post("/collections/new", data={"name": WORD, "first": WORD})
    address = made.headers["location"].partition("/fields")[0].partition("?")[0]
    for kind, more in FIELDS.items():
        added = await ana.post(f"{address}/fields", data={"label": f"{WORD}_{kind}", "kind": kind, **more})
        assert added.status_code == 303, added.text
    refs = re.findall(r'href="/c/[^"]*/fields/(f\d+)#', (await ana.get(f"{address}/fields")).text)
    name, text, choice, choices, people, files, link, email, prose, number = refs
    typed: dict[str, Any] = {
        name: WORD, text: WORD, choice: "#1", choices: ["#1", "#2"], people: ["#1", "#2"], link: f"https://{WORD}.test/{WORD}",
        email: f"{WORD}@example.com", prose: f"**{WORD}** {WORD}", number: "123456789012345",
        "draft-version": "0", "form-key": "k" * 22,
    }  # fmt: skip
    sent = {f"file-{files}": (f"{WORD}.txt", b"Long")}
    kept = await ana.post(f"{address}/files/{files}", data=typed, files=sent)
    (file_id,) = re.findall(rf'name="{files}" value="([^"]+)"', kept.text)
    added = await ana.post(f"{address}/new", data={**typed, files: file_id})
    assert added.status_code == 303, added.text
    record = added.headers["location"].partition("?")[0]
    opened = (await ana.get(f"{record}/edit", headers={"sec-fetch-site": "same-origin"})).text
    lock = dict(re.findall(r'<input type="hidden" name="(version|lock-token)" value="([^"]+)"', opened))
    changed = {**typed, choice: "#2", choices: "#2", text: f"{WORD}s", files: "", people: "#3"}
    assert (await ana.post(f"{record}/edit", data={**changed, **lock})).status_code == 303
    opened = (await ana.get(f"{record}/edit", headers={"sec-fetch-site": "same-origin"})).text
    lock = dict(re.findall(r'<input type="hidden" name="(version|lock-token)" value="([^"]+)"', opened))
    assert (await ana.post(f"{record}/edit", data={**typed, **lock, files: file_id})).status_code == 303
    room = (await ana.post("/chat/new", data={"name": WORD, "description": WORD})).headers["location"].partition("?")[0]
    for said in (f"@Bruno {WORD}{WORD}", f"#{WORD}"):
        assert (await ana.post(room, data={"text": said, "key": said[:9]})).status_code == 303
    return [
        record,
        address,
        f"{address}/fields",
        f"{address}/fields/{choice}",
        room,
        f"{room}/about",
        "/chat",
        "/notifications",
        "/",
    ]


@pytest.mark.sqlite
async def test_long_names_without_a_space_fit_wherever_they_stand(server: Server, person: Any) -> None:
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        paths = await make_long(ana)
    bruno = await person(server, "acme", "bruno@acme.test", viewport={"width": 390, "height": 800})
    complaints = []
    for width in (1280, 390, 320):
        await bruno.page.set_viewport_size({"width": width, "height": 800})
        for path in paths:
            await bruno.page.goto(bruno.origin + path)
            await ready(bruno.page)
            if path == paths[1]:
                complaints += [
                    f"{width} {path}: {text} is over the next column" for text in await bruno.page.evaluate(OVER)
                ]
            complaints += [f"{width} {path}: {complaint}" for complaint in await bruno.page.evaluate(LAYOUT)]
    assert not complaints, "\n".join(complaints)
