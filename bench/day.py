"""Whether a process stays as large as it is: what people do in a day, one thing after the other as fast as they come.

    python bench/day.py [REQUESTS]

prints the memory of the process, in MB, after each tenth, and by how much the last is more than the third: by then all
that is kept for pages is there. SQLite keeps few pages of its file meanwhile: otherwise it would be up to 32 MB for who
writes, as the file grows, and nothing else could be seen beside it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from app.database import sqlite
from bench import in_process

FEW_PAGES = 500  # KiB
# How often each thing is done, of a hundred.
MIX = {"home": 14, "list": 20, "record": 22, "room": 20, "inbox": 8, "edit page": 3, "save": 4, "add": 2, "post": 7}


async def main(requests: int) -> None:
    """Do it, and print JSON."""
    chosen = random.Random(1).choices(list(MIX), list(MIX.values()), k=requests)
    sizes = []
    sqlite.KEPT_PAGES = FEW_PAGES
    with tempfile.TemporaryDirectory() as directory:
        program = await in_process.start(Path(directory))
        for number, kind in enumerate(chosen, 1):
            await program.measure(kind)
            if number % (requests // 10) == 0:
                gc.collect()
                sizes.append(round(in_process.resident_megabytes(), 1))
        print(json.dumps({"sizes": sizes, "grown": round(sizes[-1] - sizes[2], 1)}))
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000))
