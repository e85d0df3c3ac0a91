"""Who is here is what every node has said last, and costs little however many come at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.live import presence as module
from app.live.bus import InProcessBus
from app.live.connection import Connection
from app.live.hub import Hub
from app.live.presence import READERS_SHOWN, Person, Presence

ACME, TENANT = 1, "tenant"
OTHERS = ("second", "third")


class Others:
    """What other nodes say, each counting what it has said."""

    def __init__(self, presence: Presence) -> None:
        self.presence = presence
        self.said = dict.fromkeys(OTHERS, 0)

    def here(self, node: str, member_id: int, name: str) -> None:
        self.tell(node, self.presence.hear_here, {"id": member_id, "name": name})

    def gone(self, node: str, member_id: int, _: str) -> None:
        self.tell(node, self.presence.hear_gone, member_id)

    def all(self, node: str, member_id: int, name: str) -> None:
        people = [{"id": each, "name": name} for each in range(member_id)]
        self.presence.hear_all(node, [self.said[node], [[ACME, TENANT, people]]])

    def dead(self, node: str, *_: Any) -> None:
        self.presence.replace(node, None)

    def tell(self, node: str, hear: Callable[[str, Any], None], about: Any) -> None:
        self.presence.hear_all(node, [self.said[node], self.known(node)])
        self.said[node] += 1
        hear(node, [self.said[node], ACME, TENANT, about])

    def known(self, node: str) -> list[Any]:
        people = self.presence.others[node].people if node in self.presence.others else {}
        return [
            [*place, [{"id": each.id, "name": each.name} for each in found.values()]] for place, found in people.items()
        ]


def start() -> Presence:
    return Presence(Hub(), InProcessBus())


def follow(presence: Presence) -> Connection:
    """A page that follows who is here."""
    connection = Connection({}, ACME, lambda: None)
    presence.hub.add(connection)
    presence.hub.follow(connection, [TENANT], 0)
    return connection


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["join", "leave", "here", "gone", "all", "dead"]),
        st.sampled_from(OTHERS),
        st.integers(1, READERS_SHOWN + 3),
        st.sampled_from(["Ana", "ana", "Bruno", "Zé"]),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_who_is_listed_is_who_is_there_whatever_nodes_say(steps: list[tuple[str, str, int, str]]) -> None:
    async def run() -> None:
        presence = start()
        others = Others(presence)
        here: set[int] = set()
        for what, node, member_id, name in steps:
            if what == "join" and member_id not in here:
                here.add(member_id)
                presence.join(ACME, "en", TENANT, Person(member_id, name))
            elif what == "leave" and member_id in here:
                here.remove(member_id)
                presence.leave(ACME, TENANT, member_id, at_once=True)
            elif what in ("here", "gone", "all", "dead"):
                getattr(others, what)(node, member_id, name)
            there = sorted(presence.gather((ACME, TENANT)).values(), key=lambda each: (each.name.lower(), each.id))
            listed = presence.list_people(ACME, TENANT)
            assert listed == {"people": there[:READERS_SHOWN], "more": max(0, len(there) - READERS_SHOWN)}
            shown = presence.render(ACME, TENANT)
            first = [f'id="here-{each.id}"' in shown for each in there]
            assert first == [place < READERS_SHOWN for place in range(len(there))]
            if not there:
                assert (presence.listed, presence.frames) == ({}, {}), "nothing is kept of a place where nobody is"

    asyncio.run(run())


async def test_pages_that_come_at_once_are_shown_who_is_here_by_few_partials(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[str] = []
    render = module.render

    def count_and_render(*arguments: Any, **context: Any) -> str:
        rendered.append(render(*arguments, **context))
        return rendered[-1]

    monkeypatch.setattr(module, "render", count_and_render)
    presence = start()
    for member_id in range(200):
        connection = follow(presence)
        person = Person(member_id % 100, f"Person {member_id % 100:03}")
        if not presence.join(ACME, "en", TENANT, person):
            presence.bring_up_to_date(connection, TENANT)
    assert len(rendered) == 1, "the first one's; what came after is told half a second later"
    presence.rest((ACME, TENANT))
    assert len(rendered) == 2
    assert "and 76 more" in rendered[-1]
    assert connection.queue is not None
    last = ""
    while not connection.queue.empty():
        last = await connection.queue.get()
    assert last == rendered[-1]
    presence.bring_up_to_date(connection, TENANT)
    assert await connection.queue.get() == rendered[-1]
    assert len(rendered) == 2, "nothing has changed since"


async def test_nothing_is_kept_of_a_workspace_whose_last_page_has_gone() -> None:
    presence = start()
    presence.join(ACME, "pt_BR", TENANT, Person(1, "Ana"))
    assert presence.languages == {ACME: "pt_BR"}
    presence.leave(ACME, TENANT, 1, at_once=True)
    kept = (presence.people, presence.sockets, presence.languages, presence.leaving, presence.listed, presence.frames)
    assert not any(kept)
