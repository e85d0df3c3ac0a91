"""A page while an agent edits. `PICTURES=yes pytest tests/browser/test_agents.py` makes the picture of docs/agents."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from playwright.async_api import expect

from tests.conftest import Server
from tests.programs.agents import agent_of

PICTURE = Path(__file__).parent.parent.parent / "docs" / "pictures" / "agent.png"


async def test_a_person_sees_that_an_agent_edits_and_asks_for_the_record(server: Server, person: Any) -> None:
    bruno = await person(server, "acme", "bruno@acme.test")
    await bruno.open("/c/books/40")
    book = {"collection": "books", "number": 40}
    async with agent_of(server, "ana@acme.test", name="Librarian") as agent:
        begun = await agent.use("begin_editing", **book)
        await expect(bruno.page.get_by_text("An agent for Ana has been editing")).to_be_visible()
        version = begun["record"]["version"]
        said = await agent.use("change_record", **book, lock=begun["lock"], version=version, values={"year": 1881})
        assert said["standing"]["requests"] == []
        await expect(bruno.page.locator("dl.fields")).to_contain_text("1881")
        await expect(bruno.page.locator(".history li").first).to_contain_text("An agent for Ana")
        if os.environ.get("PICTURES"):
            await bruno.page.set_viewport_size({"width": 1280, "height": 640})
            await bruno.page.screenshot(path=PICTURE)
        await bruno.page.get_by_role("button", name="Ask to edit").click()
        await expect(bruno.page.get_by_text("An agent for Ana was asked")).to_be_visible()
        told = await agent.use("keep_editing", **book, lock=begun["lock"])
        (request,) = told["standing"]["requests"]
        assert request["name"] == "Bruno"
        await agent.use("hand_over", **book, lock=begun["lock"], waiting=request["waiting"])
        await expect(bruno.page.get_by_text("It is your turn.")).to_be_visible()
        code = await agent.fail("change_record", **book, lock=begun["lock"], version=version + 1, values={"year": 1})
        assert code == "locked"
