"""The checker of the other tests sees what it is there to see."""

from __future__ import annotations

import pytest

from tests.faults.history import Violation, check_history

WRITTEN = ["a", "b", "c"]


def test_what_is_as_promised_passes() -> None:
    check_history(["a", "c"], WRITTEN, [WRITTEN, WRITTEN], tried="abcd")


@pytest.mark.parametrize(
    ("acknowledged", "stored", "seen", "what"),
    [
        ("abcd", "abc", ["abc"], "acknowledged and lost: ['d']"),
        ("abc", "abcb", ["abcb"], "stored twice: ['b']"),
        ("abc", "abcx", ["abcx"], "by nobody: ['x']"),
        ("abc", "abc", ["abc", "ac"], "page 1 lacks ['b']"),
        ("abc", "abc", ["abcd"], "page 0 shows what is not stored: ['d']"),
        ("abc", "abc", ["abbc"], "twice, or in another order"),
        ("abc", "abc", ["acb"], "twice, or in another order"),
    ],
)
def test_what_is_broken_is_seen(acknowledged: str, stored: str, seen: list[str], what: str) -> None:
    with pytest.raises(Violation) as violation:
        check_history(acknowledged, stored, seen, tried="abcd")
    assert what in str(violation.value)
