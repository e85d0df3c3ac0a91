"""How long a click takes until the page that it leads to is painted: `python bench/clicks.py`.

Starts the real server with the demo, and Chromium, which goes between a list, records of it and a room by their links,
over loopback, and with 150 ms of network and a processor that is six times slower. Prints milliseconds from the click,
which is when the button is let go, to the first frame with the new page: of who clicks as they come to the link, in no
time, and as people do, who hold the button down for some 80 ms; and of who has pointed at it for 200 ms.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.serving import serve, sign_in  # noqa: E402

ROUNDS = int(os.environ.get("ROUNDS", "8"))
# How long the link is pointed at, and the button held down, in milliseconds.
MANNERS = {"at once": (0, 0), "held for 80 ms": (0, 80), "pointed at for 200 ms": (200, 0)}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None)
# From where to where: the link that is clicked, and the one that leads back.
WAYS = {
    "list to record": ("/c/books", "#record-40 .title a"),
    "record to list": ("/c/books/40", ".breadcrumb a[href='/c/books']"),
    "list to room": ("/c/books", ".side a[href='/chat/general']"),
}
# The frame after which the new content is there has been painted when a message after it arrives.
MEASURE = """() => {
  window.painted = new Promise((resolve) => {
    document.addEventListener("click", ({ timeStamp }) => {
      const before = document.getElementById("main");
      new MutationObserver((_, observer) => {
        if (document.getElementById("main") === before) return;
        observer.disconnect();
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => resolve(performance.now() - timeStamp);
          port2.postMessage("");
        });
      }).observe(document.body, { childList: true, subtree: true });
    }, { once: true, capture: true });
  });
}"""


async def measure_click(page: Page, origin: str, path: str, link: str, pointed: int, held: int) -> float:
    """Milliseconds from one click to its page."""
    await page.goto(origin + path)
    await page.locator("html[data-ready=yes]").wait_for(state="attached")
    await page.mouse.move(640, 5)  # what the first movement of a pointer brings is there
    await page.wait_for_load_state("networkidle")
    await page.evaluate(MEASURE)
    box = await page.locator(link).first.bounding_box()
    assert box, link
    await page.mouse.move(box["x"] + 8, box["y"] + box["height"] / 2)
    await page.wait_for_timeout(pointed)
    await page.mouse.down()
    await page.wait_for_timeout(held)
    await page.mouse.up()
    return float(await page.evaluate("window.painted"))


async def measure_all(port: int) -> None:
    client = await sign_in(port)
    name, _, value = client.headers["cookie"].partition("=")
    await client.aclose()
    origin = f"http://acme.hero.localhost:{port}"
    print("| click | condition | link is | best ms | median ms | worst ms |\n|---|---|---|---|---|---|")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        await context.add_cookies([{"name": name, "value": value, "url": origin, "httpOnly": True}])
        page = await context.new_page()
        devtools: Any = await context.new_cdp_session(page)
        await devtools.send("Network.enable")
        for condition, latency, rate in (("loopback", 0, 1), ("150 ms, CPU six times slower", 150, 6)):
            network = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
            await devtools.send("Network.emulateNetworkConditions", network)
            await devtools.send("Emulation.setCPUThrottlingRate", {"rate": rate})
            for way, (path, link) in WAYS.items():
                await measure_click(page, origin, path, link, 0, 0)  # which fills the caches
                times: dict[str, list[float]] = {manner: [] for manner in MANNERS}
                for _ in range(ROUNDS):  # by turns, so that a machine that is busy meanwhile is so for all
                    for manner, found in times.items():
                        found.append(await measure_click(page, origin, path, link, *MANNERS[manner]))
                for manner, found in times.items():
                    figures = f"{min(found):.0f} | {statistics.median(found):.0f} | {max(found):.0f}"
                    print(f"| {way} | {condition} | {manner} | {figures} |", flush=True)
        await browser.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as data_dir:
        environment = {"PATH": os.environ["PATH"], "DATA_DIR": data_dir}
        command = [sys.executable, "-m", "app", "demo"]
        subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        with serve(Path(data_dir)) as (port, _):
            asyncio.run(measure_all(port))


if __name__ == "__main__":
    main()
