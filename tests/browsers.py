"""Browsers that are kept from one test to the next.

A new one has nothing of the program's files: asking for them and compiling them is most of what its first page costs.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import socket
from typing import Any

from playwright.async_api import Browser, BrowserContext, Error, Page

# What no test can take back.
FOR_GOOD = ("add_init_script", "route_web_socket", "expose_binding", "expose_function")
CLOCK = ("install", "pause_at", "set_fixed_time", "set_system_time")


class KeptBrowsers:
    """Browser contexts that tests used, and that are as empty as new ones but for the program's own files."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.free: list[BrowserContext] = []
        self.changed: set[BrowserContext] = set()
        self.keepers: dict[BrowserContext, Page] = {}

    async def take(self, **options: Any) -> BrowserContext:
        """One that is free, or a new one."""
        if self.free:
            return self.free.pop()
        context = await self.browser.new_context(**options)
        for owner, names in ((context, FOR_GOOD), (context.clock, CLOCK)):  # the clock is that of its pages, too
            for name in names:
                self.watch(context, owner, name)
        self.watch_network(context)
        return context

    def watch(self, context: BrowserContext, owner: Any, name: str) -> None:
        """Note when a test does something to it that lasts."""
        call = getattr(owner, name)

        def change(*given: Any, **named: Any) -> Any:
            self.changed.add(context)
            return call(*given, **named)

        setattr(owner, name, change)

    def watch_network(self, context: BrowserContext) -> None:
        """Close the empty tab when the network is cut: tabs of one process are told together that it is back, as the
        first of them has it."""
        cut = context.set_offline

        async def change(offline: bool) -> None:
            if keeper := self.keepers.pop(context, None):
                await keeper.close()
            await cut(offline)

        context.set_offline = change  # type: ignore[method-assign]

    async def give_back(self, context: BrowserContext) -> None:
        """Keep it for the next test, with nothing of this one in it; what pages store ends with them."""
        if context in self.changed:
            self.changed.discard(context)
            self.keepers.pop(context, None)
            await context.close()
            return
        try:
            await context.unroute_all(behavior="ignoreErrors")  # of those that still hold something back
            for page in context.pages:
                if page is self.keepers.get(context):
                    continue
                with contextlib.suppress(Error):  # one that shows nothing has no place to store anything
                    await page.evaluate("localStorage.clear()")
                    if context not in self.keepers:
                        await self.keep_process(context, page)
                await page.close()
            await BrowserContext.set_offline(context, False)
            await context.clear_cookies()
        except Error:  # a test closed it
            self.keepers.pop(context, None)
            return
        self.free.append(context)

    async def keep_process(self, context: BrowserContext, page: Page) -> None:
        """Have an empty tab beside a page, which keeps the process of its site, and in it the scripts as compiled: a
        new process for each test would be a third of what its pages cost."""
        async with context.expect_page() as opened:
            await page.evaluate("void open('')")
        self.keepers[context] = await opened.value


@functools.cache
def hold_port(name: str) -> socket.socket:
    """A socket that keeps a port from everybody but those who may share it, as servers may."""
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    atexit.register(holder.close)
    return holder


def keep_port(name: str) -> int:
    """A port for one server after the other: what a browser keeps of files, it keeps by their address."""
    return int(hold_port(name).getsockname()[1])
