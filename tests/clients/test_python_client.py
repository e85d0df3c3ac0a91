"""The client in Python, against the real server: what a script does by it, also while the server is away."""

from __future__ import annotations

import json
import re
import runpy
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mutirao_client import Event, Gap, LockLost, Mutirao, ProblemError, StreamEnded
from mutirao_client.stream import read_lines
from tests.clients.conftest import Connect, connect_to
from tests.conftest import ROOT, Server
from tests.programs.conftest import add_token
from tests.programs.following import list_logged


def test_a_script_lists_adds_and_changes(connect: Connect) -> None:
    team = connect()
    assert "books" in {each.slug for each in team.collections()}
    before = len(list(team.records("books")))
    made = team.add("books", {"title": "By a client", "author": "A script"}, key="by-a-client")
    assert team.add("books", {"title": "By a client", "author": "A script"}, key="by-a-client") == made
    assert len(list(team.records("books"))) == before + 1
    assert [each.number for each in team.records("books", q="By a client")] == [made.number]
    assert made.number in [each.number for each in team.records("books", changed_after="2020-01-01T00:00:00Z")]
    assert list(team.records("books", changed_after="2999-01-01T00:00:00Z")) == []
    changed = team.change("books", made.number, made.version, {"notes": "Seen"})
    assert team.record("books", made.number) == changed
    with pytest.raises(ProblemError) as refused:
        team.change("books", made.number, made.version, {"notes": "Too late"})
    assert refused.value.code == "version-changed"
    assert team.say("general", "The night is done.").text == "The night is done."


def test_a_record_has_the_moments_of_what_became_of_it(connect: Connect) -> None:
    team = connect()
    made = team.add("books", {"title": "Of its time", "author": "A script"})
    assert made.created_at.tzinfo is not None
    assert made.created_at <= made.updated_at <= datetime.now(UTC)
    assert made.deleted_at is None
    path = f"collections/books/records/{made.number}"
    before = made.updated_at - timedelta(microseconds=1)
    assert made in list(team.records("books", changed_after=before))
    assert list(team.records("books", changed_after=made.updated_at)) == []
    with pytest.raises(ValueError, match="time zone"):
        team.records("books", changed_after=before.replace(tzinfo=None))
    team.call("DELETE", path, headers={"if-match": '"1"'})
    deleted = team.record("books", made.number).deleted_at
    assert deleted is not None
    assert deleted >= made.updated_at


def test_the_script_for_each_night_keeps_its_copy_up_to_date(
    shared_server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = (ROOT / "docs" / "python-client.md").read_text()
    (script,) = re.findall(r"## A script for each night\n.*?```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "nightly.py").write_text(script)
    find_address = socket.getaddrinfo

    def find_here(host: object, *arguments: Any, **options: Any) -> Any:
        """Not every machine knows names below localhost."""
        return find_address(shared_server.address, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", find_here)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MUTIRAO", f"http://{shared_server.host('acme')}")
    secret = add_token(shared_server, "acme", "ana@acme.test", scopes=["records:read", "chat:write"])[1]
    monkeypatch.setenv("MUTIRAO_TOKEN", secret)
    team = connect()

    def run_at_night() -> str:
        runpy.run_path("nightly.py", run_name="__main__")
        kept = json.loads(Path("books.json").read_text())
        there = {str(each.number): {"version": each.version, "values": each.values} for each in team.records("books")}
        assert kept["books"] == there
        return next(team.list("rooms/general/messages"))["text"].partition(": ")[2]

    changed, deleted = (team.add("books", {"title": title, "author": "A script"}) for title in ("One", "Two"))
    assert run_at_night().endswith("changed, 0 deleted.")
    team.change("books", changed.number, changed.version, {"notes": "By day"})
    team.add("books", {"title": "Three", "author": "A script"})
    path = f"collections/books/records/{deleted.number}"
    team.call("DELETE", path, headers={"if-match": '"1"'})
    assert run_at_night() == "2 changed, 1 deleted."
    team.call("POST", f"{path}/restore", headers={"if-match": '"2"'})
    assert run_at_night() == "1 changed, 0 deleted."


def test_a_record_is_held_while_the_block_runs(connect: Connect) -> None:
    team, other = connect(), connect("bruno@acme.test")
    number = team.add("books", {"title": "Held", "author": "A script"}).number
    with team.lock("books", number) as book:
        assert book.record.values["title"] == "Held"
        book.change(notes="One")
        book.change(notes="Two")
        with pytest.raises(ProblemError) as refused, other.lock("books", number):
            pass
        assert refused.value.code == "locked"
    with other.lock("books", number) as book:
        assert book.change(notes="Three").version == 4


def test_who_waits_gets_the_lock_in_turn(connect: Connect) -> None:
    team, other = connect(), connect("bruno@acme.test")
    number = team.add("books", {"title": "Waited for", "author": "A script"}).number
    entered = threading.Event()

    def wait() -> None:
        with other.lock("books", number, wait=20) as book:
            book.change(notes="In turn")
            entered.set()

    with team.lock("books", number):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert not entered.wait(0.5)
    waiting.join(20)
    assert entered.is_set()


def test_a_lock_is_renewed_and_its_loss_is_told(shared_server: Server, connect: Connect) -> None:
    team = connect()
    number = team.add("books", {"title": "Lost", "author": "A script"}).number
    held = team.lock("books", number)
    held.lease = 0.3
    with held:
        first = held.proof
        assert held.record.number == number
        team.call("DELETE", f"collections/books/records/{number}/lock", headers={"lock": first})
        with connect("bruno@acme.test").lock("books", number), pytest.raises(LockLost):
            held.change(notes="Not mine any more")
        assert held.lost


def test_a_stream_is_followed_through_a_killed_server(server: Server) -> None:
    token_id, secret = add_token(server, "acme", "ana@acme.test")
    got: list[Event] = []
    reason: list[str] = []
    with connect_to(server, secret) as team:
        (books,) = [each.channel for each in team.collections() if each.slug == "books"]
        begin = team.call("GET", "events")["next"]
        follower = team.follow(after=begin, channels=[books])

        def follow() -> None:
            try:
                for event in follower:
                    assert isinstance(event, Event)
                    got.append(event)
            except StreamEnded as ended:
                reason.append(ended.reason)

        following = threading.Thread(target=follow)
        following.start()
        team.add("books", {"title": "Before", "author": "A script"})
        for _ in range(2):
            server.stop(signal.SIGKILL)
            server.start()
            team.add("books", {"title": "After", "author": "A script"})
        server.stop()
        server.run("record", "add", "acme", "books", "title=With nobody there", "--as", "bruno@acme.test")
        server.start()
        team.add("books", {"title": "At last", "author": "A script"}, key="at-last")
        last = list_logged(server, books)[-1][0]
        for _ in range(200):
            if follower.cursor and follower.cursor >= last:
                break
            following.join(0.1)
        server.run("token", "end", "acme", str(token_id))
        following.join(20)
    assert [(event.cursor, event.kind) for event in got] == list_logged(server, books, begin)
    assert reason == ["ended"]


def set_rights(team: Mutirao, *, given: bool) -> None:
    """Give members of the workspace its books, or take them from them."""
    tag = team.http.get("collections/books/permissions").headers["etag"]
    rights = {**dict.fromkeys(("browse", "read", "add"), given), "edit": "none", "delete": "none"}
    team.call("PATCH", "collections/books/permissions", body={"roles": {"member": rights}}, headers={"if-match": tag})


def test_a_channel_that_comes_back_is_a_gap(server: Server) -> None:
    secrets = [add_token(server, "acme", email)[1] for email in ("ana@acme.test", "carla@acme.test")]
    with connect_to(server, secrets[0]) as ana, connect_to(server, secrets[1]) as carla:
        (books,) = [each.channel for each in ana.collections() if each.slug == "books"]
        begin = carla.call("GET", "events")["next"]
        follower = carla.follow(after=begin, channels=[books])
        ana.add("books", {"title": "Seen", "author": "A script"})
        following = iter(follower)
        told = [next(following)]
        set_rights(ana, given=False)
        ana.add("books", {"title": "Not for Carla", "author": "A script"})
        set_rights(ana, given=True)
        ana.add("books", {"title": "For her again", "author": "A script"})
        logged = [cursor for cursor, _ in list_logged(server, books, begin)]
        while not isinstance(told[-1], Event) or told[-1].cursor < logged[-1]:
            told.append(next(following))
        (gap,) = [each for each in told if isinstance(each, Gap)]
        assert gap.channels == (books,)
        missed = {*logged} - {each.cursor for each in told if isinstance(each, Event)}
        assert all(gap.after < cursor < gap.before for cursor in missed)


def test_a_text_may_have_what_ends_a_line_elsewhere(connect: Connect) -> None:
    team = connect()
    cursor = team.http.get("events").json()["next"]
    notes = "One\x85two\u2028three\u2029four"
    with team.lock("books", 39) as book:
        book.change(notes=notes)
    for event in team.follow(after=cursor):
        if isinstance(event, Event) and event.kind == "record.changed":
            assert event.data["after"]["notes"] == notes
            break


def test_lines_of_a_stream_end_where_the_format_says_wherever_it_was_cut() -> None:
    text = "a: \u2028b\x85\n\nid: 1\r\ndata: c\x0b\x1ed\rdata: \u2029\r\n\r\n".encode()
    lines = ["a: \u2028b\x85", "", "id: 1", "data: c\x0b\x1ed", "data: \u2029", ""]
    assert list(read_lines([text])) == lines
    assert list(read_lines(text[place : place + 1] for place in range(len(text)))) == lines


def test_its_wheel_holds_the_client_and_its_types(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(tmp_path)]
    subprocess.run([*command, str(ROOT / "clients" / "python")], check=True, timeout=120)
    (wheel,) = tmp_path.glob("mutirao_client-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"mutirao_client/__init__.py", "mutirao_client/py.typed", "mutirao_client/stream.py"} <= names
    assert not [name for name in names if name.startswith(("app/", "tests/"))]
