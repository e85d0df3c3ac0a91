"""Makes the pictures of the documents and of the front door from the demo, in both languages: `make pictures`.

The program runs with the demo in a folder of its own, browsers look at it, and what they see is written to
docs/guide/pictures and docs/pictures: few colours, without loss, so that they are small and sharp. Those of the front
door are in app/static/pictures.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from msgspec.structs import replace
from PIL import Image, ImageDraw
from playwright.async_api import Browser, Locator, Page, async_playwright

from app.accounts.hashing import hash_password
from app.demo import PASSWORD, WORKSPACES, Workspace, seed_workspace
from app.features import open_database
from app.migration import migrate_database
from app.settings import read_settings
from app.web.texts import translations

DOCS = Path(__file__).parent.parent / "docs"
FRONT_DOOR = Path(__file__).parent.parent / "app" / "static" / "pictures"
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
HOST = "hero.localhost"
# A page as it is looked at, and how many dots each of its pixels has in a picture.
WIDE, HIGH, DOTS = 1080, 640, 1.5
COLOURS = 96
PATIENCE = 180_000  # ms, on a machine that has other things to do
# Of the animation: each of the two browsers, and what is between and around them.
PANE, TALL, AROUND, TITLE = 540, 560, 16, 28
TALK = """
Ana: Bom dia! A estante nova para os clássicos portugueses chega na **quinta-feira**.
Davi: Até que enfim. Posso vir às nove para ajudar a carregar.
Bruno: Conferi os empréstimos. Quatro livros estão atrasados, o #40 é um deles.
Carla: Esse está com a minha vizinha. Ela promete devolver ainda esta semana.
Ana: Obrigada, Carla. Alguém vê se a capa rasgada tem conserto?
Davi: Levo ao encadernador assim que chegar.
"""
TONGUES = {
    "Portuguese": "Português", "Spanish": "Espanhol", "English": "Inglês", "French": "Francês", "Russian": "Russo",
}  # fmt: skip


def in_portuguese(workspace: Workspace) -> Workspace:
    """The demo's workspace as one of Brazilians."""
    books = workspace.books
    for word in ("On the shelf", "Lent", "Ordered", "Lost"):
        books = books.replace(f"| {word}\n", f"| {translations('pt_BR').gettext(word)}\n")
    for tongue, ours in TONGUES.items():
        books = books.replace(f"| {tongue} |", f"| {ours} |")
    lent = translations("pt_BR").gettext("Lent")
    note = "O segundo exemplar está com a capa rasgada; fale com Davi antes de emprestar."
    return replace(workspace, language="pt_BR", books=books, talk=TALK, lent=lent, note=note)


DEMOS = {"en": WORKSPACES[0], "pt-BR": in_portuguese(WORKSPACES[0])}
SAID = {"en": "@Ana The binder has it by tomorrow.", "pt-BR": "@Ana O encadernador termina amanhã."}
NOTE = {"en": "Back from the binder.", "pt-BR": "Voltou do encadernador."}


@contextlib.contextmanager
def serving(workspace: Workspace, folder: Path) -> Iterator[str]:
    """The program with one workspace in it; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://{HOST}:{port}"
    given = {"DATA_DIR": str(folder), "BASE_URL": url}
    asyncio.run(seed(given, workspace))
    command = [sys.executable, "-m", "app", "serve", "--port", str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | given, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz")
                break
            except urllib.error.URLError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((folder / "log").read_text()) from None
                time.sleep(0.1)
        yield f"http://{workspace.slug}.{HOST}:{port}"
    finally:
        process.terminate()
        process.wait(40)


async def seed(given: dict[str, str], workspace: Workspace) -> None:
    """Make the tables, and the workspace."""
    settings = read_settings(given)
    await asyncio.to_thread(migrate_database, settings.database_url)
    database = open_database(settings.database_url)
    hashed = await hash_password(PASSWORD)
    async with database.write() as transaction:
        await seed_workspace(transaction, workspace, hashed)
    await database.close()


@contextlib.asynccontextmanager
async def signed_in(
    browser: Browser,
    origin: str,
    name: str,
    *,
    wide: int = WIDE,
    high: int = HIGH,
    dots: float = DOTS,
    scheme: Literal["light", "dark"] = "light",
) -> AsyncIterator[Page]:
    """A browser of one of the demo's people."""
    context = await browser.new_context(
        viewport={"width": wide, "height": high},
        device_scale_factor=dots,
        locale="en-GB",
        reduced_motion="reduce",
        color_scheme=scheme,
    )
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    await page.goto(f"{origin}/login")
    await page.locator("[name=email]").fill(f"{name.lower()}@acme.test")
    await page.locator("[name=password]").fill(PASSWORD)
    await page.locator("form button[type=submit]").first.click()
    await page.wait_for_url(f"{origin}/")
    yield page
    await context.close()


async def open_live(page: Page, address: str) -> None:
    """Open a page, and wait until it is live."""
    await page.goto(address)
    await page.locator("html[data-live=on]").wait_for()


def few_colours(shot: bytes | Image.Image, colours: int = COLOURS) -> Image.Image:
    """A picture of so many colours: pages have few, and letters a few more of each."""
    image = shot if isinstance(shot, Image.Image) else Image.open(io.BytesIO(shot))
    return image.convert("RGB").quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


async def look(page: Page, name: str, language: str) -> None:
    """Write what a page shows for the guide."""
    path = DOCS / "guide" / "pictures" / f"{name}.{language}.webp"
    few_colours(await page.screenshot()).convert("RGB").save(path, lossless=True, quality=100, method=6)
    print(f"{path.relative_to(DOCS.parent)}: {path.stat().st_size // 1024} KB")


async def picture_guide(browser: Browser, origin: str, language: str) -> None:
    """The guide's pictures: what Ana, the owner, sees, while Bruno edits a book."""
    async with signed_in(browser, origin, "Ana") as ana, signed_in(browser, origin, "Bruno") as bruno:
        await open_live(bruno, f"{origin}/c/books/40/edit")
        await open_live(ana, f"{origin}/c/books/40")
        await ana.locator(".lock .banner").wait_for()
        await look(ana, "locked", language)
        for name, address in (("list", "/c/books"), ("room", "/chat/general"), ("people", "/members")):
            await open_live(ana, origin + address)
            await look(ana, name, language)
        await open_live(bruno, f"{origin}/chat/general")
        await bruno.locator("textarea").first.fill(SAID[language])
        await bruno.locator("form:has(textarea) button[type=submit]").first.click()
        await ana.locator("#toasts [data-dismiss]").first.click()
        await open_live(ana, origin)
        await look(ana, "home", language)


async def picture_front_door(browser: Browser, origin: str, language: str) -> None:
    """What the central host shows of the program: a list, one record of which somebody else edits."""
    size: dict[str, Any] = {"wide": 1280, "high": 800, "dots": 1}
    async with signed_in(browser, origin, "Bruno", **size) as bruno:
        await open_live(bruno, f"{origin}/c/books/40/edit")
        schemes: list[Literal["light", "dark"]] = ["light", "dark"]
        for scheme in schemes:
            async with signed_in(browser, origin, "Ana", **size, scheme=scheme) as ana:
                await open_live(ana, f"{origin}/c/books")
                await ana.get_by_text("Bruno").first.wait_for()
                shown = Image.open(io.BytesIO(await ana.screenshot()))
                shown.save(FRONT_DOOR / f"front-{scheme}.{language}.webp", quality=82, method=6)


@dataclass
class Film:
    """Two browsers side by side, frame by frame."""

    left: Page
    right: Page
    names: tuple[str, str]
    frames: list[Image.Image] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    async def take(self, milliseconds: int, *, touched: Locator | None = None) -> None:
        """One more frame. What Ana touches in it has a dot."""
        wide = 2 * PANE + 3 * AROUND
        frame = Image.new("RGB", (wide, TALL + TITLE + 2 * AROUND), "#d9e4dc")
        draw = ImageDraw.Draw(frame)
        for place, (page, name) in enumerate(zip((self.left, self.right), self.names, strict=True)):
            x = AROUND + place * (PANE + AROUND)
            draw.rounded_rectangle((x, AROUND, x + PANE - 1, AROUND + TITLE + 12), 10, fill="#24493a")
            draw.text((x + 14, AROUND + 6), name, fill="white", font_size=15)
            shot = Image.open(io.BytesIO(await page.screenshot()))
            frame.paste(shot, (x, AROUND + TITLE))
            box = await touched.bounding_box() if touched and place == 0 else None
            if box:
                middle = (x + box["x"] + box["width"] / 2, AROUND + TITLE + box["y"] + box["height"] / 2)
                around = tuple(each + step for step in (-12, 12) for each in middle)
                draw.ellipse(around, outline="#d97706", width=4)
        self.frames.append(frame)
        self.lengths.append(milliseconds)

    def write(self, path: Path) -> None:
        """Write it as it is watched: over and over."""
        palette = few_colours(self.frames[len(self.frames) // 2], 128)
        frames = [each.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB") for each in self.frames]
        frames[0].save(
            path, save_all=True, append_images=frames[1:], duration=self.lengths, loop=0, lossless=True, method=4
        )
        print(f"{path.relative_to(DOCS.parent)}: {path.stat().st_size // 1024} KB, {len(frames)} frames")


async def film(browser: Browser, origin: str, language: str) -> None:
    """Ana edits a book; Bruno sees that she does, and what she has changed as she saves it."""
    size = {"wide": PANE, "high": TALL, "dots": 1}
    async with (
        signed_in(browser, origin, "Ana", **size) as ana,
        signed_in(browser, origin, "Bruno", **size) as bruno,
    ):
        for page in (ana, bruno):
            await open_live(page, f"{origin}/c/books/40")
        made = Film(ana, bruno, ("Ana", "Bruno"))
        await made.take(1600)
        edit = ana.locator("a[href$='/c/books/40/edit']").first
        await made.take(700, touched=edit)
        await edit.click()
        await ana.wait_for_url("**/edit")
        await ana.locator("html[data-live=on]").wait_for()
        await bruno.locator(".lock .banner").wait_for()
        await made.take(2000)
        say = translations(language.replace("-", "_")).gettext
        notes = ana.get_by_label(say("Notes"), exact=True)
        await notes.scroll_into_view_if_needed()
        status = ana.get_by_label(say("Status"), exact=True)
        await status.select_option(index=1)
        await made.take(900, touched=status)
        await notes.fill("")
        for word in NOTE[language].split(" "):
            await notes.press_sequentially(f"{word} ")
            await made.take(260)
        save = ana.locator("form.form button.primary[type=submit]").first
        await save.scroll_into_view_if_needed()
        await made.take(900, touched=save)
        await save.click()
        await ana.wait_for_url("**/c/books/40*")
        await bruno.get_by_text(NOTE[language]).first.wait_for()
        await bruno.locator(".lock .banner").wait_for(state="detached")
        await made.take(3600)
        made.write(DOCS / "pictures" / f"together.{language}.webp")


async def make(origin: str, language: str) -> None:
    """All pictures in a language."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        await picture_guide(browser, origin, language)
        await film(browser, origin, language)
        await picture_front_door(browser, origin, language)
        await browser.close()


def main() -> None:
    """Make them anew."""
    (DOCS / "guide" / "pictures").mkdir(exist_ok=True)
    for language, workspace in DEMOS.items():
        with tempfile.TemporaryDirectory() as folder, serving(workspace, Path(folder)) as origin:
            asyncio.run(make(origin, language))


if __name__ == "__main__":
    main()
