"""What an open room costs its browser while much is said: an hour at ten messages a second, at a faster rate.

    MESSAGES=36000 RATE=100 python bench/room.py

posts so many messages at that rate while a page shows the room's end, and prints a line for each tenth of them:
elements and heap after a collection of garbage, and what scripts, styles and layout took for a message.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from contextlib import aclosing
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from playwright.async_api import CDPSession, async_playwright  # noqa: E402

from app.accounts.members import find_member  # noqa: E402
from app.chat.memberships import get_room  # noqa: E402
from app.chat.posting import post_message  # noqa: E402
from app.database import Database  # noqa: E402
from app.demo import seed_demo  # noqa: E402
from app.features import open_database  # noqa: E402
from app.migration import migrate_database  # noqa: E402
from bench.serving import serve, sign_in  # noqa: E402
from tests.conftest import CHROMIUM  # noqa: E402

MESSAGES = int(os.environ.get("MESSAGES", "36000"))
RATE = float(os.environ.get("RATE", "100"))
AT_ONCE = 10  # messages in a transaction
COSTS = ("ScriptDuration", "RecalcStyleDuration", "LayoutDuration", "TaskDuration")
# A frame after the last one is there, what came before it is, too.
SHOWN = """number => new Promise((done) => {
  const item = () => document.querySelector(`ol.messages > .message[data-number="${number}"]`);
  const look = () => requestAnimationFrame(() => item() ? requestAnimationFrame(done) : look());
  look();
})"""


async def post(database: Database, count: int) -> int:
    """Bruno says so much at the rate; the number of the last message."""
    begun = time.monotonic()
    for start in range(0, count, AT_ONCE):
        await asyncio.sleep(max(0.0, begun + start / RATE - time.monotonic()))
        async with database.write(1) as transaction:
            bruno = await find_member(transaction, "bruno@acme.test")
            assert bruno
            room = await get_room(transaction, bruno, "general")
            for _ in range(AT_ONCE):
                text = f"Something that is said in some words, {room.last_number + 1}"
                key = f"key {room.last_number}"
                message, _ = await post_message(transaction, room, bruno, key=key, text=text, origin="")
    return message.number


async def read_metrics(devtools: CDPSession) -> dict[str, float]:
    await devtools.send("HeapProfiler.collectGarbage")
    found = await devtools.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in found["metrics"]}


async def measure(database: Database, port: int) -> None:
    """Open the room as Ana, and print what each tenth of the messages has cost."""
    async with aclosing(await sign_in(port)) as client, async_playwright() as playwright:
        name, _, value = client.headers["cookie"].partition("=")
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context()
        origin = f"http://acme.hero.localhost:{port}"
        await context.add_cookies([{"name": name, "value": value, "url": origin, "httpOnly": True}])
        page = await context.new_page()
        await page.goto(f"{origin}/chat/general?at=end")
        await page.locator("html[data-ready=yes]").wait_for(state="attached")
        devtools = await context.new_cdp_session(page)
        await devtools.send("Performance.enable")
        print("| messages | elements | nodes | listeners | heap, MB | script, ms each | style and layout | all tasks |")
        print("|---|---|---|---|---|---|---|---|")
        before = await read_metrics(devtools)
        for tenth in range(11):
            count = MESSAGES // 10 if tenth else 0
            if count:
                await page.evaluate(SHOWN, await post(database, count))
            now = await read_metrics(devtools)
            script, style, layout, tasks = (1000 * (now[each] - before[each]) / max(1, count) for each in COSTS)
            elements = await page.evaluate("document.getElementsByTagName('*').length")
            print(
                f"| {tenth * count:,} | {elements:,} | {now['Nodes']:,.0f} | {now['JSEventListeners']:,.0f} "
                f"| {now['JSHeapUsedSize'] / 1e6:.1f} | {script:.2f} | {style + layout:.2f} | {tasks:.2f} |",
                flush=True,
            )
            before = now
        await browser.close()


async def prepare(url: str) -> None:
    """The demo."""
    migrate_database(url)
    database = open_database(url)
    await seed_demo(database)
    await database.close()


async def run(url: str, port: int) -> None:
    """Measure beside the server, on its database."""
    database = open_database(url)
    await measure(database, port)
    await database.close()


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory)
        url = f"sqlite+aiosqlite:///{data_dir / 'mutirao.sqlite'}"
        asyncio.run(prepare(url))
        with serve(data_dir, DATABASE_URL=url) as (port, _):
            asyncio.run(run(url, port))


if __name__ == "__main__":
    main()
