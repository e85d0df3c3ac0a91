"""Long work goes in steps that keep nobody waiting."""

from __future__ import annotations

import pytest

from app.jobs import steps
from app.jobs.steps import SECONDS_A_STEP, Steps


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The moment that steps see."""
    moment = [0.0]
    monkeypatch.setattr(steps.time, "perf_counter", lambda: moment[0])
    return moment


@pytest.mark.parametrize("cost", [SECONDS_A_STEP / 100, SECONDS_A_STEP / 7, SECONDS_A_STEP / 2.5])
def test_a_step_takes_on_what_fits_into_its_time(clock: list[float], cost: float) -> None:
    work = Steps(first=20, most=500)
    for _ in range(10):
        with work.step():
            clock[0] += work.size * cost
    assert SECONDS_A_STEP * 0.5 < work.size * cost <= SECONDS_A_STEP * 1.001


def test_a_step_takes_on_one_thing_where_each_takes_long_and_no_more_than_may_be(clock: list[float]) -> None:
    work = Steps(first=20, most=100)
    for _ in range(4):
        with work.step():
            clock[0] += 60.0
    assert work.size == 1
    for _ in range(20):
        with work.step():
            clock[0] += SECONDS_A_STEP / 1000
    assert work.size == 100


def test_a_step_that_has_waited_for_something_else_makes_none_smaller(clock: list[float]) -> None:
    work = Steps(first=20, most=500)
    for late in (0, 1.0, 0, 0, 2.0, 1.0):
        with work.step():
            clock[0] += work.size * SECONDS_A_STEP / 25 + late
    assert work.size in (24, 25)
