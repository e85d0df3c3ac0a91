"""What is left out as a process starts is there for whoever asks for it."""

from __future__ import annotations

import subprocess
import sys

from app.server.processes import HOME


def run_python(text: str) -> str:
    """What a process of its own prints."""
    return subprocess.run(
        [sys.executable, "-c", text], cwd=HOME, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_module_that_is_asked_for_late_is_the_real_one() -> None:
    said = run_python(
        "import sys, app.lean_start\n"
        "import pdb, yaml\n"
        "print('yaml.reader' in sys.modules, 'bdb' in sys.modules)\n"
        "from yaml import safe_load\n"
        "print(safe_load('[1, 2]'), yaml.safe_load('[3]'), pdb.Pdb.__module__)\n"
    )
    assert said.splitlines() == ["False False", "[1, 2] [3] pdb"]


def test_a_module_within_another_that_is_asked_for_late_is_a_part_of_that() -> None:
    said = run_python(
        "import sys, app.lean_start\n"
        "import logging.config\n"
        "print('logging.handlers' in sys.modules)\n"
        "logging.config.dictConfig({'version': 1})\n"
        "print('logging.handlers' in sys.modules, logging.config is sys.modules['logging.config'])\n"
    )
    assert said.splitlines() == ["False", "True True"]


def test_a_module_within_one_that_is_asked_for_late_is_imported() -> None:
    said = run_python(
        "import sys, app.lean_start\nimport yaml.reader\nprint(yaml.reader.Reader.__name__, yaml.dump([]))"
    )
    assert said == "Reader []"


def test_who_looks_through_all_modules_imports_none() -> None:
    said = run_python(
        "import sys, app.lean_start\n"
        "assert [getattr(each, '__file__', None) for each in list(sys.modules.values())]\n"
        "print('yaml.reader' in sys.modules)\n"
    )
    assert said == "False"


def test_what_does_with_or_without_a_library_leaves_it_to_others() -> None:
    said = run_python(
        "import sys, app.lean_start, structlog\n"
        "print('rich' in sys.modules)\n"
        "import rich.console\n"
        "print(rich.console.Console.__name__)\n"
    )
    assert said.splitlines() == ["False", "Console"]
