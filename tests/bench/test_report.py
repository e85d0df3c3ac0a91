"""The table of what was wanted and measured, and the simulation made of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import report, scale

HERE = {"at": "2026-11-30", "where": "a machine", "load": 0.5}


def test_a_table_says_what_is_not_met() -> None:
    kept = {"pages.home": {"value": 1.9, **HERE}, "pages.list": {"value": 6.2, **HERE}}
    kept["posts.sqlite_rate"] = {"value": 460.0, **HERE}
    table = report.write_table(kept)
    assert "| SQLite: home | ≤ 2 ms | 1.9 ms | `pages` |" in table
    assert "| SQLite: list | ≤ 5 ms | **6.2 ms** | `pages` |" in table
    assert "| 50 writers, SQLite | ≥ 450 posts/s | 460 posts/s | `posts` |" in table
    assert "PostgreSQL" not in table, "what was not measured is left out"


def test_every_line_is_of_a_part_and_rates_are_not_kept_of_a_busy_machine() -> None:
    assert {line.part.partition("_")[0] for line in report.LINES} == set(report.PARTS)
    assert {"posts.sqlite_rate", "workers.two", "fairness.readers", "sockets.back"} <= report.WAITED_FOR
    assert not {"posts.sqlite", "pages.home", "sockets.accept"} & report.WAITED_FOR


def make_costs(database: str, factor: float = 1) -> scale.Costs:
    figures = {f"pages.{kind.replace(' ', '_')}": 4.0 * factor for kind in scale.MIX}
    return scale.Costs({**figures, "sockets.idle": 5, "sockets.each": 16, "memory.rest": 120}, database)


def test_more_workers_carry_more_people_and_slower_ones_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "SECONDS", 10.0)
    one, two = (scale.Installation("", 1, workers, "sqlite") for workers in (1, 2))
    carried = scale.find_most(one, make_costs("sqlite"), 50)
    assert carried < scale.find_most(two, make_costs("sqlite"), 50)
    assert carried > scale.find_most(one, make_costs("sqlite", 2), 50)
    assert 0 < scale.busy(make_costs("sqlite"), carried) <= 1, "a worker has one core"


def test_what_was_measured_stands_in_the_documents() -> None:
    """Whoever measures anew has the tables written anew, too."""
    kept = json.loads(report.FIGURES.read_text())
    assert report.write_table(kept) in report.PAGE.read_text()
    assert scale.BEGIN in Path(scale.PAGE).read_text()
