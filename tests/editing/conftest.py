"""What tests of locks share: the lease clock, moved by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.database import clock
from tests.databases import Store


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch, store: Store) -> Callable[[float], None]:
    """Let time pass, in seconds: `wait(31)`."""
    moment = 1_000_000
    monkeypatch.setattr(clock, "read_monotonic_clock", lambda: moment)

    def pass_time(seconds: float) -> None:
        nonlocal moment
        moment += int(seconds * 1000)
        store.set_lease_clock(moment)

    pass_time(0)
    return pass_time
