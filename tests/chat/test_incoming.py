"""Programs of others post into a room by an address of its own."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import httpx
import pytest

from app.chat.auditing import AUDITED_ROOMS
from app.database import now
from app.tenants.audit_sentences import SENTENCES
from tests.conftest import Server
from tests.programs.conftest import add_token, call_with

ROOM = "/chat/general/incoming"


@asynccontextmanager
async def program(server: Server, slug: str = "acme") -> AsyncIterator[httpx.AsyncClient]:
    """A program of others: it has neither cookies nor an origin."""
    async with httpx.AsyncClient(
        base_url=f"http://{server.address}:{server.port}", headers={"host": server.host(slug)}, timeout=20
    ) as client:
        yield client


async def make_address(client: httpx.AsyncClient, name: str = "Build server", room: str = ROOM) -> str:
    """The path of a new address."""
    made = await client.post(room, data={"name": name})
    assert made.status_code == 200, made.text
    found = re.search(r'id="new-address"[^>]*value="https?://[^/]+(/incoming/[^"]+)"', made.text)
    assert found
    return found[1]


def last_said(server: Server) -> tuple[str, str, str]:
    """The text of the newest message, whose it is, and their role."""
    ((text, name, role),) = server.store.rows(
        "SELECT message.plain, member.name, member.role FROM message JOIN member ON member.id = message.member_id"
        " ORDER BY message.id DESC LIMIT 1"
    )
    return str(text), str(name), str(role)


async def test_what_comes_to_an_address_is_said_by_its_bot(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno, program(shared_server) as client:
        path = await make_address(bruno, "Deploys")
        answer = await client.post(path, json={"text": "It is **out** now", "username": "ignored"})
        assert (answer.status_code, answer.text) == (200, "ok")
        assert last_said(shared_server) == ("It is out now", "Deploys", "guest")
        form = {"payload": json.dumps({"text": "By a form"})}
        foreign = {"origin": "https://elsewhere.test", "cookie": "session=nonsense"}
        assert (await client.post(path, data=form, headers=foreign)).status_code == 200
        assert last_said(shared_server)[0] == "By a form"
        page = (await bruno.get("/chat/general")).text
        assert 'Deploys</b> <span class="tag">bot</span>' in page
        assert path not in (await bruno.get(ROOM)).text, "it is shown once"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "invalid_payload"),
        (b"nonsense", "invalid_payload"),
        (b'"text"', "invalid_payload"),
        (b"[" * 50_000, "invalid_payload"),
        (b"{}", "no_text"),
        (b'{"text": " "}', "no_text"),
        (b'{"text": ["x"]}', "no_text"),
        (json.dumps({"text": "x" * 50_000}).encode(), "invalid_text"),
    ],
)
async def test_what_is_no_message_is_refused(shared_server: Server, body: bytes, said: str) -> None:
    async with aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno, program(shared_server) as client:
        path = await make_address(bruno)
        answer = await client.post(path, content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.text) == (400, said)


async def test_what_no_database_takes_is_left_out(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno, program(shared_server) as client:
        path = await make_address(bruno)
        answer = await client.post(path, content=b'{"text": "a\\u0000b\\ud800c"}')
        assert answer.status_code in (200, 400)
        assert (await client.post(path, content=b"x" * 70_000)).status_code == 413


async def test_a_wrong_secret_is_404_whatever_is_sent(shared_server: Server) -> None:
    async with (
        aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno,
        program(shared_server) as client,
        program(shared_server, "globex") as elsewhere,
    ):
        path = await make_address(bruno)
        for wrong in ("/incoming/x", "/incoming/", "/incoming", path[:-1], path + "x", path.lower()):
            answer = await client.post(wrong, content=b"x" * 100_000)
            assert (answer.status_code, answer.text) == (404, "no_service"), wrong
        assert (await elsewhere.post(path, json={"text": "x"})).status_code == 404, "of another workspace"
        assert (await client.get(path)).status_code == 405
        token = path.rpartition("/")[2]
        refused = await client.get("/api/v1/rooms", headers={"authorization": f"Bearer {token}"})
        assert refused.status_code == 401, "it is no token"


async def test_an_address_that_was_ended_is_good_for_nothing(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno, program(shared_server) as client:
        path = await make_address(bruno, "Short-lived")
        ((number,),) = shared_server.store.rows("SELECT max(id) FROM incoming_address")
        question = await bruno.get(f"/incoming-addresses/{number}/end")
        assert "Short-lived" in question.text
        said = re.search(r'name="question-said" value="([^"]+)"', question.text)
        data = {"question-said": said[1]} if said else {}
        assert (await bruno.post(f"/incoming-addresses/{number}/end", data=data)).status_code == 303
        assert (await client.post(path, json={"text": "x"})).status_code == 404
        log = (await bruno.get("/audit?what=incoming")).text
        assert "created the incoming webhook <b>short-lived</b> of the room <b>general</b>" in log.lower()
        kept = shared_server.store.rows("SELECT * FROM audit_entry")
        assert path.rpartition("/")[2] not in log + str(kept)


async def test_an_address_takes_sixty_messages_a_minute(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno, program(shared_server) as client:
        path = await make_address(bruno, "Too many")
        answers = [(await client.post(path, content=b"{}")).status_code for _ in range(61)]
        assert answers[:60] == [400] * 60
        refused = await client.post(path, json={"text": "x"})
        assert (refused.status_code, refused.text) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) >= 1


async def test_only_who_may_change_a_room_makes_and_ends_its_addresses(shared_server: Server) -> None:
    async with (
        aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno,
        aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi,
    ):
        shared_server.store.rows("UPDATE member SET role = 'viewer' WHERE email = 'davi@acme.test'")
        try:
            await make_address(bruno)
            ((number,),) = shared_server.store.rows("SELECT max(id) FROM incoming_address")
            assert (await davi.get(ROOM)).status_code == 403
            assert (await davi.post(ROOM, data={"name": "X"})).status_code == 403
            assert (await davi.post(f"/incoming-addresses/{number}/end")).status_code == 403
        finally:
            shared_server.store.rows("UPDATE member SET role = 'member' WHERE email = 'davi@acme.test'")


async def test_the_secret_is_in_no_log(server: Server) -> None:
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno, program(server) as client:
        path = await make_address(bruno)
        secret = path.rpartition("/")[2]
        await client.post(path, json={"text": "said"})
        await client.post(path, content=b"nonsense")
        await client.post(path + "x", json={"text": "said"})
        server.store.rows("DROP TABLE message_index")
        failed = await client.post(path, json={"text": "said"})
        assert failed.status_code in (500, 503)
        assert secret not in failed.text
    assert "/incoming" in server.log or "posted" in server.log
    assert secret not in server.log


async def test_the_audit_log_names_no_private_room_to_who_is_not_in_it(shared_server: Server) -> None:
    async with aclosing(await shared_server.sign_in("acme", "bruno@acme.test")) as bruno:
        made = await bruno.post("/chat/new", data={"name": "Plans of Bruno", "private": "yes"})
        room = re.sub(r"\?.*", "", str(made.headers.get("location") or made.url.path))
        await make_address(bruno, "Planner", f"{room}/incoming")
        assert "Plans of Bruno" in (await bruno.get("/audit?what=incoming")).text
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as ana:
        log = (await ana.get("/audit?what=incoming")).text
        assert "a private room" in log
        assert "Plans of Bruno" not in log


async def test_the_bot_of_an_address_is_removed_where_people_of_the_room_are_shown(shared_server: Server) -> None:
    async with (
        aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno,
        aclosing(shared_server.let_in("acme", "davi@acme.test")) as davi,
        program(shared_server) as client,
    ):
        await bruno.post("/chat/new", data={"name": "Of a bot"})
        for room in ("general", "of-a-bot"):
            path = await make_address(bruno, f"Bot of {room}", f"/chat/{room}/incoming")
            ((number, bot),) = shared_server.store.rows("SELECT id, member_id FROM incoming_address ORDER BY id DESC")[
                :1
            ]
            about = (await bruno.get(f"/chat/{room}/about")).text
            end = f"/incoming-addresses/{number}/end"
            assert f'href="{end}"' in about
            assert f'name="person" value="{bot}"' not in about, "there is one way"
            if room != "general":  # where everybody is
                assert end not in (await davi.get(f"/chat/{room}/about")).text, "he is not in it"
            assert (await bruno.post(end)).status_code == 303
            assert f"Bot of {room}" not in (await bruno.get(f"/chat/{room}/about")).text
            assert (await client.post(path, json={"text": "x"})).status_code == 404


async def test_what_earlier_versions_wrote_of_rooms_is_told_as_it_would_be_now(shared_server: Server) -> None:
    store = shared_server.store
    async with (
        aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno,
        aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(call_with(shared_server, "acme", add_token(shared_server, "acme", "ana@acme.test")[1])) as hers_by_api,
    ):
        await bruno.post("/chat/new", data={"name": "Bruno's own", "private": "yes"})
        await bruno.post("/chat/new", data={"name": "For everybody"})
        ((tenant, member),) = store.rows("SELECT tenant_id, id FROM member WHERE email = 'bruno@acme.test'")
        for name in ("Bruno's own", "For everybody", "Of another name by now"):
            for what, part in AUDITED_ROOMS.items():
                written = {"subject": "", "before": "", "after": "", part: name}
                store.rows(
                    "INSERT INTO audit_entry (tenant_id, member_id, what, subject, before, after, address, at)"
                    " VALUES (?, ?, ?, ?, ?, ?, '', ?)",
                    *(tenant, member, what, *written.values(), now()),
                )
        for what, part in AUDITED_ROOMS.items():
            asked = f"/audit?what={what}"
            hers, his = [html.unescape((await each.get(asked)).text) for each in (ana, bruno)]
            assert "Bruno's own" in his
            assert "Bruno's own" not in hers
            assert "a private room" in hers
            assert not re.search(r"the room <\w[^>]*>a (private|renamed) room", hers), "it is said once what it is"
            for log in (hers, his):
                assert "For everybody" in log
                assert "Of another name by now" not in log, "it may have been private"
                assert "a renamed room" in log
            got = (await hers_by_api.get(f"/api/v1{asked}")).json()["items"]
            assert [each[part] for each in got][:3] == ["a renamed room", "For everybody", "a private room"]


def test_the_log_knows_of_each_kind_of_entry_which_part_names_a_room() -> None:
    about_rooms = {what for what in SENTENCES if what.partition(".")[0] in ("room", "incoming", "message")}
    assert about_rooms == set(AUDITED_ROOMS)
