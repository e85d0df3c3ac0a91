"""What proves that a lock is one's own goes to the taker alone."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack, aclosing

import httpx

from app.database import Base
from tests.conftest import Server

BOOK = "/c/books/40"
PROOF = re.compile(r"\b\d+-([0-9a-f]{32})\b")


class Reader:
    """A browser that remembers the proofs that it was given, and what else it was shown."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.proof = ""
        self.secrets: set[str] = set()
        self.shown: list[str] = []

    async def get(self, path: str) -> None:
        self.keep(await self.client.get(path))

    async def post(self, path: str, **form: str) -> httpx.Response:
        answer = await self.client.post(f"{BOOK}/{path}", data={"lock-token": self.proof, "version": "1", **form})
        self.keep(answer)
        if answer.status_code == 303:
            await self.get(answer.headers["location"])
        return answer

    def keep(self, answer: httpx.Response) -> None:
        self.shown += [answer.text, str(answer.headers), str(answer.request.url)]
        for found in PROOF.finditer(f"{answer.text} {answer.headers.get('x-lock', '')}"):
            self.proof = found[0]
            self.secrets.add(found[1])


async def test_a_proof_is_in_no_partial_no_log_no_address_no_table_and_nobody_elses_page(server: Server) -> None:
    async with AsyncExitStack() as stack:
        ana, bruno, carla = [
            Reader(await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test"))))
            for name in ("ana", "bruno", "carla")
        ]
        await carla.get(f"{BOOK}/edit")
        ((version,),) = server.store.rows("SELECT version FROM record WHERE tenant_id = 1 AND number = 40")
        assert (await carla.post("lock/renew", version=str(version))).status_code == 204
        assert (await carla.post("draft", title="Another title", version=str(version))).status_code == 204
        await bruno.post("lock/ask")
        ((waiting,),) = server.store.rows("SELECT id FROM waiting")
        await carla.post("lock/keep", waiting=str(waiting))
        ((token,),) = server.store.rows("SELECT lock_token FROM record WHERE tenant_id = 1 AND number = 40")
        await ana.post("lock/take-over", **{"seen-lock": str(token)})
        await ana.post("lock/hand-over", waiting=str(waiting))
        await bruno.get(f"{BOOK}/edit")
        await bruno.post("edit", title="", version=str(version))
        everybody = [ana, bruno, carla]
        for each in everybody:
            for path in (BOOK, "/c/books", "/", f"{BOOK}/history"):
                await each.get(path)
            assert each.secrets, "each has had the lock"
        addresses = [line for each in everybody for line in each.shown if line.startswith("http")]
        kept = [str(server.store.rows(f'SELECT * FROM "{name}"')) for name in Base.metadata.tables]
        for each in everybody:
            for secret in each.secrets:
                others = [text for other in everybody if other is not each for text in other.shown]
                for text in (*others, *addresses, *kept, server.log):
                    assert secret not in text
