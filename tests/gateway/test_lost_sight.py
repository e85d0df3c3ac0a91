"""Apps' servers are told who has gone while nobody could see it, as the whole program was killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.database import Database
from app.gateway import lost_sight, occupancy
from app.gateway.app_sending import HookSender
from app.gateway.app_told import list_told
from app.gateway.app_webhooks import change_app_webhook
from app.gateway.apps import get_app
from app.gateway.lost_sight import LostSight
from app.web.outgoing import Outgoing
from tests.conftest import Server, end_server, free_port
from tests.databases import Store
from tests.gateway.conftest import Dial
from tests.gateway.test_app_sending import make_hooked
from tests.gateway.test_app_webhooks import HERE, LOOPBACK
from tests.gateway.test_occupancy import add_hooked, enter, kept, make_watchers, tell
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
        sender.gatherer.offer(1, app_id, occupancy.write_occupancy("presence-room", user, there=True))
    await until(lambda: not sender.gatherer.gathered)
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


async def test_nothing_is_told_twice_in_a_row_and_what_is_told_no_more_is_not_followed(
    database: Database, store: Store
) -> None:
    app_id, _ = await make_hooked(database, NOWHERE)
    sender = HookSender(database, HERE, Outgoing(HERE))
    come, added = occupancy.write_occupancy("presence-room", "", there=True), {"user_id": "é" * 200}
    said: list[dict[str, Any]] = [come, {**come, "name": "member_added", **added}, come]
    gone = occupancy.write_occupancy("presence-room", "", there=False)
    said += [gone, gone, come, come]
    for event in said:
        sender.gatherer.offer(1, app_id, event)
    await until(lambda: not sender.gatherer.gathered)
    for number in range(2):  # of whom nothing is known, as their coming was not told
        sender.gatherer.offer(1, app_id, occupancy.write_occupancy("before", "", there=False))
        await until(lambda: not sender.gatherer.gathered)
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
