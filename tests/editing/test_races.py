"""Promise 3 under races: with pauses longer than leases no update is lost, in one process and in two."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.databases import KIND, Store
from tests.faults.extent import times

SCRIPT = Path(__file__).parent.parent.parent / "bench" / "races.py"


def race(*arguments: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("processes", ["1", "2"])
def test_no_update_is_lost_and_no_token_is_given_twice(store: Store, processes: str) -> None:
    watch = ["--watch-url", store.superuser_url] if KIND == "postgresql" else []
    races = times(60, 150)
    result = race("--races", str(races), "--processes", processes, "--url", store.url, *watch)
    assert (result["lost"], result["second holders"], result["saves without the lock"]) == (0, 0, 0)
    assert result["outcomes"]["saved"] == result["versions"] == result["revisions"] > races / 2
    refused = result["outcomes"].get("held", 0) + result["outcomes"].get("changed", 0)
    assert refused, "nobody came too late: the race proves nothing"


@pytest.mark.sqlite
def test_without_lock_and_version_updates_are_lost(store: Store) -> None:
    assert race("--races", "30", "--control", "--url", store.url)["lost"] > 0
