"""The load generator `load.c`: built when it is needed, run with a time limit, its answer read."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build" / "bench"
TIMEOUT = 240


def compile_program(source: Path) -> Path:
    """Compile a program of one file in C, unless that was done. It is there when it is whole, as several may want it at
    once."""
    program = BUILD / source.stem
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as directory:
            compiled = Path(directory) / program.name
            subprocess.run(["cc", "-O2", "-o", compiled, source], check=True)
            compiled.replace(program)
    return program


def run_load(*arguments: object, pids: dict[str, int]) -> dict[str, Any]:
    """Run the load generator; what it has found. Raises RuntimeError when it could not measure."""
    command = [compile_program(ROOT / "bench" / "load.c"), *map(str, arguments)]
    for label, pid in pids.items():
        command += ["--pid", f"{label}={pid}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"the load generator could not measure: {done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout)
    if done.stderr:
        found["complaints"] = done.stderr.strip()
    return found


def reset_peak(pid: int) -> None:
    """Let the peak of a process's memory count from now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def read_peak(pid: int) -> int:
    """The most memory that a process has held since its peak was reset, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])
