"""How others see a member, and the workspace: names and pictures, as programs change them."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.conftest import Server
from tests.gateway.conftest import add_app
from tests.programs.conftest import API, LetIn, draw, problem_of

PICTURE, LOGO = f"{API}/profile/picture", f"{API}/settings/logo"


@pytest.fixture
async def davi(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in("davi@acme.test", name="portrait")


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


async def test_a_members_picture_is_read_by_who_knows_them(davi: httpx.AsyncClient, let_in: LetIn) -> None:
    own = (await davi.get(f"{API}/profile")).json()["id"]
    path = f"{API}/members/{own}/picture"
    carla = await let_in("carla@acme.test", scopes=["people:read"])
    assert problem_of(await carla.get(path)) == (404, "not-found")
    assert (await davi.post(PICTURE, content=draw())).status_code == 200
    shown = await carla.get(path)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
    assert Image.open(io.BytesIO(shown.content)).size == (192, 192)
    assert shown.headers["cache-control"] == "private, no-cache"
    tag = {"if-none-match": shown.headers["etag"]}
    again = await carla.get(path, headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "private, no-cache"
    part = await carla.get(path, headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"RIFF")
    assert (await davi.post(PICTURE, content=draw(100))).status_code == 200
    assert (await carla.get(path, headers=tag)).status_code == 200, "it is another one"
    unscoped = await let_in("carla@acme.test", scopes=["records:read"])
    assert problem_of(await unscoped.get(path)) == (403, "insufficient-scope")
    gil = await let_in("gil@globex.test", "globex")
    assert problem_of(await gil.get(path)) == (404, "not-found")
    assert (await davi.delete(PICTURE)).status_code == 204
    assert problem_of(await carla.get(path, headers=tag)) == (404, "not-found")


async def test_admins_give_bots_pictures(shared_server: Server, davi: httpx.AsyncClient, let_in: LetIn) -> None:
    bot = add_app(shared_server)["member"]
    bruno = await let_in("bruno@acme.test", name="portraits")
    path, own = (
        f"{API}/members/{bot}/picture",
        f"{API}/members/{(await davi.get(f'{API}/profile')).json()['id']}/picture",
    )
    for refused in (await davi.post(path, content=draw()), await davi.delete(path)):
        assert problem_of(refused) == (403, "forbidden")
    key = {"idempotency-key": "bots-portrait"}
    brought = await bruno.post(path, content=draw(), headers=key)
    assert (brought.status_code, brought.json()["id"]) == (200, int(bot))
    tag = (await davi.get(path)).headers["etag"]
    await bruno.post(path, content=draw(), headers=key)
    assert (await davi.get(path)).headers["etag"] == tag, "it was done once"
    for refused in (await bruno.post(own, content=draw()), await bruno.delete(own)):
        assert problem_of(refused) == (403, "forbidden"), "people choose their own"
    assert problem_of(await bruno.post(path, content=b"no picture")) == (422, "invalid")

    async def list_audited(what: str) -> list[dict[str, Any]]:
        listed = await bruno.get(f"{API}/audit", params={"what": what})
        return list(listed.json()["items"])

    before, removed = await list_audited("member.picture"), await list_audited("member.picture-removed")
    assert (before[0]["member"]["name"], before[0]["program"]) == ("Bruno", "portraits")
    assert (await bruno.delete(path)).status_code == 204
    assert (await bruno.delete(path)).status_code == 204, "there is none any more"
    assert await list_audited("member.picture") == before
    assert len(await list_audited("member.picture-removed")) == len(removed) + 1
    assert problem_of(await davi.get(path)) == (404, "not-found")
    assert problem_of(await bruno.post(f"{API}/members/999999/picture", content=draw())) == (404, "not-found")
