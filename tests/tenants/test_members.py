"""Members: who may do what with whom, what it says before, and that it holds at once."""

from __future__ import annotations

import contextlib
import io
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from PIL import Image

from app.accounts.members import add_member, find_member
from app.database import Database
from app.tenants.members import change_role, hand_over_ownership, leave_workspace, suspend_member
from app.web.errors import PageError
from app.web.forms import Invalid
from tests.conftest import Server

ACME = 1


@contextlib.asynccontextmanager
async def let_all_in(server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(server.let_in(tenant, f"{name}@{tenant}.test")))
            for name, tenant in (
                ("ana", "acme"),
                ("bruno", "acme"),
                ("carla", "acme"),
                ("davi", "acme"),
                ("gil", "globex"),
            )
        }


@pytest.fixture
async def people(server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with let_all_in(server) as made:
        yield made


@pytest.fixture(scope="module")
async def those_who_change_nothing(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with let_all_in(shared_server) as made:
        yield made


def rows(server: Server, statement: str, *values: Any) -> list[Any]:
    return server.store.rows(statement, *values)


def id_of(server: Server, name: str) -> int:
    return int(rows(server, "SELECT id FROM member WHERE name = ?", name)[0][0])


async def test_everybody_sees_who_is_a_member_and_admins_what_can_be_done(
    people: dict[str, httpx.AsyncClient], server: Server
) -> None:
    carla = (await people["carla"].get("/members")).text
    assert all(name in carla for name in ("Ana", "Bruno", "Carla", "Davi"))
    assert "Manage Davi" not in carla
    assert "Send invitation" not in carla
    bruno = (await people["bruno"].get("/members")).text
    assert "Manage Davi" in bruno
    assert "Manage Ana" not in bruno, "an admin does not manage owners"
    assert "Manage Bruno" not in bruno


@pytest.mark.parametrize("what", ["role", "suspend", "restore", "remove", "owner"])
@pytest.mark.parametrize(
    ("actor", "person"), [("carla", "Davi"), ("carla", "Ana"), ("bruno", "Ana"), ("bruno", "Bruno"), ("ana", "Ana")]
)
async def test_who_may_not_manage_somebody_changes_nothing(
    those_who_change_nothing: dict[str, httpx.AsyncClient], shared_server: Server, actor: str, person: str, what: str
) -> None:
    before = rows(shared_server, "SELECT * FROM member")
    address = f"/members/{id_of(shared_server, person)}/{what}"
    answer = await those_who_change_nothing[actor].post(address, data={"role": "admin"})
    assert answer.status_code == 403
    assert rows(shared_server, "SELECT * FROM member") == before


async def test_a_changed_role_holds_at_once_in_pages_and_sockets(
    people: dict[str, httpx.AsyncClient], server: Server
) -> None:
    bruno = id_of(server, "Bruno")
    async with server.connect("acme", people["bruno"]) as live:
        await live.send(f'{{"sub": "admins user.{bruno}", "last": 0, "n": 1}}')
        assert "<!--@1" in str(await live.recv())
        page = (await people["ana"].get(f"/members/{bruno}")).text
        assert "loses the old ones, immediately" in page
        answer = await people["ana"].post(f"/members/{bruno}/role", data={"role": "member"})
        assert answer.headers["location"] == f"/members/{bruno}?done=role-member&about={bruno}"
        assert (await people["bruno"].get("/settings")).status_code == 403
        while "data-refresh" not in str(await live.recv()):
            pass
    assert rows(server, "SELECT count(*) FROM event WHERE channel = '!unfollow'")[0][0] == 1


@pytest.mark.parametrize("role", ["", "king", "Owner", "member\0"])
async def test_a_role_that_is_none_is_refused_beside_the_choice(
    those_who_change_nothing: dict[str, httpx.AsyncClient], shared_server: Server, role: str
) -> None:
    address = f"/members/{id_of(shared_server, 'Davi')}/role"
    answer = await those_who_change_nothing["ana"].post(address, data={"role": role})
    assert answer.status_code == (303 if role == "member\0" else 422), "NUL is nothing in a form"


async def test_nobody_gives_a_role_above_their_own(
    those_who_change_nothing: dict[str, httpx.AsyncClient], shared_server: Server
) -> None:
    address = f"/members/{id_of(shared_server, 'Davi')}/role"
    answer = await those_who_change_nothing["bruno"].post(address, data={"role": "owner"})
    assert answer.status_code == 403


async def test_who_is_suspended_is_out_at_once_and_told_why(
    people: dict[str, httpx.AsyncClient], server: Server
) -> None:
    davi = id_of(server, "Davi")
    assert "signed out everywhere immediately" in (await people["bruno"].get(f"/members/{davi}")).text
    assert (await people["bruno"].post(f"/members/{davi}/suspend")).status_code == 303
    assert (await people["bruno"].post(f"/members/{davi}/suspend")).status_code == 303, "twice is as good as once"
    assert (await people["davi"].get("/members")).headers["location"].startswith("/login")
    assert "suspended" in (await people["ana"].get("/members")).text
    assert (await people["bruno"].post(f"/members/{davi}/restore")).status_code == 303
    await (await server.sign_in("acme", "davi@acme.test")).aclose()


async def test_who_is_removed_is_gone_and_what_they_wrote_stays(
    people: dict[str, httpx.AsyncClient], server: Server
) -> None:
    await people["davi"].post("/chat/general", data={"text": "I was here", "key": "was here"})
    davi = id_of(server, "Davi")
    assert (await people["ana"].post(f"/members/{davi}/remove")).status_code == 303
    assert (await people["davi"].get("/")).headers["location"].startswith("/login")
    assert "davi@acme.test" not in (await people["ana"].get("/members")).text
    assert "I was here" in (await people["ana"].get("/chat/general")).text
    for what in ("role", "suspend", "restore", "remove", "owner"):
        assert (await people["ana"].post(f"/members/{davi}/{what}", data={"role": "admin"})).status_code == 404


async def test_the_last_owner_stays_until_the_workspace_is_handed_over(
    people: dict[str, httpx.AsyncClient], server: Server
) -> None:
    offered = (await people["ana"].get("/account/leave")).text
    assert "transfer ownership first" in offered
    assert re.search(r'<a class="btn primary" href="/members">Transfer ownership</a>', offered)
    assert 'action="/account/leave"' not in offered
    refused = await people["ana"].post("/account/leave", data={"sure": "yes"})
    assert refused.status_code == 422
    assert "The last owner of a workspace can&#39;t leave it." in refused.text
    bruno = id_of(server, "Bruno")
    assert "You can't undo this yourself." in (await people["ana"].get(f"/members/{bruno}")).text
    assert (await people["ana"].post(f"/members/{bruno}/owner")).status_code == 303
    assert rows(server, "SELECT name, role FROM member WHERE tenant_id = 1 AND role <> 'member' ORDER BY name") == [
        ("Ana", "admin"),
        ("Bruno", "owner"),
    ]
    assert 'action="/account/leave"' in (await people["ana"].get("/account/leave")).text
    unsure = await people["ana"].post("/account/leave", data={})
    assert "Confirm that you are sure." in unsure.text
    assert (await people["ana"].post("/account/leave", data={"sure": "yes"})).headers["location"].startswith("/login")
    assert (await people["ana"].get("/")).headers["location"].startswith("/login")


async def test_owners_can_not_leave_a_workspace_without_one_by_any_way(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        carla = await find_member(transaction, "carla@acme.test")
        assert ana
        assert carla
        for attempt in (
            leave_workspace(transaction, ana),
            suspend_member(transaction, ana),
            change_role(transaction, None, ana, "member"),
        ):
            with pytest.raises(Invalid):
                await attempt
        await suspend_member(transaction, carla, ana)
        with pytest.raises(Invalid):
            await hand_over_ownership(transaction, ana, carla)
        eva = await add_member(transaction, email="eva@acme.test", name="Eva", role="owner", password_hash="")
        await suspend_member(transaction, eva, ana)
        with pytest.raises(Invalid, match="last owner"):
            await leave_workspace(transaction, ana)
        with pytest.raises(PageError):
            await change_role(transaction, ana, ana, "member")


@pytest.mark.parametrize("member_id", ["0", "999", str(2**63), "{gil}"])
async def test_who_is_not_of_this_workspace_does_not_exist_here(
    those_who_change_nothing: dict[str, httpx.AsyncClient], shared_server: Server, member_id: str
) -> None:
    ana = those_who_change_nothing["ana"]
    path = "/members/" + member_id.replace("{gil}", str(id_of(shared_server, "Gil")))
    before = rows(shared_server, "SELECT * FROM member")
    assert (await ana.get(path)).status_code == 404
    for what in ("role", "suspend", "restore", "remove", "owner"):
        assert (await ana.post(f"{path}/{what}", data={"role": "admin"})).status_code == 404
    assert rows(shared_server, "SELECT * FROM member") == before


def picture_of(width: int = 400, height: int = 300) -> bytes:
    content = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Acme-Camera"
    Image.new("RGB", (width, height), "tomato").save(content, "JPEG", exif=exif)
    return content.getvalue()


async def test_a_picture_becomes_a_small_square_for_this_workspace_alone(
    people: dict[str, httpx.AsyncClient], server: Server
) -> None:
    carla, number = people["carla"], id_of(server, "Carla")
    assert (await carla.get(f"/pictures/{number}")).status_code == 404
    sent = await carla.post("/account/picture", files={"picture": ("me.jpg", picture_of())})
    assert sent.headers["location"] == "/account?done=saved"
    styles = (await people["davi"].get("/pictures.css")).text
    address = re.findall(rf'\.avatar\[data-person="{number}"\] {{ background: url\("([^"]+)"\)', styles)
    shown = await people["davi"].get(address[0])
    assert shown.headers["content-type"] == "image/webp"
    assert Image.open(io.BytesIO(shown.content)).size == (192, 192)
    assert b"Acme-Camera" not in shown.content
    assert (await people["gil"].get(f"/pictures/{number}")).status_code == 404
    async with server.client("acme") as nobody:
        assert (await nobody.get(f"/pictures/{number}")).headers["location"].startswith("/login")
    assert (await carla.post("/account/picture", files={"picture": ("me.png", picture_of(50, 500))})).status_code == 303
    assert (await carla.post("/account/picture/remove")).status_code == 303
    assert (await people["davi"].get(address[0])).status_code == 404
    assert [path for path in (server.data_dir / "pictures").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("path", ["/account/picture", "/settings/logo"])
@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"picture": ("me.png", b"no picture at all")}, "Choose a picture: PNG, JPEG, GIF or WebP."),
        ({"picture": ("me.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>")}, "Choose a picture"),
        ({"picture": ("me.png", b"")}, "Choose a picture"),
        ({"picture": ("me.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 9_000_000)}, "A picture can be up to 8 MB."),
        ({"other": ("me.png", b"x")}, "Choose a picture"),
    ],
)
async def test_what_is_no_picture_is_refused_and_nothing_is_kept(
    those_who_change_nothing: dict[str, httpx.AsyncClient],
    shared_server: Server,
    path: str,
    files: Any,
    reason: str,
) -> None:
    answer = await those_who_change_nothing["ana"].post(path, files=files)
    assert answer.status_code == 422
    assert reason in answer.text
    folder = shared_server.data_dir / "pictures"
    assert not folder.exists() or [one for one in folder.rglob("*") if one.is_file()] == []


async def test_the_logo_is_on_every_page_and_only_admins_change_it(
    people: dict[str, httpx.AsyncClient], server: Server
) -> None:
    files = {"picture": ("logo.jpg", picture_of(1000, 200))}
    assert (await people["carla"].post("/settings/logo", files=files)).status_code == 403
    assert (await people["bruno"].post("/settings/logo", files=files)).status_code == 303
    async with server.client("acme") as nobody:
        page = (await nobody.get("/login")).text
        address = re.findall(r'src="(/logo\?v=[0-9a-f]{32})"', page)[0]
        logo = await nobody.get(address)
        assert Image.open(io.BytesIO(logo.content)).size == (384, 77)
    assert address in (await people["carla"].get("/c/books")).text
    async with server.client("globex") as elsewhere:
        assert (await elsewhere.get("/logo")).status_code == 404
    assert (await people["bruno"].post("/settings/logo/remove")).status_code == 303
    assert "/logo?v=" not in (await people["carla"].get("/c/books")).text


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "UTC\0x"])
async def test_a_time_zone_that_is_none_is_refused(people: dict[str, httpx.AsyncClient], zone: str) -> None:
    answer = await people["carla"].post("/account/time-zone", data={"time_zone": zone})
    assert answer.status_code == 422
    assert "Choose one of the time zones." in answer.text
    saved = await people["carla"].post("/account/time-zone", data={"time_zone": "America/Sao_Paulo"})
    assert saved.status_code == 303
    assert "<option selected>America/Sao_Paulo" in (await people["carla"].get("/account")).text


async def test_the_time_zone_of_the_browser_is_there_from_the_start(
    people: dict[str, httpx.AsyncClient], server: Server
) -> None:
    for zone, kept in (("America/Sao_Paulo", "America/Sao_Paulo"), ("Mars/Olympus", "UTC"), ("", "UTC")):
        made = await people["ana"].post("/members/links", data={"uses": "1", "days": "1", "role": "member"})
        token = re.findall(r"/join\?token=([\w-]+)", made.text)[0]
        typed = {"name": "Eva", "email": f"eva-{len(zone)}@example.org", "password": "a long password"}
        async with server.client("acme") as visitor:
            joined = await visitor.post("/join", data={"token": token, "time_zone": zone, **typed})
        assert joined.status_code == 303
        assert rows(server, "SELECT time_zone FROM member WHERE email = ?", typed["email"]) == [(kept,)]
    # A zone that is not offered by its name is still the chosen one wherever it is asked for.
    rows(server, "UPDATE member SET time_zone = 'GMT' WHERE name = 'Carla'")
    for path in ("/account", "/notifications/preferences"):
        assert "<option selected>GMT</option>" in (await people["carla"].get(path)).text


async def test_shorter_sessions_end_those_that_are_too_old_and_their_sockets(
    people: dict[str, httpx.AsyncClient], server: Server
) -> None:
    two_days_ago = datetime.now(UTC) - timedelta(days=2)
    rows(server, "UPDATE session SET started_at = ? WHERE member_id = ?", two_days_ago, id_of(server, "Davi"))
    assert (await people["davi"].get("/")).status_code == 200
    typed = {"name": "Biblioteca Acme", "language": "en", "session_days": "1"}
    assert (await people["ana"].post("/settings", data=typed)).status_code == 303
    assert (await people["davi"].get("/")).headers["location"].startswith("/login")
    assert (await people["carla"].get("/")).status_code == 200
    for started, expires in rows(server, "SELECT started_at, expires_at FROM session WHERE tenant_id = 1"):
        length = datetime.fromisoformat(str(expires)) - datetime.fromisoformat(str(started))
        assert length == timedelta(days=1)


async def test_a_name_is_changed_ten_times_an_hour_and_the_eleventh_is_told_when(server: Server) -> None:
    async with let_all_in(server) as people:
        for number in range(10):
            assert (await people["davi"].post("/account/name", data={"name": f"Davi {number}"})).status_code == 303
        once_more = await people["davi"].post("/account/name", data={"name": "Davi again"})
        assert once_more.status_code == 429
        left_of_the_hour = 3600 - time.time() % 3600  # by which it is counted
        assert int(once_more.headers["retry-after"]) > min(60, left_of_the_hour - 1)
        assert "You have changed your name several times already." in once_more.text
        assert 'value="Davi again"' in once_more.text, "what was typed is still there"
        as_it_is = await people["davi"].post("/account/name", data={"name": "Davi 9"})
        assert as_it_is.status_code == 303, "which changes nothing"
        assert (await people["carla"].post("/account/name", data={"name": "Clara"})).status_code == 303
    assert server.store.rows("SELECT name FROM member WHERE email = 'davi@acme.test'") == [("Davi 9",)]
