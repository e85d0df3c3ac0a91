"""A run on both databases: some of its processes have SQLite, and some PostgreSQL (`AT_ONCE` in the Makefile).

While tests of the one wait, those of the other have the processor, and it is busy until the last of all has ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import execnet
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController, parse_tx_spec_config

from tests.processes import KIND

# What runs on SQLite alone: of what asks the database for no more than who is signed in, how what is typed or sent is
# read, refused and shown, and what says itself, by the mark `alike`, that it is decided after the database has
# answered. Of what members, owners and operators do, every form is sent with anything on both, and the audit log is
# read; in a browser, that nothing is lost. Of pages each is asked for with a hundred of everything in it
# (tests/test_statements.py).
ON_SQLITE_ALONE = [
    *("web", "files", "server", "bench", "operators", "cli/test_command_line.py", "test_ways_back.py"),
    *("accounts/test_rights.py", "accounts/test_whose_page.py"),
    *("editing/test_ended_sessions.py", "editing/test_shown_choices.py"),
    *(f"chat/test_{name}.py" for name in ("bots", "limits", "outsiders", "pages")),
    *("live/test_socket.py", "notifications/test_inbox.py"),
    *("notifications/test_mails.py", "mail/test_letters.py"),
    *(f"deploy/test_{name}.py" for name in ("caddy", "nginx", "systemd")),
    *(f"gateway/test_{name}.py" for name in ("client_libraries", "in_a_browser", "own_channels", "over_processes")),
    "gateway/test_what_can_not_be_read.py",
    *("programs/test_reference.py", "programs/test_way_in.py"),
    *(f"records/test_{name}.py" for name in ("columns", "copies", "formats", "printing", "read_only_fields")),
    *(f"records/test_{name}.py" for name in ("typed_words", "unknown_people", "words")),
    *(
        f"faults/test_{name}.py"
        for name in ("autobahn", "cookies", "frames", "half_open", "handshakes", "rolling", "stopped", "storm")
    ),
    *("tenants", "browser"),
]
ON_BOTH = ["tenants/test_audit.py", "browser/test_nothing_lost.py"]


def is_on_sqlite_alone(path: Path) -> bool:
    """Whether a file or folder of tests is left out on PostgreSQL."""
    within = path.relative_to(Path(__file__).parent)
    if any(Path(each).is_relative_to(within) for each in ON_BOTH):
        return False
    return any(within.is_relative_to(each) for each in ON_SQLITE_ALONE)


def find_kind(spec: execnet.XSpec) -> str:
    """The database that a process of a run has."""
    return str(spec.env.get("TEST_DATABASE") or KIND)


def list_kinds(config: pytest.Config) -> list[str]:
    """The databases that the processes of a run have, one for each; none when it is a run without processes."""
    given = getattr(config.option, "tx", None)
    return [find_kind(execnet.XSpec(each)) for each in parse_tx_spec_config(config)] if given else []


def spread_browsers(items: list[pytest.Item]) -> list[pytest.Item]:
    """The tests with the files that need a browser evenly among the others, each in their order.

    A test in a browser keeps more than one core busy, of the others many wait: in the order of their folders all of a
    run would have browsers at once, and later all would wait. The last tenth is without, as it fills up the end.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    with_browser = [path for path, own in files.items() if any("browser" in list_fixtures(each) for each in own)]
    others = [path for path in files if path not in set(with_browser)]
    places = {path: 0.9 * place / len(with_browser) for place, path in enumerate(with_browser)}
    places |= {path: place / len(others) for place, path in enumerate(others)}
    return [item for path in sorted(files, key=places.__getitem__) for item in files[path]]


def list_fixtures(item: pytest.Item) -> set[str]:
    """The fixtures that a test takes, also by others."""
    return set(getattr(item, "fixturenames", ()))


class EachDatabase:
    """Shares out the tests of each database among the processes that have it, file by file."""

    def __init__(self, config: pytest.Config, log: Producer | None) -> None:
        kinds = list_kinds(config)
        self.schedulers: dict[str, LoadFileScheduling] = {}
        for kind in kinds:
            self.schedulers[kind] = LoadFileScheduling(config, log)
            self.schedulers[kind].numnodes = kinds.count(kind)

    def of(self, node: WorkerController) -> LoadFileScheduling:
        """Who has the tests of a process."""
        return self.schedulers[find_kind(node.gateway.spec)]

    @property
    def nodes(self) -> list[WorkerController]:
        return [node for each in self.schedulers.values() for node in each.nodes]

    @property
    def collection_is_completed(self) -> bool:
        return all(each.collection_is_completed for each in self.schedulers.values())

    @property
    def tests_finished(self) -> bool:
        return all(each.tests_finished for each in self.schedulers.values())

    @property
    def has_pending(self) -> bool:
        return any(each.has_pending for each in self.schedulers.values())

    def add_node(self, node: WorkerController) -> None:
        self.of(node).add_node(node)

    def add_node_collection(self, node: WorkerController, collection: Sequence[str]) -> None:
        self.of(node).add_node_collection(node, collection)

    def mark_test_complete(self, node: WorkerController, item_index: int, duration: float = 0) -> None:
        self.of(node).mark_test_complete(node, item_index, duration)

    def mark_test_pending(self, item: str) -> None:
        raise NotImplementedError

    def remove_pending_tests_from_node(self, node: WorkerController, indices: Sequence[int]) -> None:
        raise NotImplementedError

    def remove_node(self, node: WorkerController) -> str | None:
        return self.of(node).remove_node(node)

    def schedule(self) -> None:
        for each in self.schedulers.values():
            each.schedule()

    @property
    def count(self) -> int:
        """How many tests there are."""
        return sum(len(each.collection or ()) for each in self.schedulers.values())


class BothDatabases:
    """What a run that has both adds to pytest, in the process that shares out the tests."""

    session: pytest.Session
    scheduler: EachDatabase

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        self.session = session

    @pytest.hookimpl(tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> Any:
        self.scheduler = EachDatabase(config, log)
        return self.scheduler

    def pytest_runtest_logstart(self) -> None:
        """Have the share that is done be one of all tests, and not of those of one database."""
        self.session.testscollected = self.scheduler.count

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Say of a test that has failed on which database."""
        if hasattr(report, "node") and find_kind(report.node.gateway.spec) == "postgresql":
            report.nodeid += " on PostgreSQL"
