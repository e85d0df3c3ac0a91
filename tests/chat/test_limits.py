"""How fast one person may write, over HTTP."""

from __future__ import annotations

from contextlib import aclosing

from tests.conftest import Server


async def test_who_writes_too_fast_is_told_and_others_write_on(server: Server) -> None:
    async with (
        aclosing(await server.sign_in("acme", "ana@acme.test")) as ana,
        aclosing(await server.sign_in("acme", "carla@acme.test")) as carla,
    ):
        codes = []
        for number in range(302):
            answer = await ana.post(
                "/chat/general", data={"text": f"Fast {number}", "key": f"fast {number}"}, headers={"x-page": "1"}
            )
            codes.append(answer.status_code)
        assert codes == [200] * 300 + [429] * 2
        assert answer.text == "That was too fast. Wait a moment, then send it again."
        page = await ana.post("/chat/general", data={"text": "Kept in its box", "key": "page"})
        assert page.status_code == 429
        assert "That was too fast." in page.text
        assert ">Kept in its box</textarea>" in page.text
        changed = await ana.post("/chat/general/messages/7/edit", data={"text": "Fast 0, mended"})
        assert changed.status_code == 303
        said = await carla.post("/chat/general", data={"text": "Slow", "key": "slow"})
        assert said.status_code == 303
