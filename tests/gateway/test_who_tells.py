"""Nodes agree on what is to be told of who comes and goes, also where they have heard of it at other moments."""

from __future__ import annotations

import asyncio

import pytest

from app.gateway import occupancy
from tests.gateway.test_occupancy import make_watchers
from tests.gateway.test_over_processes import tell

SPOT = (1, "presence-room")


async def test_who_is_back_in_time_as_the_node_that_tells_sees_it_is_not_told_to_have_gone_by_its_follower(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, (first, second), told = make_watchers(monkeypatch, "first", "second")
    first.roster.enter(SPOT, "ana", "null")
    await tell(first.roster)
    first.tell()
    monkeypatch.setattr(occupancy, "GONE_AFTER", 60.0)
    first.roster.leave(SPOT, "ana")
    await tell(first.roster)
    second.hold_gone(asyncio.get_running_loop().time())  # its clock runs ahead
    second.roster.enter(SPOT, "ana", "null")
    assert [each[3]["name"] for each in second.held] == ["member_removed", "member_added"]
    await tell(second.roster)
    first.tell()
    assert not second.held
    await first.end()
    second.tell()
    assert told == {"first": ["member_added presence-room ana"], "second": []}


async def test_a_node_that_listens_still_says_who_was_never_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    _, (first, second), told = make_watchers(monkeypatch, "first", "second")
    first.roster.enter(SPOT, "ana", "null")
    await tell(first.roster)
    first.tell()
    monkeypatch.setattr(occupancy, "GONE_AFTER", 60.0)
    first.roster.leave(SPOT, "ana")
    await tell(first.roster)
    first.listening_until = asyncio.get_running_loop().time() + 60
    second.gone.clear()  # it is new, and has not heard of her
    second.roster.enter(SPOT, "ana", "null")
    await tell(second.roster)
    first.tell()
    assert not second.held
    assert told == {"first": ["member_added presence-room ana"], "second": []}
