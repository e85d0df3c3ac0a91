"""How others see a member, and the workspace: names and pictures, as programs change them."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image

from tests.conftest import Server
from tests.programs.conftest import API, LetIn, problem_of

PICTURE, LOGO = f"{API}/profile/picture", f"{API}/settings/logo"


@pytest.fixture
async def davi(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in("davi@acme.test", name="portrait")


def draw(side: int = 300) -> bytes:
    drawn = io.BytesIO()
    Image.new("RGB", (side, side), "teal").save(drawn, "PNG")
    return drawn.getvalue()


def find_shown(server: Server, email: str) -> str | None:
    ((key,),) = server.store.rows("SELECT picture FROM member WHERE tenant_id = 1 AND email = ?", email)
    return str(key) if key else None


async def test_a_member_is_called_otherwise(davi: httpx.AsyncClient) -> None:
    own = (await davi.get(f"{API}/profile")).json()
    assert (own["name"], own["email"]) == ("Davi", "davi@acme.test")
    assert (await davi.patch(f"{API}/profile", json={"name": "Davi D."})).json()["name"] == "Davi D."
    assert (await davi.get(f"{API}/members/{own['id']}")).json()["name"] == "Davi D."
    assert (await davi.patch(f"{API}/profile", json={"name": "Davi"})).status_code == 200
    assert problem_of(await davi.patch(f"{API}/profile", json={"name": "www.evil.example"})) == (422, "invalid")
    assert problem_of(await davi.patch(f"{API}/profile", json={"role": "owner"})) == (422, "invalid")


async def test_a_member_has_a_picture(shared_server: Server, davi: httpx.AsyncClient, let_in: LetIn) -> None:
    key = {"idempotency-key": "portrait"}
    assert (await davi.post(PICTURE, content=draw(), headers=key)).status_code == 200
    shown = find_shown(shared_server, "davi@acme.test")
    assert shown
    assert (await davi.post(PICTURE, content=draw(), headers=key)).status_code == 200
    assert find_shown(shared_server, "davi@acme.test") == shown, "it was done once"
    refused = await davi.post(PICTURE, content=b"no picture")
    assert problem_of(refused) == (422, "invalid")
    for wrong in (b"no picture", b"", draw()[:-200]):
        for path in (PICTURE, LOGO):
            sends = davi if path == PICTURE else await let_in("ana@acme.test")
            refused = await sends.post(path, content=wrong)
            assert problem_of(refused) == (422, "invalid")
            assert [each["field"] for each in refused.json()["errors"]] == ["picture"]
    assert problem_of(await davi.post(PICTURE, content=b"x" * 9_000_000)) == (413, "too-large")
    assert find_shown(shared_server, "davi@acme.test") == shown
    assert (await davi.delete(PICTURE)).status_code == 204
    assert find_shown(shared_server, "davi@acme.test") is None
    assert (await davi.delete(PICTURE)).status_code == 204


async def test_admins_give_the_workspace_a_logo(davi: httpx.AsyncClient, let_in: LetIn) -> None:
    ana = await let_in("ana@acme.test", name="logo")
    assert problem_of(await davi.post(LOGO, content=draw())) == (403, "forbidden")
    assert problem_of(await davi.delete(LOGO)) == (403, "forbidden")
    assert (await ana.post(LOGO, content=draw())).status_code == 200
    assert (await ana.get("/logo")).headers["content-type"] == "image/webp"
    assert (await ana.delete(LOGO)).status_code == 204
    assert (await ana.get("/logo")).status_code == 404
