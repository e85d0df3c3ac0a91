"""What must hold after any fault: nothing that was promised is lost, and every page has everything once, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence


class Violation(AssertionError):
    """A promise was broken."""


def check_history(
    acknowledged: Iterable[str], stored: Sequence[str], seen: Iterable[Sequence[str]], *, tried: Iterable[str]
) -> None:
    """Compare what writers were told, what is stored in its order, and what each page was shown in its order.

    Raises Violation for a write that was acknowledged and is not stored, is stored twice, or was never tried, and for
    a page that shows anything else than what is stored, in another order, or twice.
    """
    if lost := set(acknowledged) - set(stored):
        raise Violation(f"acknowledged and lost: {sorted(lost)}")
    if twice := [what for what, count in Counter(stored).items() if count > 1]:
        raise Violation(f"stored twice: {sorted(twice)}")
    if invented := set(stored) - set(tried):
        raise Violation(f"stored, and by nobody: {sorted(invented)}")
    for number, page in enumerate(seen):
        if missing := set(stored) - set(page):
            raise Violation(f"page {number} lacks {sorted(missing)}")
        if more := set(page) - set(stored):
            raise Violation(f"page {number} shows what is not stored: {sorted(more)}")
        if list(page) != list(stored):
            raise Violation(f"page {number} shows something twice, or in another order")
