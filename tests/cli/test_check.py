"""`mutirao check`: a line for each part that an installation stands on, and for each thing that is wrong with one."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import stat
from pathlib import Path

import pytest
from sqlalchemy import make_url

from app import installation
from app.installation import Finding, look_at_all
from app.reaching import Fault, dial
from tests.conftest import RedisServer, Server
from tests.databases import Store
from tests.post import Post


async def check(store: Store, *, running: bool = False, **environment: str) -> dict[str, list[Finding]]:
    """What is found of an installation, by part."""
    settings = {"DATA_DIR": str(store.directory), **store.environment, **environment}
    found: dict[str, list[Finding]] = {}
    for finding in await look_at_all(settings, running=running):
        found.setdefault(finding.part, []).append(finding)
    return found


def wrongs(found: dict[str, list[Finding]]) -> dict[str, str]:
    """What is wrong, by part."""
    return {part: finding.text for part, findings in found.items() for finding in findings if finding.wrong}


@pytest.fixture
def healthy(store: Store) -> Store:
    """An installation of which nobody else can read anything."""
    store.directory.chmod(0o700)
    return store


async def test_nothing_is_wrong_with_an_installation_that_is_well(
    healthy: Store, redis_server: RedisServer, post: Post
) -> None:
    post.open()
    found = await check(healthy, REDIS_URL=redis_server.url, SMTP_URL=f"smtp://127.0.0.1:{post.port}")
    assert wrongs(found) == {}
    assert list(found) == ["settings", "database", "redis", "mail", "disk"]
    assert "can be written to" in found["database"][0].text
    assert post.mails == []


async def test_each_wrong_setting_has_a_line_and_the_other_parts_are_looked_at(healthy: Store) -> None:
    found = await check(
        healthy, BASE_URL="https://team.example.org", WORKERS="many", REDIS_URL="localhost", FORWARDED_ALLOW_IPS="proxy"
    )
    assert sorted(finding.text.partition(":")[0] for finding in found["settings"]) == [
        "FORWARDED_ALLOW_IPS", "REDIS_URL", "SECRET_KEY", "WORKERS",
    ]  # fmt: skip
    assert all(finding.wrong for finding in found["settings"])
    assert list(found) == ["settings", "database", "mail", "disk"]


async def test_a_wrong_address_of_the_program_is_named_and_not_dialled(healthy: Store) -> None:
    found = await check(healthy, running=True, BASE_URL="http://team.example.org")
    assert wrongs(found) == {
        "settings": "BASE_URL: http://team.example.org needs https (plain http is for *.localhost only)"
    }
    assert "proxy" not in found


async def test_looking_makes_nothing(tmp_path: Path) -> None:
    there = tmp_path / "data"
    found = await look_at_all({"DATA_DIR": str(there)}, running=False)
    assert [each for each in found if each.wrong] == []
    assert any("no" in each.text and "yet" in each.text for each in found if each.part == "database")
    assert not there.exists()


async def test_tables_of_another_version_are_wrong(healthy: Store) -> None:
    for revision, words in (("0003", "are at 0003, and this version needs"), ("0099", "newer version of the program")):
        healthy.rows(f"UPDATE alembic_version SET version_num = '{revision}'")
        assert words in wrongs(await check(healthy))["database"]


@pytest.mark.postgresql
async def test_tables_that_nobody_would_make_are_wrong(empty: Store) -> None:
    empty.directory.chmod(0o700)
    assert "are not there yet: run `migrate` with" in wrongs(await check(empty, DATABASE_OWNER_URL=""))["database"]
    assert wrongs(await check(empty)) == {}


@pytest.mark.postgresql
async def test_a_postgresql_that_is_not_there_or_refuses_is_wrong(healthy: Store, closed_port: int) -> None:
    nowhere = f"postgresql+asyncpg://mutirao:secret@127.0.0.1:{closed_port}/mutirao"
    said = wrongs(await check(healthy, DATABASE_URL=nowhere, DATABASE_OWNER_URL=""))["database"]
    assert said.startswith("DATABASE_URL: ")
    assert "secret" not in said
    owner = await check(healthy, DATABASE_URL=healthy.owner_url, DATABASE_OWNER_URL="")
    assert "row-level security" in wrongs(owner)["database"]
    assert wrongs(await check(healthy, DATABASE_OWNER_URL=nowhere))["database"].startswith("DATABASE_OWNER_URL: ")
    healthy.rows(f"REVOKE UPDATE ON tenant FROM {make_url(healthy.url).username}")
    assert "permission denied for table tenant" in wrongs(await check(healthy))["database"]


@pytest.mark.sqlite
async def test_a_file_that_is_none_of_ours_is_wrong(healthy: Store) -> None:
    healthy.path.write_bytes(b"no database" * 100)
    assert "file is not a database" in wrongs(await check(healthy))["database"]


@pytest.mark.sqlite
async def test_a_redis_or_a_mail_server_that_does_not_answer_is_wrong(healthy: Store, closed_port: int) -> None:
    found = wrongs(
        await check(
            healthy,
            REDIS_URL=f"redis://:secret@127.0.0.1:{closed_port}/0",
            SMTP_URL=f"smtp://ana:secret@127.0.0.1:{closed_port}",
        )
    )
    assert found.keys() == {"redis", "mail"}
    assert found["redis"].startswith("REDIS_URL: ")
    assert found["mail"].startswith("SMTP_URL: ")
    assert "secret" not in str(found)


@pytest.mark.sqlite
async def test_a_mail_server_that_does_not_want_us_and_a_sender_there_can_not_be_are_wrong(
    healthy: Store, post: Post
) -> None:
    post.greeting = "554 not you"
    post.open()
    assert "554" in wrongs(await check(healthy, SMTP_URL=f"smtp://127.0.0.1:{post.port}"))["mail"]
    assert wrongs(await check(healthy, MAIL_FROM="nobody"))["mail"].startswith("MAIL_FROM: ")


@pytest.mark.sqlite
async def test_a_disk_without_room_or_that_others_can_read_is_wrong(
    healthy: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy.directory.chmod(0o755)
    assert wrongs(await check(healthy))["disk"].startswith(f"DATA_DIR: others can get into {healthy.directory}")
    assert stat.S_IMODE(healthy.directory.stat().st_mode) == 0o755
    healthy.directory.chmod(0o700)
    monkeypatch.setattr(installation, "LEAST_FREE", shutil.disk_usage(healthy.directory).total + 1)
    assert "MB are free" in wrongs(await check(healthy))["disk"]


@pytest.mark.sqlite
async def test_what_can_not_be_written_is_wrong(healthy: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    (healthy.directory / "files").mkdir(exist_ok=True)
    real = os.access
    refused = {healthy.directory / "files"}
    monkeypatch.setattr(os, "access", lambda path, mode: path not in refused and real(path, mode))  # root may all
    assert f"{healthy.directory / 'files'} can't be read and written" in wrongs(await check(healthy))["disk"]
    refused.add(healthy.directory)
    assert wrongs(await check(healthy))["disk"] == f"DATA_DIR: {healthy.directory} can't be written to"
    elsewhere = healthy.directory / "not" / "there"
    assert f"can't be made in {healthy.directory}" in wrongs(await check(healthy, DATA_DIR=str(elsewhere)))["disk"]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("502 Bad Gateway\r\n", "leads to a proxy that does not reach the program (502)"),
        ("404 Not Found\r\nX-Page: 1\r\n", "leads to a proxy that does not pass on WebSockets (404)"),
        ("404 Not Found\r\n", "leads to something that is not this program (404)"),
        ("403 Forbidden\r\n", "the proxy has to pass on the Host header"),
    ],
)
async def test_what_answers_in_the_place_of_the_program_is_named(answer: str, words: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {answer}Content-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1") as proxy:
        port = proxy.sockets[0].getsockname()[1]
        with pytest.raises(Fault, match=re.escape(words)):
            await dial(f"http://hero.localhost:{port}")


async def test_a_name_that_leads_nowhere_is_named() -> None:
    with pytest.raises(Fault, match=r"the name team\.invalid leads nowhere"):
        await dial("https://team.invalid")


async def test_the_command_leads_to_the_program_and_says_what_is_wrong_by_its_status(server: Server) -> None:
    server.data_dir.chmod(0o700)
    done = server.run("check")
    assert done.returncode == 0, done.stdout
    assert f"ok     proxy:    http://{server.base_host} leads to the program\n" in done.stdout
    server.environment["BASE_URL"] = f"http://another.localhost:{server.port}"
    done = server.run("check")
    assert done.returncode == 1
    (wrong,) = [line for line in done.stdout.splitlines() if line.startswith("wrong")]
    assert "by another address: the proxy has to pass on the Host header" in wrong
    server.stop()
    done = server.run("check")
    assert done.returncode == 1
    assert "nothing answers at" in done.stdout
    assert server.run("check", "--before-start").returncode == 0
