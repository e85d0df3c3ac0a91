"""Scripts that need no page are tested by node: `<name>.test.js` has the tests of `app/static/js/<name>.js`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from app.web.assets import STATIC

TESTS = sorted(Path(__file__).parent.glob("*.test.js"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_a_script_does_what_its_tests_say(tmp_path: Path, path: Path) -> None:
    node = shutil.which("node")
    assert node, "node is missing: run tests/install-system-packages"
    (tmp_path / "package.json").write_text('{"type": "module"}')
    for file in (path, *(STATIC / "js").glob("*.js")):
        shutil.copy(file, tmp_path)
    done = subprocess.run([node, "--test", path.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "# pass 0" not in done.stdout
