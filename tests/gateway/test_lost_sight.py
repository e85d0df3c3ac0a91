"""Apps' servers are told who has gone while nobody could see it, as the whole program was killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.database import Database, Tenant
from app.gateway import lost_sight
from app.gateway.app_sending import HookSender
from app.gateway.app_told import LIST_TOLD_OF_APPS, list_told
from app.gateway.app_webhooks import change_app_webhook
from app.gateway.apps import get_app
from app.gateway.hook_events import write_occupancy
from app.gateway.lost_sight import LostSight
from app.gateway.occupancy import Occupancy
from app.gateway.roster import Roster, Spot
from app.live.bus import InProcessBus
from app.web.outgoing import Outgoing
from tests.conftest import Server, end_server, free_port
from tests.databases import Store
from tests.gateway.conftest import Dial
from tests.gateway.test_app_sending import make_hooked
from tests.gateway.test_app_webhooks import HERE, LOOPBACK
from tests.gateway.test_occupancy import add_hooked, enter, kept, make_watchers, tell
from tests.statements import noting_statements
from tests.waiting import until

NOWHERE = "http://127.0.0.1:9/"


def told_in(store: Store) -> list[str]:
    """What waits to be told."""
    bodies = [json.loads(body) for (body,) in store.rows("SELECT body FROM gateway_app_event ORDER BY id")]
    return [f"{each['name']} {each['channel']} {each.get('user_id', '')}".rstrip() for each in bodies]


@pytest.fixture
def lonely(seeded: Store, tmp_path: Path) -> Iterator[Server]:
    """A server of its own, of one process."""
    seeded.copy_to(tmp_path)
    made = Server(tmp_path, free_port(), LOOPBACK)
    made.start()
    yield made
    end_server(made)


@pytest.mark.alike
async def test_who_went_while_the_program_was_dead_is_told_once_and_who_is_back_is_not(
    lonely: Server, dial: Dial
) -> None:
    made = add_hooked(lonely)
    for user in ("ana", "bruno"):
        client = await dial(lonely, made["key"])
        await enter(made, client, "presence-room", user)
        await enter(made, client, f"presence-of-{user}", user)
    await until(lambda: len(kept(lonely)) == 7)
    lonely.stop(signal.SIGKILL)
    lonely.start()
    back = await dial(lonely, made["key"])
    await enter(made, back, "presence-room", "ana")
    await until(lambda: len(kept(lonely)) == 7 + 5)
    lonely.stop()
    ends = [each for each in told_in(lonely.store) if each.startswith(("channel_vacated", "member_removed"))]
    assert sorted(ends) == [
        "channel_vacated presence-of-ana",
        "channel_vacated presence-of-bruno",
        "channel_vacated presence-room",
        "member_removed presence-of-ana ana",
        "member_removed presence-of-bruno bruno",
        "member_removed presence-room ana",
        "member_removed presence-room bruno",
    ]
    assert len(kept(lonely)) == 14, "and nobody has come twice"
    assert lonely.store.rows("SELECT count(*) FROM gateway_app_told WHERE gone_at IS NULL") == [(0,)]


async def test_who_is_lost_is_told_of_by_the_node_that_tells_unless_they_are_back(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    app_id, _ = await make_hooked(database, NOWHERE)
    sender = HookSender(database, HERE, Outgoing(HERE))
    for user in ("ana", "bruno", "carla"):
        sender.offer(1, app_id, write_occupancy("presence-room", user, there=True))
    await until(lambda: not sender.gathered)
    monkeypatch.setattr(lost_sight, "BACK_WITHIN", 0.0)
    _, nodes, told = make_watchers(monkeypatch, "first", "second")
    spot = (app_id, "presence-room")
    nodes[1].roster.enter(spot, "ana", "null")
    await tell(nodes[1].roster)
    nodes[0].gone[spot, "carla"] = 0.0  # she is about to be told of anyway
    for each in [LostSight(database, node) for node in nodes] * 2:
        await each.look()
        each.occupancy.tell()
    gone = [each for each in told["first"] if each.startswith("member_removed")]
    assert (sorted(gone), told["second"]) == (
        ["member_removed presence-room bruno", "member_removed presence-room carla"],
        [],
    )


class Offered:
    """Apps whose servers were told who is in their room."""

    def __init__(self, database: Database, node: Occupancy) -> None:
        self.database = database
        self.node = node
        self.sight = LostSight(database, node)
        self.sender = HookSender(database, HERE, Outgoing(HERE))
        self.told: list[str] = []

    async def add(self, workspace: int, *users: str) -> Spot:
        """An app, whose server was told that its room is occupied, and by whom."""
        app_id, _ = await make_hooked(self.database, NOWHERE, workspace=workspace)
        for user in ("", *users):
            self.sender.offer(workspace, app_id, write_occupancy("presence-room", user, there=True))
        await until(lambda: not self.sender.gathered)
        return app_id, "presence-room"

    async def look(self) -> list[str]:
        """What it tells after a look."""
        self.told.clear()
        await self.sight.look()
        self.node.tell()
        return list(self.told)


@pytest.fixture
async def offered(database: Database, store: Store, monkeypatch: pytest.MonkeyPatch) -> Offered:
    """A node that looks at once, and what its apps' servers were told before."""
    monkeypatch.setattr(lost_sight, "BACK_WITHIN", 0.0)
    _, (node,), _ = make_watchers(monkeypatch, "only")
    made = Offered(database, node)
    node.offer = lambda workspace, app_id, event: made.told.append(
        f"{workspace}: {event['name']} {event.get('user_id', '')}".rstrip()
    )
    return made


async def test_of_several_processes_that_do_not_hear_each_other_none_tells_who_is_lost(
    database: Database, offered: Offered
) -> None:
    await offered.add(1)
    for alone in (False, True):
        node = Occupancy(Roster(InProcessBus(alone=alone)))
        await LostSight(database, node).look()
        assert [event["name"] for _, _, _, event in node.held] == ["channel_vacated"] * alone


async def test_of_two_workspaces_with_the_same_room_and_user_each_is_told_of_its_own(offered: Offered) -> None:
    spots = [await offered.add(workspace, "ana") for workspace in (1, 2)]
    offered.node.roster.count_more(spots[0], 1)
    offered.node.roster.enter(spots[0], "ana", "null")
    offered.node.held.clear()
    assert await offered.look() == ["2: member_removed ana", "2: channel_vacated"]
    assert await offered.look() == []


async def test_of_many_who_are_lost_a_part_is_told_at_once_and_the_rest_later_unless_they_are_back(
    offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_sight, "MOST_LOOKED_FOR", 2)
    spot = await offered.add(1, "ana", "bruno", "carla", "davi")
    first = await offered.look()
    assert (len(first), "1: channel_vacated" in first) == (2, False)
    offered.node.roster.enter(spot, "davi", "null")
    offered.node.held.clear()
    rest = [await offered.look() for _ in range(3)]
    wanted = {f"1: member_removed {user}" for user in ("ana", "bruno", "carla", "davi")} - {*first}
    wanted.discard("1: member_removed davi")
    assert ({each for part in rest for each in part}, rest[-1]) == ({*wanted, "1: channel_vacated"}, [])


async def test_while_redis_is_away_nobody_is_lost_and_once_it_is_back_it_is_looked_again(
    offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_sight, "MOST_LOOKED_FOR", 1)
    bus: Any = offered.node.bus
    spot = await offered.add(1, "ana", "bruno")
    (first,) = await offered.look()
    bus.reachable = False
    assert await offered.look() == []
    bus.reachable = True
    back = {"ana": "bruno", "bruno": "ana"}[first.rpartition(" ")[2]]
    offered.node.roster.count_more(spot, 1)
    offered.node.roster.enter(spot, back, "null")
    offered.node.held.clear()
    await offered.add(2)
    assert [await offered.look() for _ in range(3)] == [[first], ["2: channel_vacated"], []]


async def test_only_workspaces_are_read_of_which_there_is_something_and_each_row_once(
    database: Database, offered: Offered, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_sight, "MOST_LOOKED_FOR", 1)
    async with database.write() as transaction:
        transaction.add_all([Tenant(slug=f"other-{number}", name="Other") for number in range(48)])
    await offered.add(2, "ana", "bruno")
    with noting_statements() as asked:
        told = [await offered.look() for _ in range(4)]
    assert [len(each) for each in told] == [1, 1, 1, 0]
    assert len([statement for statement, _ in asked if "gateway_app_told" in statement]) == 2
    assert len([statement for statement, _ in asked if "SELECT" in statement]) <= 4


@pytest.mark.sqlite
def test_of_a_workspace_no_rows_are_read_but_those_of_who_is_there(store: Store) -> None:
    words = LIST_TOLD_OF_APPS.confined.compile_for_sqlite({}).words
    plan = str(store.rows(f"EXPLAIN QUERY PLAN {words.replace('?', '1')}"))
    assert "(tenant_id=? AND gone_at=? AND id>?)" in plan, plan


async def test_nothing_is_told_twice_in_a_row_and_what_is_told_no_more_is_not_followed(
    database: Database, store: Store
) -> None:
    app_id, _ = await make_hooked(database, NOWHERE)
    sender = HookSender(database, HERE, Outgoing(HERE))
    come, added = write_occupancy("presence-room", "", there=True), {"user_id": "é" * 200}
    said: list[dict[str, Any]] = [come, {**come, "name": "member_added", **added}, come]
    gone = write_occupancy("presence-room", "", there=False)
    said += [gone, gone, come, come]
    for event in said:
        sender.offer(1, app_id, event)
    await until(lambda: not sender.gathered)
    for number in range(2):  # of whom nothing is known, as their coming was not told
        sender.offer(1, app_id, write_occupancy("before", "", there=False))
        await until(lambda: not sender.gathered)
        assert told_in(store).count("channel_vacated before") == 1, number
    names = [each.partition(" ")[0] for each in told_in(store)]
    assert names[:-1] == ["channel_occupied", "member_added", "channel_vacated", "channel_occupied"]
    async with database.write(1) as transaction:
        app, bot = await get_app(transaction, app_id)
        there = [(channel, user) for _, _, channel, user in await list_told(transaction, 0)]
        assert sorted(there) == [("presence-room", ""), ("presence-room", "é" * 200)]
        await change_app_webhook(transaction, HERE, None, app, bot, NOWHERE, ["channel_existence"])
        assert [user for _, _, _, user in await list_told(transaction, 0)] == [""]
        await change_app_webhook(transaction, HERE, None, app, bot, "", [])
        assert await list_told(transaction, 0) == []
