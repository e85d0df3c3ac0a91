"""Programs that are let in, for tests: with a token that is there without a page."""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any, Protocol

import httpx
import pytest
from PIL import Image

from app.accounts.program_tokens import make_secret
from app.accounts.scopes import SCOPES
from app.accounts.sessions import digest
from app.database import now
from tests.conftest import Server

API = "/api/v1"
BOOK = f"{API}/collections/books/records/40"
ACME, GLOBEX = 1, 2


def add_token(server: Server, slug: str, email: str, **columns: Any) -> tuple[int, str]:
    """A token of a member, with what is said of it; its id, and what its program shows."""
    secret, moment = make_secret(), now()
    ((tenant_id, member_id),) = server.store.rows(
        "SELECT tenant.id, member.id FROM member JOIN tenant ON tenant.id = tenant_id WHERE slug = ? AND email = ?",
        *(slug, email),
    )
    said: dict[str, Any] = {"scopes": list(SCOPES), "collections": None, "rooms": None, "origins": [], **columns}
    written = {name: None if value is None else json.dumps(value) for name, value in said.items() if name != "name"}
    name = columns.get("name", f"script {secrets.token_hex(3)}")
    server.store.rows(
        "INSERT INTO token (tenant_id, member_id, name, token_hash, scopes, collections, rooms, origins, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        *(tenant_id, member_id, name, digest(secret), *written.values(), moment),
    )
    ((token_id,),) = server.store.rows("SELECT max(id) FROM token")
    return token_id, secret


def call_with(server: Server, slug: str, secret: str, **headers: str) -> httpx.AsyncClient:
    """A client of a program: it sends neither cookies nor an origin."""
    return httpx.AsyncClient(
        base_url=f"http://{server.address}:{server.port}",
        headers={"host": server.host(slug), "authorization": f"Bearer {secret}", **headers},
        timeout=20,
        verify=False,
    )


def draw(side: int = 300) -> bytes:
    """A picture, as a program brings one."""
    drawn = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(drawn, "PNG")
    return drawn.getvalue()


class LetIn(Protocol):
    async def __call__(self, email: str, slug: str = "acme", **columns: Any) -> httpx.AsyncClient: ...


@pytest.fixture
async def let_in(shared_server: Server) -> AsyncIterator[LetIn]:
    """Lets programs in, with tokens of members."""
    async with AsyncExitStack() as stack:

        async def add(email: str, slug: str = "acme", **columns: Any) -> httpx.AsyncClient:
            _, secret = add_token(shared_server, slug, email, **columns)
            return await stack.enter_async_context(aclosing(call_with(shared_server, slug, secret)))

        yield add


@pytest.fixture
async def ana(let_in: LetIn) -> httpx.AsyncClient:
    """A program of Ana's, who owns acme."""
    return await let_in("ana@acme.test", name="nightly")


@pytest.fixture
async def carla(let_in: LetIn) -> httpx.AsyncClient:
    """A program of Carla's, a member."""
    return await let_in("carla@acme.test", name="mirror")


async def change_as_read(program: httpx.AsyncClient, path: str, body: dict[str, Any]) -> httpx.Response:
    """Change what has no version, as it is now."""
    seen = await program.get(path)
    return await program.patch(path, json=body, headers={"if-match": seen.headers["etag"]})


def problem_of(answer: httpx.Response) -> tuple[int, str]:
    """The status and code of a problem, which is as every one."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    said = answer.json()
    assert said["status"] == answer.status_code
    assert said["type"] == f"urn:mutirao:problem:{said['code']}"
    assert said["request_id"] == answer.headers["x-request-id"]
    assert said["title"]
    assert said["detail"]
    return answer.status_code, said["code"]
