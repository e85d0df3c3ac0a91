"""What is tried is kept for the next run, and nothing of runs with another document."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs import tries
from tests.programs.tries import think_of_tries


def test_what_is_tried_is_thought_of_once_and_alone_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config
) -> None:
    thought: list[str] = []
    kept = tmp_path / "kept"
    monkeypatch.setattr(tries, "find_place", lambda count, config: kept)
    monkeypatch.setattr(tries, "make_cases", lambda operation, mode, count: thought.append(operation.label) or [])
    for name in ("of another document", "of another document.lock"):
        (tmp_path / name).write_bytes(b"")
    first, second = (think_of_tries("http://acme.test", 1, lambda *_: 0, pytestconfig) for _ in range(2))
    assert [(each.operation.label, each.mode) for each in first] == [
        (each.operation.label, each.mode) for each in second
    ]
    assert len(thought) == len(first)
    assert {each.name for each in tmp_path.iterdir()} == {"kept", "lock"}
