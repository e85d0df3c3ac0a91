"""Mails through a real SMTP conversation: bundled, cancelled, unsubscribed from, and never twice."""

from __future__ import annotations

import re
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from app.accounts.members import find_member
from app.database import Database
from app.demo import OPERATOR, PASSWORD
from app.notifications.mail_times import Times, after_quiet, mail_moment
from app.notifications.mails import make_unsubscribe_token, read_token, write_mail
from app.notifications.models import Notification
from app.notifications.notifications import notify
from tests.conftest import Server, end_server, start_server
from tests.databases import Store
from tests.post import Post, plain
from tests.test_isolation import SETTINGS as SITE
from tests.waiting import until


@pytest.fixture
def server(seeded: Store, tmp_path: Path, post: Post) -> Any:
    """A server that mails by `post`, which is not open yet."""
    made = start_server(seeded, tmp_path, SMTP_URL=f"smtp://127.0.0.1:{post.port}")
    yield made
    end_server(made)


LONG_AGO = "2026-01-01 00:00:00+00"


def rows(server: Server, statement: str) -> list[Any]:
    return server.store.rows(statement)


async def wants(server: Server, email: str, **choices: str) -> None:
    """Let somebody choose how to be mailed."""
    async with aclosing(await server.sign_in("acme", email)) as client:
        typed = {"time_zone": "UTC"}
        for kind, mail in choices.items():
            typed |= {f"app-{kind}": "yes", f"mail-{kind}": mail}
        answer = await client.post("/notifications/preferences", data=typed)
        assert answer.status_code == 303, answer.text


async def mention(server: Server, text: str) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        answer = await ana.post("/chat/general", data={"text": text, "key": text[:39]})
        assert answer.status_code == 303


async def mention_at_last(server: Server, text: str) -> None:
    """Mention somebody, and let the moment come at which that is mailed."""
    await mention(server, text)
    let_moment_come(server)


def let_moment_come(server: Server) -> None:
    """Let everything be due that is to be mailed."""
    server.store.rows_of(
        (f"UPDATE notification SET mail_at = '{LONG_AGO}' WHERE mail_at IS NOT NULL",),
        (f"UPDATE job SET due_at = '{LONG_AGO}' WHERE name = 'notification mails'",),
    )


async def test_what_is_due_goes_out_in_one_mail_with_a_way_out(server: Server, post: Post) -> None:
    await wants(server, "carla@acme.test", mention="once")
    await mention(server, "First for @Carla")
    await mention(server, "Second for @Carla <b>bold</b>")
    await until(lambda: rows(server, "SELECT count(*) FROM mail WHERE leased_until IS NULL") == [(1,)])
    post.open()  # what waits for the mail server is told in one mail, however long the second one took
    (mail,) = await post.wait(1)
    assert mail["to"] == "carla@acme.test"
    assert mail["subject"] == "2 notifications from Biblioteca Acme"
    assert "Ana mentioned you in general" in plain(mail)
    html = mail.get_body(("html",))
    assert html
    assert "<b>bold</b>" not in html.get_content()
    assert mail["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    link = re.fullmatch(r"<(http://[^/]+)(/unsubscribe\?token=[^>]+)>", mail["list-unsubscribe"])
    assert link
    async with server.client("acme") as stranger:  # a mail program: no session, no Origin, from anywhere
        del stranger.headers["origin"], stranger.headers["sec-fetch-site"]
        sent = {"List-Unsubscribe": "One-Click"}
        files = {"List-Unsubscribe": (None, "One-Click")}
        assert (await stranger.get(link[2])).status_code == 200
        assert rows(server, "SELECT mail FROM notification_preference WHERE kind = 'mention'") == [("once",)]
        headers = {"sec-fetch-site": "cross-site"}
        assert (await stranger.post(link[2], data=sent, headers=headers)).status_code == 200
        assert rows(server, "SELECT mail FROM notification_preference WHERE kind = 'mention'") == [("never",)]
        assert (await stranger.post(link[2], files=files)).status_code == 200
        assert (await stranger.post(link[2] + "0", data=sent)).status_code == 404
        assert (await stranger.post("/unsubscribe?token=1.3.mention.é", data=sent)).status_code == 404
        assert (await stranger.post("/unsubscribe", data={})).status_code == 404
        assert (await stranger.post("/notifications/read-all", data={"until": "1"})).status_code == 403
    async with server.client("globex") as stranger:
        assert (await stranger.post(link[2], data={})).status_code == 404
    assert rows(server, "SELECT count(*) FROM mail") == [(0,)]


async def test_what_comes_while_the_mail_server_is_down_is_told_in_few_mails_and_operators_see_how_many_wait(
    server: Server, post: Post
) -> None:
    await wants(server, "carla@acme.test", mention="once")
    due = "SELECT count(*) FROM notification WHERE mail_at IS NOT NULL"
    for number in range(1, 5):
        await mention_at_last(server, f"Number {number} for @Carla")
        await until(lambda: rows(server, due) == [(0,)])
    async with server.client("") as operator:
        signed_in = await operator.post("/operator/login", data={"email": OPERATOR, "password": PASSWORD})
        operator.headers["cookie"] = signed_in.headers["set-cookie"].partition(";")[0]
        page = (await operator.get("/operator/live")).text
    assert re.search(r'data-figure="mails">[12]<', page), "one that was tried, and one that takes in what comes"
    post.open()
    await until(lambda: rows(server, "SELECT count(*) FROM mail") == [(0,)])
    texts = [plain(mail) for mail in post.mails]
    assert len(texts) <= 2
    for number in range(1, 5):
        assert "".join(texts).count(f"Number {number} for @Carla") == 1


async def test_with_the_mail_server_down_nothing_is_lost_nothing_comes_twice_and_the_log_says_it_once(
    server: Server, post: Post
) -> None:
    async with server.client("acme") as visitor:
        for email in ("ana@acme.test", "bruno@acme.test", "carla@acme.test", "nobody@acme.test"):
            assert (await visitor.post("/forgotten", data={"email": email})).status_code == 303
    await until(lambda: "can't be reached" in server.log)
    await until(lambda: rows(server, "SELECT count(*) FROM mail") == [(3,)])
    server.stop()
    server.start()  # what waits survives that
    await until(lambda: server.log.count("can't be reached") == 2)
    post.open()
    mails = await post.wait(3)
    await until(lambda: rows(server, "SELECT count(*) FROM mail") == [(0,)])
    assert sorted(mail["to"] for mail in mails) == ["ana@acme.test", "bruno@acme.test", "carla@acme.test"]
    assert len({mail["message-id"] for mail in mails}) == 3
    assert server.log.count("can't be reached") == 2


async def test_a_mail_that_is_not_taken_for_now_is_tried_again_and_one_that_never_will_be_is_not(
    server: Server, post: Post
) -> None:
    post.answers = ["550 no such mailbox", "451 come back later"]
    post.open()
    async with server.client("acme") as visitor:
        await visitor.post("/forgotten", data={"email": "ana@acme.test"})
        await until(lambda: "refused a mail for good" in server.log)
        await visitor.post("/forgotten", data={"email": "bruno@acme.test"})
        await until(lambda: "does not take a mail now" in server.log)
    await until(lambda: rows(server, "SELECT attempts, leased_until FROM mail") == [(1, None)])


async def test_a_server_that_does_not_let_us_in_loses_no_mail(server: Server, post: Post) -> None:
    post.answers = []
    post.greeting = "554 go away"
    post.open()
    async with server.client("acme") as visitor:
        await visitor.post("/forgotten", data={"email": "ana@acme.test"})
        await until(lambda: "can't be reached" in server.log)
    await until(lambda: rows(server, "SELECT attempts FROM mail") == [(0,)])
    post.greeting = ""
    (mail,) = await post.wait(1)
    assert mail["to"] == "ana@acme.test"


async def test_what_was_read_or_lost_meanwhile_is_not_mailed(server: Server, post: Post) -> None:
    """The mail waits in the outbox for its server; then it tells only what is still to be told."""
    await wants(server, "carla@acme.test", mention="once", invitation="once", direct="once")
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        room = (await ana.post("/chat/new", data={"name": "Vault", "private": "yes"})).headers["location"]
        await ana.post(f"{room}/invite", data={"person": "#3"})
        await ana.post(room, data={"text": "Secret @Carla", "key": "secret"})
        await ana.post("/chat/general", data={"text": "Seen @Carla", "key": "seen"})
        direct = (await ana.post("/chat/direct", data={"person": "#3"})).headers["location"]
        await ana.post(direct, data={"text": "Still to be told", "key": "told"})
        let_moment_come(server)
        await until(lambda: rows(server, "SELECT count(*) FROM mail") == [(1,)])
        await ana.post(f"{room}/remove", data={"person": "3"})
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
        await carla.post("/chat/general/read", data={"number": "99"})
    post.open()
    (mail,) = await post.wait(1)
    assert "Still to be told" in plain(mail)
    assert "Secret" not in plain(mail)
    assert "Vault" not in plain(mail)
    assert "Seen" not in plain(mail)


@pytest.mark.parametrize("lost", ["collection", "dismissed", "deleted", "while it is written"])
async def test_what_waits_about_a_record_that_one_may_not_read_any_more_is_not_mailed(
    server: Server, post: Post, lost: str
) -> None:
    words = ("gus@acme.test", "--name", "Gus", "--role", "guest", "--password", PASSWORD)
    assert server.run("member", "add", "acme", *words).returncode == 0
    rules = {f"{role}-{verb}": "yes" for role in ("member", "guest") for verb in ("browse", "read")}
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        assert (await ana.post("/c/books/fields", data={"label": "Keeper", "kind": "person"})).status_code == 303
        assert (await ana.post("/c/books/guests", data={"person": "gus@acme.test"})).status_code == 303
        assert (await ana.post("/c/books/permissions", data=rules)).status_code == 303
        await wants(server, "gus@acme.test", **{"record-assigned": "once", "direct": "once"})
        table = {"table": "#;Title;Keeper\n7;A secret title;gus@acme.test", "seen": "7:1"}
        assert (await ana.post("/c/books/import", data=table)).status_code == 303
        gus = rows(server, "SELECT id FROM member WHERE email = 'gus@acme.test'")[0][0]
        direct = (await ana.post("/chat/direct", data={"person": f"#{gus}"})).headers["location"]
        await ana.post(direct, data={"text": "Still to be told", "key": "told"})
        assert rows(server, f"SELECT count(*) FROM notification WHERE member_id = {gus} AND mail_at IS NOT NULL") == [
            (2,)
        ]
        if lost == "while it is written":
            let_moment_come(server)
            await until(lambda: rows(server, "SELECT count(*) FROM mail") == [(1,)])
        if lost == "dismissed":
            assert (await ana.post("/c/books/guests/remove", data={"person": str(gus)})).status_code == 303
        elif lost == "deleted":
            gone = await ana.post("/c/books/remove")
            assert gone.status_code == 303, gone.text
        else:
            none = {name: value for name, value in rules.items() if not name.startswith("guest")}
            assert (await ana.post("/c/books/permissions", data=none)).status_code == 303
    let_moment_come(server)
    post.open()
    (mail,) = await post.wait(1)
    assert "Still to be told" in plain(mail)
    assert "secret title" not in plain(mail)
    assert "/c/books" not in plain(mail)


async def test_more_than_a_mail_holds_are_counted_in_it(database: Database) -> None:
    async with database.write(1) as transaction:
        member = await find_member(transaction, "carla@acme.test")
        assert member
        for number in range(53):
            await notify(
                transaction, kind="direct", subject=("room", 1), to=[member.id], details={"excerpt": f"Word {number}."}
            )
        told = list(await transaction.scalars(select(Notification.id).where(Notification.kind == "direct")))
        payload = {"member": member.id, "notifications": told}
        mail = await write_mail(transaction, SITE, payload)
    assert mail
    assert mail.subject == "53 notifications from Biblioteca Acme"
    assert ("Word 2." in mail.text, "Word 3." in mail.text, "Word 52." in mail.text) == (False, True, True)
    assert "and 3 older: http://acme.hero.localhost:8000/notifications" in mail.text
    assert "and 3 older" in mail.html


@pytest.mark.parametrize(("role", "pictured"), [("member", True), ("guest", False)])
async def test_pictures_go_to_those_who_know_everybody(database: Database, role: str, pictured: bool) -> None:
    async with database.write(1) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        carla = await find_member(transaction, "carla@acme.test")
        assert ana
        assert carla
        ana.picture, carla.role = "0" * 32, role
        await notify(transaction, kind="direct", subject=("room", 1), to=[carla.id], by=ana)
        told = list(await transaction.scalars(select(Notification.id).where(Notification.kind == "direct")))
        mail = await write_mail(transaction, SITE, {"member": carla.id, "notifications": told})
    assert mail
    assert [path.name for path in mail.pictures.values()] == ["0" * 32] * pictured
    assert f"cid:person-{ana.id}@" in mail.html if pictured else ">AN</span>" in mail.html


async def test_who_is_suspended_gets_no_mail(server: Server, post: Post) -> None:
    await wants(server, "carla@acme.test", mention="once")
    await mention_at_last(server, "For @Carla")
    await until(lambda: rows(server, "SELECT count(*) FROM mail") == [(1,)])
    assert server.run("member", "suspend", "acme", "carla@acme.test").returncode == 0
    post.open()
    await until(lambda: rows(server, "SELECT count(*) FROM mail") == [(0,)])
    assert post.mails == []


async def test_a_changed_password_is_always_told(server: Server, post: Post) -> None:
    async with aclosing(await server.sign_in("acme", "davi@acme.test")) as davi:
        typed = {"app-password": "", "mail-password": "never", "time_zone": "UTC"}
        await davi.post("/notifications/preferences", data=typed)
        typed = {"password": "mutirao-demo", "new_password": "another long one"}
        changed = await davi.post("/account/password", data=typed)
        assert changed.status_code == 303
        davi.headers["cookie"] = changed.headers["set-cookie"].partition(";")[0]
        for path in (changed.headers["location"], "/account"):  # which read what is told of the account
            assert (await davi.get(path)).status_code == 200
        await davi.post("/notifications/read-all", data={"until": "999999"})
    post.open()
    (mail,) = await post.wait(1)
    assert mail["to"] == "davi@acme.test"
    assert "Your password was changed" in plain(mail)
    assert mail["list-unsubscribe"] is None


SETTINGS: Any = type("Settings", (), {"secret_key": "x" * 40})()


def test_a_token_is_good_for_its_workspace_and_nothing_else() -> None:
    acme: Any = type("Tenant", (), {"id": 1})()
    globex: Any = type("Tenant", (), {"id": 2})()
    token = make_unsubscribe_token(SETTINGS, 1, 3, ["mention", "record-admin"])
    assert read_token(SETTINGS, globex, token) is None
    assert read_token(SETTINGS, acme, token.replace("1.3.", "1.4.")) is None
    other: Any = type("Settings", (), {"secret_key": "y" * 40})()
    assert read_token(other, acme, token) is None
    found = read_token(SETTINGS, acme, token)
    assert found is not None
    assert found[0] == 3


def times(start: int | None, end: int | None, zone: str = "America/Sao_Paulo") -> Times:
    return Times(ZoneInfo(zone), start, end)


@pytest.mark.parametrize(
    ("how", "hour", "expected"),
    [
        ("once", "12:30", "2026-07-01 12:30:05"),
        ("hourly", "12:30", "2026-07-01 13:00:00"),
        ("daily", "12:30", "2026-07-02 11:00:00"),  # eight in São Paulo
        ("daily", "09:00", "2026-07-01 11:00:00"),
        ("once", "03:00", "2026-07-01 10:00:00"),  # quiet from 22 to 7 there
        ("hourly", "01:30", "2026-07-01 10:00:00"),
        ("once", "00:30", "2026-07-01 00:30:05"),
    ],
)
def test_when_a_mail_is_due(how: str, hour: str, expected: str) -> None:
    moment = datetime.fromisoformat(f"2026-07-01 {hour}:00").replace(tzinfo=UTC)
    due = mail_moment(how, moment, times(22 * 60, 7 * 60))
    assert due == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_never_is_never_and_without_quiet_hours_nothing_waits() -> None:
    moment = datetime(2026, 7, 1, 3, tzinfo=UTC)
    assert mail_moment("never", moment, None) is None
    assert after_quiet(moment, times(None, None)) == moment
    assert after_quiet(moment, times(0, 0, "UTC")) == moment
