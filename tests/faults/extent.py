"""How often the faults are played: a few times in every run of the tests, all of them by `make faults`."""

from __future__ import annotations

import os

FULL = os.environ.get("FAULTS") == "full"


def times(few: int, full: int) -> int:
    """How often something is done: `full` with FAULTS=full, else `few`."""
    return full if FULL else few
