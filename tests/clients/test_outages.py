"""What a script does by the client in Python while the server is away, or what it answers is lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import mutirao_client.outages
from mutirao_client import ConnectionLost, LockLost, Mutirao, OutcomeUnknown, ProblemError
from tests.clients.conftest import Connect, connect_to
from tests.conftest import Server, free_port
from tests.programs.conftest import add_token


class LossyLine(httpx.HTTPTransport):
    """Loses the next requests of a method, the answers to them, or the way there; or a proxy answers by itself. What is
    done `before` the next one comes between."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[tuple[str, str]] = []
        self.before: Callable[[], object] = lambda: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        what, method = self.lost[0] if self.lost else ("", "")
        if request.method != method:
            return super().handle_request(request)
        del self.lost[0]
        if what == "answer":
            super().handle_request(request).read()
        self.before()
        if what.isdigit():
            return httpx.Response(int(what), text="said by a proxy")
        raise (httpx.ConnectError if what == "way" else httpx.ReadError)("cut off")


Line = tuple[Mutirao, LossyLine]


@pytest.fixture
def line(shared_server: Server) -> Iterator[Line]:
    """A script, and its line."""
    line = LossyLine()
    secret = add_token(shared_server, "acme", "ana@acme.test")[1]
    with connect_to(shared_server, secret, transport=line) as team:
        yield team, line


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """What fails is sent again at once, where no server is started meanwhile."""
    if "server" not in request.fixturenames:
        monkeypatch.setattr(mutirao_client.outages, "FIRST_PAUSE", 0)


def test_a_block_goes_on_through_a_killed_server(server: Server) -> None:
    _, secret = add_token(server, "acme", "ana@acme.test")
    with connect_to(server, secret) as team:
        number = team.add("books", {"title": "Through it", "author": "A script"}).number
        with team.lock("books", number) as book:
            book.change(notes="Before")
            server.stop(signal.SIGKILL)
            changing = threading.Thread(target=book.change, kwargs={"notes": "After"})
            changing.start()
            server.start()
            changing.join(20)
            assert team.record("books", number) == book.record
            assert (book.record.version, book.record.values["notes"]) == (3, "After")


@pytest.mark.parametrize("lost", ["answer", "request", "way", "502", "503"])
def test_a_change_is_done_once_whichever_way_was_cut_off(line: Line, lost: str) -> None:
    team, cut = line
    made = team.add("books", {"title": "Once", "author": "A script"})
    cut.lost = [(lost, "PATCH")] * 2
    changed = team.change("books", made.number, made.version, {"notes": "Once"})
    with team.lock("books", made.number) as book:
        cut.lost = [(lost, "PATCH")] * 2
        assert book.change(notes=" Twice ").values["notes"] == "Twice"  # also what is kept otherwise than it was sent
    assert not cut.lost
    assert (changed.version, team.record("books", made.number).version) == (2, 3)


def test_what_reads_or_has_a_key_is_sent_again(line: Line) -> None:
    team, cut = line
    cut.lost = [(lost, method) for method in ("POST", "GET") for lost in ("answer", "request", "way", "503")]
    number = team.add("books", {"title": "Sent again", "author": "A script"}).number
    assert [each.number for each in team.records("books", q="Sent again")] == [number]
    assert not cut.lost


@pytest.mark.parametrize("wait", [0, 30])
def test_a_lock_is_had_whose_answer_was_lost(shared_server: Server, line: Line, wait: float) -> None:
    team, cut = line
    number = team.add("books", {"title": "Lost proof", "author": "A script"}).number
    cut.lost = [("answer", "POST")]
    if wait:  # in line behind oneself: the lock whose proof nobody knows ends
        cut.before = lambda: shared_server.store.rows("UPDATE record SET lock_until = 1 WHERE number = ?", number)
    with team.lock("books", number, wait=wait) as book:
        assert book.change(notes="Mine").version == 2


def test_what_cannot_be_known_is_told_so(line: Line, connect: Connect) -> None:
    team, cut = line
    other = connect("bruno@acme.test")
    made = team.add("books", {"title": "Who knows", "author": "A script"})
    cut.before = lambda: other.change("books", made.number, made.version, {"notes": "By another"})
    cut.lost = [("request", "PATCH")]
    with pytest.raises(OutcomeUnknown):
        team.change("books", made.number, made.version, {"notes": "Mine"})
    cut.before = lambda: None
    cut.lost = [("answer", "PATCH"), *[("way", "PATCH")] * mutirao_client.outages.TRIES]
    with pytest.raises(OutcomeUnknown):
        team.change("books", made.number, 2, {"notes": "Mine"})
    assert team.record("books", made.number).version == 3
    cut.lost = [("answer", "PATCH"), *[("way", "GET")] * mutirao_client.outages.TRIES]
    with pytest.raises(OutcomeUnknown):
        team.change("books", made.number, 3, {"notes": "Mine, too"})
    assert team.record("books", made.number).version == 4
    cut.lost = [("answer", "DELETE")]
    with pytest.raises(OutcomeUnknown):
        team.call("DELETE", f"collections/books/records/{made.number}", headers={"if-match": '"4"'})


def test_a_lock_that_was_lost_with_the_answer_is_told_so(line: Line) -> None:
    team, cut = line
    number = team.add("books", {"title": "Lost with it", "author": "A script"}).number
    with team.lock("books", number) as book:
        cut.before = lambda: team.call("DELETE", f"{book.path}/lock", headers={"lock": book.proof})
        cut.lost = [("request", "PATCH")]
        with pytest.raises(LockLost):
            book.change(notes="Not mine any more")
    assert team.record("books", number).version == 1


@pytest.mark.parametrize(
    "use",
    [
        lambda team: list(team.collections()),
        lambda team: list(team.records("books")),
        lambda team: team.record("books", 1),
        lambda team: team.add("books", {"title": "Nowhere"}),
        lambda team: team.change("books", 1, 1, {"title": "Nowhere"}),
        lambda team: team.say("general", "Hello?"),
        lambda team: team.lock("books", 1, wait=5, ask=True).__enter__(),
        lambda team: team.call("DELETE", "collections/books/records/1", headers={"if-match": '"1"'}),
    ],
)
def test_every_call_tells_that_the_server_is_away(use: Callable[[Mutirao], Any]) -> None:
    with Mutirao(f"http://127.0.0.1:{free_port()}", "mut_none") as team:
        with pytest.raises(ConnectionLost) as told:
            use(team)
        assert not isinstance(told.value, OutcomeUnknown)


def test_what_is_refused_is_no_outage(line: Line) -> None:
    team, cut = line
    made = team.add("books", {"title": "Refused", "author": "A script"})
    cut.lost = [("request", "PATCH")]
    with pytest.raises(ProblemError) as refused:
        team.change("books", made.number, made.version, {"title": ""})
    assert refused.value.code == "invalid"
    with Mutirao("acme.team.example.org", "mut_none") as nowhere:
        with pytest.raises(httpx.UnsupportedProtocol):
            nowhere.record("books", 1)
        with pytest.raises(httpx.UnsupportedProtocol):
            next(iter(nowhere.follow()))
