"""What runs later runs once over all workers: two processes of the program, as people run them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Server, free_port
from tests.databases import Store
from tests.notifications.test_mails import LONG_AGO, mention, wants
from tests.post import Post, plain
from tests.waiting import until


@pytest.fixture
def server(seeded: Store, tmp_path: Path, post: Post) -> Iterator[Server]:
    """Two workers that mail by `post`, which is not open yet; nothing but the database is between them."""
    seeded.copy_to(tmp_path)
    made = Server(tmp_path, free_port(), {"SMTP_URL": f"smtp://127.0.0.1:{post.port}"}, workers=2)
    made.start()
    yield made
    if made.process and made.process.poll() is None:
        made.stop()
    made.store.drop()


async def test_two_workers_at_once_send_each_bundle_once(server: Server, post: Post) -> None:
    names = ("bruno", "carla", "davi")
    for name in names:
        await wants(server, f"{name}@acme.test", mention="hourly")
    await mention(server, "First for @Bruno, @Carla and @Davi")
    await mention(server, "Second for @Bruno, @Carla and @Davi")
    assert server.store.rows("SELECT count(*) FROM notification WHERE mail_at IS NOT NULL") == [(6,)]
    invited = [f"eva{number}@example.org" for number in range(8)]
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        for email in invited:
            await ana.post("/members/invitations", data={"email": email, "role": "member"})
    post.at_once = 2  # a worker sends one mail at a time: so there are two of them at it
    post.open()
    server.store.rows(f"UPDATE notification SET mail_at = '{LONG_AGO}' WHERE mail_at IS NOT NULL")
    server.store.rows(f"UPDATE job SET due_at = '{LONG_AGO}' WHERE name = 'notification mails'")
    await post.wait(3 + len(invited))
    await until(lambda: server.store.rows("SELECT count(*) FROM mail") == [(0,)])
    server.stop()  # which lets what is under way come to its end
    assert sorted(mail["to"] for mail in post.mails) == sorted([*(f"{name}@acme.test" for name in names), *invited])
    for mail in (mail for mail in post.mails if "@acme.test" in mail["to"]):
        assert mail["subject"] == "2 notifications from Biblioteca Acme"
        assert "First for" in plain(mail)
        assert "Second for" in plain(mail)


async def test_two_workers_do_what_comes_round_once_in_each_period(server: Server) -> None:
    def standing() -> Any:
        return server.store.rows(
            "SELECT lease, leased_until, count(*) FROM job WHERE name = 'sweep' GROUP BY lease, leased_until"
        )

    await until(lambda: standing() == [(1, None, 1)])
    rows = ", ".join(f"('sweep', 'another {number}', '{{}}', '2999-01-01 00:00:00+00', 1, 0)" for number in range(19))
    server.store.rows(f"INSERT INTO job (name, key, payload, due_at, lease, attempts) VALUES {rows}")
    for period in (2, 3):
        server.store.rows(f"UPDATE job SET due_at = '{LONG_AGO}' WHERE name = 'sweep'")
        await until(lambda period=period: standing() == [(period, None, 20)])
    server.stop()
    assert standing() == [(3, None, 20)]


async def test_what_has_reached_its_end_is_deleted_also_when_nobody_ran_at_that_moment(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        for number in (3, 4):
            assert (await ana.post(f"/c/books/{number}/delete", data={"version": "1"})).status_code == 303
        for number in (5, 6):
            page = await ana.get(f"/c/books/{number}/edit", headers={"sec-fetch-dest": "document"})
            typed = {name: find_field(page.text, name) for name in ("lock-token", "version")}
            answer = await ana.post(f"/c/books/{number}/draft", data={**typed, "title": "Not saved"})
            assert answer.status_code == 204
    numbers = "SELECT number FROM record WHERE tenant_id = 1 AND number IN (3, 4) ORDER BY number"
    drafts = 'SELECT count(*) FROM draft WHERE "values" IS NOT NULL'
    assert (server.store.rows(numbers), server.store.rows(drafts)) == ([(3,), (4,)], [(2,)])
    ((fifth,),) = server.store.rows("SELECT id FROM record WHERE tenant_id = 1 AND number = 5")
    server.stop()
    server.store.rows(f"UPDATE record SET deleted_at = '{LONG_AGO}' WHERE tenant_id = 1 AND number = 3")
    server.store.rows(f"UPDATE draft SET typed_at = '{LONG_AGO}' WHERE row_id = {fifth}")
    server.store.rows(f"UPDATE job SET due_at = '{LONG_AGO}' WHERE name = 'sweep'")
    server.start()
    await until(lambda: server.store.rows(numbers) == [(4,)])
    await until(lambda: server.store.rows(drafts) == [(1,)])


def find_field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([\w-]+)"', page)
    assert found
    return found[1]
