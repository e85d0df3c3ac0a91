"""What the C library keeps of freed memory is given back."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.web.freed_memory import find_library

ROOT = Path(__file__).parent.parent.parent
# Two threads hash a password each, four times, and stay.
HASHING = """
import threading
from pathlib import Path
from app.web.freed_memory import give_memory_back, share_one_heap
share_one_heap()
from app.accounts.hashing import load_hasher

def own_megabytes():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon")).split()[1]) // 1024

def work():
    for _ in range(4):
        load_hasher().hash("a password")
    done.wait()
    over.wait()

before, done, over = own_megabytes(), threading.Barrier(3), threading.Event()
threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()
done.wait()
give_memory_back()
print(own_megabytes() - before)
over.set()
"""


@pytest.mark.skipif(find_library() is None, reason="another C library")
@pytest.mark.sqlite
def test_what_hashing_has_taken_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", HASHING], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 5
