"""Apps and their bots: who makes them, what a bot may, and what it is not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest
from PIL import Image
from sqlalchemy import select

from app.accounts.members import Member, find_zones
from app.accounts.program_tokens import Token
from app.accounts.reauthentication import WITHOUT_RIGHTS
from app.database import Database
from app.demo import PASSWORD
from app.gateway.apps import GatewayApp, WantedApp, end_app, find_app, make_app, workspace_of_key
from app.gateway.secrets import secret_of
from app.tenants.members import change_role, hand_over_ownership
from app.tenants.usage import measure_workspaces
from app.web.errors import PageError
from app.web.forms import Invalid
from app.web.origins import is_origin_allowed
from tests.conftest import Server
from tests.gateway.conftest import add_app

ACME, GLOBEX = 1, 2


@pytest.fixture
async def bruno(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as client:
        yield client


async def test_an_admin_makes_an_app_whose_secret_is_shown_once(server: Server, bruno: httpx.AsyncClient) -> None:
    made = await bruno.post(
        "/settings/apps", data={"name": "Front end", "role": "member", "origins": "*", "scopes": "records:read"}
    )
    assert "REVERB_APP_SECRET=" in made.text
    assert "mut_" in made.text
    listed = await bruno.get("/settings/apps")
    assert "Front end" in listed.text
    assert "REVERB_APP_SECRET" not in listed.text
    assert "bot" in (await bruno.get("/members")).text
    audit = (await bruno.get("/audit")).text
    assert "created the app" in audit
    for role in ("owner", "god"):
        refused = await bruno.post("/settings/apps", data={"name": "X", "role": role})
        assert refused.status_code in (403, 422)
    wrong = await bruno.post("/settings/apps", data={"name": "X", "role": "member", "origins": "not an origin!"})
    assert wrong.status_code == 422
    assert "not an origin!" in wrong.text, "what was typed is still there"


async def test_the_secret_is_changed_with_both_good_meanwhile(server: Server, bruno: httpx.AsyncClient) -> None:
    app = add_app(server)
    first = await bruno.post(f"/settings/apps/{app['id']}/secret")
    assert "REVERB_APP_SECRET=" in first.text
    assert app["secret"] not in first.text
    asked = await bruno.get(f"/settings/apps/{app['id']}/secret/drop")
    assert "can&#39;t be undone" in asked.text
    assert (await bruno.post(f"/settings/apps/{app['id']}/secret/drop")).status_code == 303


async def test_a_key_says_its_workspace_and_is_found_there_alone(database: Database) -> None:
    async with database.write(ACME) as transaction:
        app, _ = await make_app(transaction, None, WantedApp("Front end"))
        key = app.key
    assert workspace_of_key(key) == ACME
    async with database.read(GLOBEX) as transaction:
        assert await find_app(transaction, key) is None
    async with database.read(ACME) as transaction:
        assert await find_app(transaction, key) is not None
    for strange in ("", "g", "1g", "g" + "0" * 20, "1g" + "0" * 19, "zz" + key, key + "\n", "f" * 16 + "g" + "0" * 20):
        assert workspace_of_key(strange) == 0


async def test_a_bot_is_no_person(database: Database) -> None:
    async with database.read(ACME) as transaction:
        zones = await find_zones(transaction)
    async with database.write(ACME) as transaction:
        app, bot = await make_app(transaction, None, WantedApp("Front end", role="admin"))
        owner = await transaction.get_one(Member, 1)
        with pytest.raises(Invalid):
            await change_role(transaction, None, bot, "owner")
        with pytest.raises(PageError):
            await hand_over_ownership(transaction, owner, bot)
        assert bot.email is None
    async with database.read(ACME) as transaction:
        assert await find_zones(transaction) == zones
    async with database.count() as transaction:
        counted = await measure_workspaces(transaction, "members", [ACME])
    assert counted[ACME] == 4
    async with database.write(ACME) as transaction:
        found = await transaction.scalar(select(GatewayApp).where(GatewayApp.id == app.id))
        assert found
        await end_app(transaction, None, found, await transaction.get_one(Member, bot.id))
        assert await find_app(transaction, found.key) is None
        working = [each for each in await transaction.scalars(select(Token)) if each.works]
        assert not [each for each in working if each.member_id == bot.id]


async def test_a_role_above_ones_own_is_given_to_no_bot(database: Database) -> None:
    async with database.write(ACME) as transaction:
        carla = await transaction.get_one(Member, 3)
        with pytest.raises(PageError):
            await make_app(transaction, carla, WantedApp("Front end"))
        with pytest.raises(Invalid):
            await make_app(transaction, None, WantedApp("Front end", role="owner"))
    assert "member" in WITHOUT_RIGHTS


def test_a_secret_is_made_of_what_the_installation_has_and_what_is_stored() -> None:
    assert secret_of("a" * 32, b"x" * 16) == secret_of("a" * 32, b"x" * 16)
    assert secret_of("a" * 32, b"x" * 16) != secret_of("b" * 32, b"x" * 16)
    assert secret_of("a" * 32, b"x" * 16) != secret_of("a" * 32, b"y" * 16)


async def test_nothing_of_a_secret_is_in_the_database(server: Server) -> None:
    app = add_app(server)
    stored = server.store.rows("SELECT * FROM gateway_app")
    assert app["secret"] not in json.dumps(stored, default=repr)


@pytest.mark.parametrize(
    ("pattern", "origin", "allowed"),
    [
        ("*", "https://any.example", True),
        ("https://example.org", "https://example.org", True),
        ("https://example.org", "http://example.org", False),
        ("https://example.org", "https://example.org:8443", False),
        ("https://example.org:*", "https://example.org:8443", True),
        ("http://localhost:5173", "http://localhost:5173", True),
        ("http://localhost:5173", "http://localhost:5174", False),
        ("hero.localhost", "http://hero.localhost:8080", True),
        ("*.hero.localhost", "http://acme.hero.localhost", True),
        ("*.hero.localhost", "http://hero.localhost", False),
        ("*.hero.localhost", "http://evilhero.localhost", False),
        ("example.org", "https://example.org.evil.example", False),
        ("example.org", "null", False),
        ("https://example.org", "https://user@example.org", False),
        ("https://example.org", "https://evil.example@example.org", False),
        ("*.example.org", "https://:@a.example.org", False),
        ("example.org", "https://[", False),
    ],
)
def test_which_pages_may_connect(pattern: str, origin: str, allowed: bool) -> None:
    assert is_origin_allowed(origin, [pattern]) is allowed


async def test_admins_are_told_when_whoever_made_an_app_has_a_lower_role_than_its_bot(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        for role in ("admin", "member"):
            made = await bruno.post("/settings/apps", data={"name": f"As {role}", "role": role})
            assert made.status_code == 200
    eva = ("eva@acme.test", "--name", "Eva", "--role", "admin", "--password", PASSWORD)
    assert server.run("member", "add", "acme", *eva).returncode == 0
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        assert (await ana.post("/members/2/role", data={"role": "member"})).status_code == 303
        assert "As admin has a lower role" not in (await ana.get("/notifications")).text, "she has done it herself"
    async with aclosing(await server.sign_in("acme", "eva@acme.test")) as other:
        told = (await other.get("/notifications")).text
    assert "now has a lower role than its bot" in told
    assert "As admin" in told
    assert "As member" not in told
    assert len(server.store.rows("SELECT id FROM notification WHERE kind = 'app-maker'")) == 1


async def test_pages_of_an_apps_origins_call_with_the_token_of_its_bot(server: Server) -> None:
    app = add_app(server, "acme", "--origin", "https://front.example.org", "--origin", "*.example.net")

    async def try_from(origin: str) -> tuple[str | None, int, str | None]:
        """What a browser is told before, and what comes of a change that a page of an origin makes."""
        async with server.client("acme") as caller:
            caller.headers.pop("sec-fetch-site")
            caller.headers["origin"] = origin
            before = await caller.options("/api/v1/collections/books/records/1/lock")
            caller.headers["authorization"] = f"Bearer {app['token']}"
            taken = await caller.post("/api/v1/collections/books/records/1/lock")
            if taken.status_code == 201:
                proof = {"lock": taken.json()["lock"]}
                assert (await caller.delete("/api/v1/collections/books/records/1/lock", headers=proof)).is_success
            name = "access-control-allow-origin"
            return before.headers.get(name), taken.status_code, taken.headers.get(name)

    for origin in ("https://front.example.org", "https://a.example.net"):
        assert await try_from(origin) == (origin, 201, origin)
    for origin in ("https://evil.example", "http://front.example.org", "null"):
        assert await try_from(origin) == (None, 403, None)
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        said = {"origins": "https://other.example", "client_events": "yes"}
        assert (await bruno.post(f"/settings/apps/{app['id']}", data=said)).status_code == 303
    assert await try_from("https://front.example.org") == (None, 403, None)
    assert await try_from("https://other.example") == ("https://other.example", 201, "https://other.example")


async def test_a_bot_has_a_picture_as_people_have(server: Server, tmp_path: Path) -> None:
    app = add_app(server)
    picture = tmp_path / "bot.png"
    Image.new("RGB", (300, 200), "teal").save(picture)
    path, shown = f"/settings/apps/{app['id']}/picture", f"/pictures/{app['member']}"
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        sent = await bruno.post(path, files={"picture": ("bot.png", picture.read_bytes())})
        assert (sent.status_code, sent.headers["location"]) == (303, f"/settings/apps/{app['id']}?done=app-changed")
        assert shown in (await bruno.get("/pictures.css")).text
        assert "Remove the picture" in (await bruno.get(f"/settings/apps/{app['id']}")).text
        refused = await bruno.post(path, files={"picture": ("bot.png", b"no picture")})
        assert refused.status_code == 422
        assert "Choose a picture" in refused.text
        assert (await bruno.post(f"{path}/remove")).status_code == 303
        assert shown not in (await bruno.get("/pictures.css")).text
        assert server.run("app", "picture", "acme", app["id"], str(picture)).returncode == 0
        assert shown in (await bruno.get("/pictures.css")).text
        assert server.run("app", "picture", "acme", app["id"], "--remove").returncode == 0
        assert server.run("app", "picture", "acme", app["id"]).returncode == 1
        assert shown not in (await bruno.get("/pictures.css")).text
        assert (await bruno.post("/settings/apps/999/picture", files={"picture": ("bot.png", b"")})).status_code == 404


async def test_where_an_apps_server_is_told_things_is_said_on_its_page(server: Server) -> None:
    path = f"/settings/apps/{add_app(server)['id']}"
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as bruno:
        assert "channel_existence" in (await bruno.get(path)).text
        said = {"address": "https://hooks.example.org/pusher", "kinds": ["presence", "cache_misses"]}
        assert (await bruno.post(f"{path}/webhook", data=said)).status_code == 303
        assert "https://hooks.example.org/pusher" in (await bruno.get(path)).text
        for wrong in ({**said, "address": "https://10.0.0.1/"}, {"address": said["address"]}):
            assert (await bruno.post(f"{path}/webhook", data=wrong)).status_code == 422
        assert "changed the webhook of the app" in (await bruno.get("/audit")).text
    assert server.store.rows("SELECT hook_kinds FROM gateway_app")[0][0] in (
        ["cache_misses", "presence"],
        '["cache_misses", "presence"]',
    )
