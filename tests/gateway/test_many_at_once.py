"""However many come to an app's channels in one moment, or go, its server is told of each, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog

from app.database import Database
from app.gateway import app_gathering, occupancy
from app.gateway.app_gathering import Gathered
from app.gateway.app_sending import HookSender
from app.gateway.occupancy import Occupancy
from app.web.outgoing import Outgoing
from tests.databases import Store
from tests.gateway.test_app_sending import make_hooked, say, until_told
from tests.gateway.test_app_webhooks import HERE, events_in
from tests.gateway.test_occupancy import make_watchers
from tests.gateway.test_over_processes import tell
from tests.receiver import receiving
from tests.waiting import until

PEOPLE = [f"person {number}" for number in range(1500)]


@pytest.mark.parametrize("ends", [False, True], ids=["while it runs", "as it ends"])
async def test_who_comes_and_goes_with_many_others_is_told_once(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    _, (watcher,), _ = make_watchers(monkeypatch, "alone")
    sender = HookSender(database, HERE, Outgoing(HERE))
    watcher.offer = sender.offer
    async with receiving() as receiver:
        app_id, _ = await make_hooked(database, receiver.url)
        watcher.roster.belong(app_id, 1)
        spot = (app_id, "presence-hall")
        with structlog.testing.capture_logs() as logs:
            async with sender.running():

                async def until_heard(name: str) -> None:
                    watcher.tell()
                    await until(lambda: not watcher.held and not watcher.gone)
                    await until_told(sender, store)
                    told = [event["user_id"] for event in events_in(receiver) if event["name"] == name]
                    assert sorted(told) == sorted(PEOPLE)

                for person in PEOPLE:
                    watcher.roster.enter(spot, person, "null")
                await until_heard("member_added")
                if ends:
                    monkeypatch.setattr(occupancy, "GONE_AFTER", 60.0)
                for person in PEOPLE:
                    watcher.roster.leave(spot, person)
                if ends:
                    await watcher.end()
                await until_heard("member_removed")
    assert [each for each in logs if each["log_level"] != "info"] == []
    assert sender.gathered_text == 0
    assert store.rows("SELECT count(*) FROM gateway_app_told WHERE gone_at IS NULL") == [(0,)]


def make_full(monkeypatch: pytest.MonkeyPatch) -> tuple[Occupancy, list[str], Callable[[], None]]:
    """A node that holds four at most, and tells two at once; what it told, and its way to let ten come."""
    monkeypatch.setattr(occupancy, "MOST_HELD", 4)
    monkeypatch.setattr(occupancy, "PART_TOLD", 2)
    _, (watcher,), told = make_watchers(monkeypatch, "alone")

    def come() -> None:
        for person in PEOPLE[:10]:
            watcher.roster.enter((1, "presence-hall"), person, "null")

    return watcher, told["alone"], come


async def test_of_more_than_is_held_none_is_lost_by_who_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher, told, come = make_full(monkeypatch)
    come()
    assert len(watcher.held) == 4
    await until(lambda: len(told) == 10)
    assert told == [f"member_added presence-hall {person}" for person in PEOPLE[:10]]
    told.clear()
    for person in PEOPLE[:10]:
        watcher.roster.leave((1, "presence-hall"), person)
    watcher.tell()
    assert len(told) == 2, "in parts"
    await until(lambda: not watcher.held and not watcher.gone)
    assert told == [f"member_removed presence-hall {person}" for person in PEOPLE[:10]]


async def test_of_many_that_one_node_tells_in_parts_no_other_tells_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occupancy, "PART_TOLD", 2)
    _, (first, second), told = make_watchers(monkeypatch, "first", "second")
    hall = (1, "presence-hall")
    for person in PEOPLE[:9]:
        second.roster.enter(hall, person, "null")
    await tell(second.roster)
    first.tell()
    assert (len(told["first"]), len(second.held)) == (2, 7)
    await first.end()
    second.tell()
    assert sorted(told["first"]) == [f"member_added presence-hall {person}" for person in PEOPLE[:9]]
    for person in PEOPLE[:9]:
        second.roster.leave(hall, person)
    await until(lambda: len(told["second"]) == 9)
    assert sorted(told["second"]) == [f"member_removed presence-hall {person}" for person in PEOPLE[:9]]


async def test_the_last_node_tells_of_more_than_is_held_as_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    watcher, told, come = make_full(monkeypatch)
    come()
    await until(lambda: not watcher.held)
    told.clear()
    monkeypatch.setattr(occupancy, "GONE_AFTER", 60.0)
    for person in PEOPLE[:10]:
        watcher.roster.leave((1, "presence-hall"), person)
    await watcher.end()
    assert told == [f"member_removed presence-hall {person}" for person in PEOPLE[:10]]


def test_a_part_is_bounded_by_its_events_and_by_their_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_gathering, "PART", 3)
    monkeypatch.setattr(app_gathering, "PART_TEXT", 10)
    gathered, parts = Gathered(), []
    for text in ("a", "b", "c", "d", "e" * 9, "f", "g" * 20, "h"):
        gathered.add("presence", text)
    while part := gathered.list_part():
        parts.append("".join(text[0] for _, _, text in part))
        gathered.forget(part[-1][0])
    assert parts == ["abc", "de", "f", "g", "h"]
    assert gathered.size == 0


async def test_what_all_apps_are_to_be_told_is_bounded_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = HookSender(database, HERE, Outgoing(HERE))
    monkeypatch.setattr("app.gateway.app_sending.MOST_GATHERED_OF_ALL", 1000)
    sender.offer(1, 1, say(1))
    for number in range(100):
        sender.offer(1, 2, say(number))
    assert len(sender.gathered[1][1].events) == 1, "the app with most to tell is told less"
    assert sender.gathered_text == sum(each.size for each in sender.gathered[1].values()) <= 1000
    assert sender.gathered[1][2].events[-1][2].endswith('"c99"}')
    for task in sender.putting.values():
        task.cancel()
    sender.outgoing.close()
