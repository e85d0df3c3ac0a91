"""The sidebar of an open page lets go of the rooms that a fresh one does not show."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from app.chat.memberships import Membership
from app.chat.reading import JoinedRoom
from app.chat.rooms import Room, order_of
from app.chat.sidebar import ROOMS_SHOWN, choose_rooms
from app.web.assets import STATIC

CASES = 300
# What a page does with all rooms of a member, if it had to show them all.
SCRIPT = """
import { readFileSync } from "node:fs";
import { chooseLeast, keptOf } from "./room-counts.js";
const cases = JSON.parse(readFileSync("cases.json"));
console.log(JSON.stringify(cases.map(({ shown, kept, opened, most }) => {
  let rooms = [...shown, ...keptOf(kept, opened).map((each) => ({ ...each, open: false }))];
  const order = Object.fromEntries(cases.flatMap((each) => Object.entries(each.orders)));
  rooms.sort((one, other) => (order[one.room] < order[other.room] ? -1 : 1));
  while (rooms.length > most) {
    const least = chooseLeast(rooms);
    rooms = rooms.filter((each) => each !== least);
  }
  return rooms.map(({ room }) => Number(room));
})));
"""


def make_case(random: Random) -> tuple[dict[str, Any], list[int]]:
    """Rooms as a page has them of its server, and those that a fresh page shows."""
    began = datetime(2026, 11, 29, tzinfo=UTC)
    visits, joined = {}, []
    for number in range(1, random.randint(ROOMS_SHOWN, ROOMS_SHOWN + 12)):
        room = Room(id=number, slug=f"room-{number}", name=f"Room {number:03d}", kind="public", last_number=9)
        notify = random.choice(["everything", "everything", "mentions", "nothing"])
        membership = Membership(room_id=number, member_id=1, notify=notify, read_number=3)
        unread = random.choice([0, 0, 1, 5])
        joined.append(JoinedRoom(room, room.name, membership, unread, random.choice([0, 1]) if unread else 0))
        if random.random() < 0.7:  # several within one second, some within one moment
            visits[number] = began + timedelta(
                milliseconds=random.choice([1, 2, 3, 400, 800, 1200]) * random.randint(1, 3)
            )
    current = f"room-{random.randint(1, 30)}"
    sidebar = choose_rooms(joined, visits, current)
    fresh = [each.joined.room.id for each in sidebar.shown]
    shown = [
        {
            "room": str(each.joined.room.id),
            "notify": each.joined.membership.notify,
            "count": str(each.joined.unread),
            "mentions": str(each.joined.mentions),
            "seen": str(each.seen),
            "open": each.joined.room.slug == current,
        }
        for each in sidebar.shown
    ]
    orders = {str(each.room.id): order_of(each.room.kind, each.name, each.room.id) for each in joined}
    return {
        "shown": shown,
        "kept": sidebar.kept,
        "opened": sidebar.opened,
        "most": ROOMS_SHOWN,
        "orders": orders,
    }, fresh


def test_of_all_rooms_those_stay_that_a_fresh_page_shows(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node, "node is missing: run tests/install-system-packages"
    random = Random(12)
    cases, wanted = zip(*(make_case(random) for _ in range(CASES)), strict=True)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "cases.json").write_text(json.dumps(cases))
    (tmp_path / "run.js").write_text(SCRIPT)
    shutil.copy(STATIC / "js" / "room-counts.js", tmp_path)
    done = subprocess.run([node, "run.js"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == list(wanted)
