"""Makes the pictures of the README and of the front door from the demo, in a browser: `make pictures`."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from PIL import Image
from playwright.async_api import Browser, Page, async_playwright

ROOT = Path(__file__).parent.parent.parent
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
SIZE = {"width": 1280, "height": 800}
PASSWORD = "mutirao-demo"


def find_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def open_as(browser: Browser, origin: str, name: str, scheme: str) -> Page:
    """A page of somebody who is signed in."""
    context = await browser.new_context(
        viewport=SIZE, color_scheme="dark" if scheme == "dark" else "light", locale="en"
    )
    page = await context.new_page()
    await page.goto(f"{origin}/login")
    await page.get_by_label("Email").fill(f"{name}@acme.test")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_selector(".app")
    return page


async def take(origin: str) -> None:
    """Take the pictures: the list, with a book that somebody else edits."""
    async with async_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        bruno = await open_as(browser, origin, "bruno", "light")
        await bruno.goto(f"{origin}/c/books/40/edit")
        await bruno.wait_for_selector("record-editor")
        for scheme in ("light", "dark"):
            ana = await open_as(browser, origin, "ana", scheme)
            await ana.goto(f"{origin}/c/books")
            await ana.get_by_text("Bruno").first.wait_for()
            await ana.wait_for_selector("html[data-live=on]")
            shown = Image.open(io.BytesIO(await ana.screenshot()))
            shown.save(ROOT / "app" / "static" / "pictures" / f"front-{scheme}.webp", quality=82, method=6)
            if scheme == "light":
                shown.quantize(256, dither=Image.Dither.NONE).save(
                    ROOT / "docs" / "pictures" / "list.png", optimize=True
                )
        await browser.close()


def main() -> None:
    """Serve a demo of its own while the pictures are taken."""
    port = find_port()
    with tempfile.TemporaryDirectory() as data:
        settings = {"DATA_DIR": data, "PORT": str(port), "BASE_URL": f"http://hero.localhost:{port}"}
        command = [sys.executable, "-m", "app", "demo", "--serve"]
        server = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **settings}, stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                        break
                except httpx.TransportError:
                    time.sleep(0.2)
            asyncio.run(take(f"http://acme.hero.localhost:{port}"))
        finally:
            server.terminate()
            server.wait(20)


if __name__ == "__main__":
    main()
