"""What is left out on PostgreSQL, and which process of a run has which tests."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import execnet
import pytest

from tests.both_databases import ON_BOTH, ON_SQLITE_ALONE, EachDatabase, is_on_sqlite_alone, spread_browsers

TESTS = Path(__file__).parent


def test_what_is_left_out_is_there() -> None:
    assert [each for each in (*ON_SQLITE_ALONE, *ON_BOTH) if not (TESTS / each).exists()] == []


@pytest.mark.parametrize(
    ("path", "is_alone"),
    [
        ("web", True),
        ("web/markdown", True),
        ("web/markdown/test_work.py", True),
        ("chat", False),
        ("chat/test_pages.py", True),
        ("chat/test_posting.py", False),
        ("tenants", False),  # one of its files is not
        ("tenants/test_audit.py", False),
        ("tenants/test_signup.py", True),
        ("test_facts.py", False),
    ],
)
def test_a_file_is_left_out_by_its_name_or_its_folders(path: str, is_alone: bool) -> None:
    assert is_on_sqlite_alone(TESTS / path) is is_alone


def test_browsers_are_spread_over_a_run_and_the_rest_stays_in_its_order() -> None:
    files = [f"browser/test_{number}.py" for number in range(3)] + [f"web/test_{number}.py" for number in range(6)]
    items: Any = [
        SimpleNamespace(path=Path(file), name=name, fixturenames=["server", "browser"] if "browser" in file else [])
        for file in files
        for name in ("one", "two")
    ]
    order = spread_browsers(items)
    assert [item.name for item in order] == ["one", "two"] * 9
    assert " ".join(item.path.stem[5:] for item in order[::2] if item.fixturenames) == "0 1 2"
    assert " ".join(item.path.stem[5:] for item in order[::2] if not item.fixturenames) == "0 1 2 3 4 5"
    assert " ".join(item.path.parts[0] for item in order[::2]) == "browser web web browser web web browser web web"
    assert spread_browsers(items[6:]) == items[6:]


class Worker:
    """A process of a run, and what it was told."""

    def __init__(self, spec: str) -> None:
        self.gateway = SimpleNamespace(spec=execnet.XSpec(spec), id=spec)
        self.given: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, places: list[int]) -> None:
        self.given += places

    def shutdown(self) -> None:
        self.shutting_down = True


def test_each_database_has_its_own_tests_and_a_run_ends_with_the_last_of_both() -> None:
    specs = [f"popen//env:TEST_DATABASE={each}" for each in ("sqlite", "postgresql")]
    option = SimpleNamespace(tx=specs, loadscopereorder=False)
    config: Any = SimpleNamespace(option=option, getvalue=lambda name: getattr(option, name))
    shared_out = EachDatabase(config, None)
    workers = [Worker(each) for each in specs]
    tests = [["a.py::one", "b.py::two", "c.py::three"], ["b.py::two"]]
    for worker, collected in zip(workers, tests, strict=True):
        node = cast(Any, worker)
        shared_out.add_node(node)
        assert not shared_out.collection_is_completed
        shared_out.add_node_collection(node, collected)
    shared_out.schedule()
    assert shared_out.count == 4
    shared_out.mark_test_complete(cast(Any, workers[1]), 0)
    assert not shared_out.tests_finished
    for place in range(3):
        shared_out.mark_test_complete(cast(Any, workers[0]), place)
    assert [worker.given for worker in workers] == [[0, 1, 2], [0]]
    assert all(worker.shutting_down for worker in workers)
    assert shared_out.tests_finished
    assert not shared_out.has_pending
