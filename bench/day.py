"""Whether a process stays as large as it is: what people do in a day, one thing after the other as fast as they come.

    python bench/day.py [REQUESTS]

prints the memory of the process, in MB, after each tenth, and by how much the last is more than the third: by then all
that is kept for pages is there. SQLite keeps up to 32 MB of its file for who writes, as on any day: more than that is
written before, or the process would grow with its file, and nothing else could be seen beside it.
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

from sqlalchemy import text

from app.database import Database, sqlite
from bench import in_process

# How often each thing is done, of a hundred.
MIX = {"home": 14, "list": 20, "record": 22, "room": 20, "inbox": 8, "edit page": 3, "save": 4, "add": 2, "post": 7}


async def fill_kept_pages(database: Database) -> None:
    """Have SQLite keep as many pages for who writes as it ever does."""
    fill = text(
        "WITH RECURSIVE n(row) AS (SELECT 1 UNION ALL SELECT row + 1 FROM n WHERE row < :rows) "
        "INSERT INTO filling SELECT zeroblob(1000) FROM n"
    )
    async with database.writer.begin() as connection:
        await connection.execute(text("CREATE TABLE filling (bytes BLOB)"))
        await connection.execute(fill, {"rows": 2 * sqlite.KEPT_PAGES})


async def main(requests: int) -> None:
    """Do it, and print JSON."""
    chosen = random.Random(1).choices(list(MIX), list(MIX.values()), k=requests)
    sizes = []
    with tempfile.TemporaryDirectory() as directory:
        program = await in_process.start(Path(directory))
        await fill_kept_pages(program.gate.sites.gateway.database)
        for number, kind in enumerate(chosen, 1):
            await program.measure(kind)
            if number % (requests // 10) == 0:
                gc.collect()
                sizes.append(round(in_process.resident_megabytes(), 1))
        print(json.dumps({"sizes": sizes, "grown": round(sizes[-1] - sizes[2], 1)}))
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000))
