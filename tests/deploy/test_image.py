"""deploy/image.sh: the image that the Dockerfile begins with is made of Debian, and named as it is there."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Programs that note how they are called, and do what the script counts on.
STANDS_IN = {
    "buildah": 'echo "buildah $*" >> "$CALLS"\n[ "$1" != inspect ] || exit 1\n[ "$1" != from ] || echo made',
    "debootstrap": 'echo "debootstrap $*" >> "$CALLS"\nmkdir -p "$4/usr/bin" "$4/usr/lib"',
    "id": 'echo "${SOMEBODY:-0}"',
}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, script in STANDS_IN.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return folder


def build(programs: Path, **given: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script, and the calls that it made."""
    calls = programs.parent / "calls"
    path = f"{programs}:{os.environ['PATH']}"
    environment = {"PATH": path, "CALLS": str(calls), "TMPDIR": str(programs.parent), **given}
    done = subprocess.run(
        [ROOT / "deploy" / "image.sh"], cwd="/", env=environment, capture_output=True, text=True, check=False
    )
    return done, calls.read_text().splitlines() if calls.exists() else []


def test_the_base_is_made_of_the_suite_and_under_the_name_of_the_dockerfile(programs: Path) -> None:
    done, calls = build(programs, IMAGE="localhost/mutirao:1", ARCHIVE="/tmp/mutirao.tar")
    assert done.returncode == 0, done.stderr
    base = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(set(base)) == 1
    suite = base[0].rpartition("-")[2]
    (strapped,) = [call for call in calls if call.startswith("debootstrap")]
    assert f" {suite} " in strapped
    assert "python3-venv" in strapped
    assert f"buildah commit --quiet made docker.io/library/{base[0]}" in calls
    (built,) = [call for call in calls if call.startswith("buildah build")]
    assert {"--isolation", "chroot", "localhost/mutirao:1"} <= set(built.split())
    assert calls[-1] == "buildah push localhost/mutirao:1 docker-archive:/tmp/mutirao.tar:mutirao:1"
    assert not [left for left in programs.parent.iterdir() if left.name.startswith("tmp.")], "its folder is left"


def test_nobody_but_root_is_let_on(programs: Path) -> None:
    done, calls = build(programs, SOMEBODY="1000")
    assert done.returncode == 1
    assert "as root" in done.stderr
    assert calls == []
