"""Promise 3 under races: with pauses longer than leases no update is lost, in one process and in two."""

from __future__ import annotations

import pytest

from bench.races import run
from tests.databases import KIND, Store
from tests.faults.extent import times


@pytest.mark.parametrize("processes", [1, 2])
async def test_no_update_is_lost_and_no_token_is_given_twice(store: Store, processes: int) -> None:
    watch_url = store.superuser_url if KIND == "postgresql" else ""
    races = times(20, 150)
    result = await run(races, processes, control=False, url=store.url, watch_url=watch_url)
    assert (result["lost"], result["second holders"], result["saves without the lock"]) == (0, 0, 0)
    assert result["outcomes"]["saved"] == result["versions"] == result["revisions"] > races / 2
    refused = result["outcomes"].get("held", 0) + result["outcomes"].get("changed", 0)
    assert refused, "nobody came too late: the race proves nothing"


@pytest.mark.sqlite
async def test_without_lock_and_version_updates_are_lost(store: Store) -> None:
    assert (await run(20, 1, control=True, url=store.url))["lost"] > 0
