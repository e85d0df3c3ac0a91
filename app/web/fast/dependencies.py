"""Dependencies of pages that are resolved one after the other, without a task for each.

It keeps a request in one task: a transaction is used by one at a time, and who holds the writer is known by its task
(`check_holds_no_writer` in database/engine.py).

Earns: 4 to 15 % of a request's time of the processor (measured by bench/shortcuts.py on 2026-11-29).

Written against: Litestar 2.25.0.

Tested by: tests/web/fast/test_dependencies.py.

Used by: web/fast/late_arguments.py.
"""

from __future__ import annotations

from litestar._kwargs import KwargsModel


def resolve_in_turn(arguments: KwargsModel) -> None:
    """Resolve what a page depends on one after the other.

    Litestar makes a task for each of those that don't depend on each other. Ours wait for nothing but the transaction.
    """
    batches = [sorted(batch, key=lambda each: each.key) for batch in arguments.dependency_batches]
    arguments.dependency_batches = [{each} for batch in batches for each in batch]
