"""What a quiet workspace notices of a noisy one: its pages and posts alone, beside many who write in the other one, and
beside many who read there.

    TEST_DATABASE=postgresql python bench/fairness.py [PEOPLE] [SECONDS]

The quiet one asks for its room, and then posts to it, some ten times a second. Each line is the median and the 99th
percentile of both, from the request's first byte to the answer's last, by one client on the same machine, which shares
its cores with the server and with the other one's people; and what these did in a second.
"""

from __future__ import annotations

import asyncio
import http.client
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.fanout import run_room  # noqa: E402
from bench.serving import serve  # noqa: E402
from bench.workspace import fill  # noqa: E402
from tests.databases import Cluster, Store  # noqa: E402

EVERY = 0.1


class QuietClient:
    """Somebody of globex, who reads the room and writes to it now and then."""

    def __init__(self, port: int) -> None:
        host = f"globex.hero.localhost:{port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.headers = {"Host": host, "Origin": f"http://{host}"}
        self.posted = 0
        self.pages: list[float] = []
        self.posts: list[float] = []
        answer = self.ask("POST", "/login", {"email": "hana@globex.test", "password": "mutirao-demo"})
        cookie = re.search("session=[^;]+", answer.getheader("set-cookie") or "")
        assert cookie, answer.status
        self.headers |= {"Cookie": cookie[0], "X-Page": "bench"}

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> http.client.HTTPResponse:
        """Send a request, and read its answer to the end."""
        typed = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        self.connection.request(method, path, urlencode(form) if form else None, {**self.headers, **typed})
        answer = self.connection.getresponse()
        answer.read()
        return answer

    def ask_both(self) -> None:
        """Read the room, then write to it; note how long each took, in milliseconds."""
        for times, method, form in (
            (self.pages, "GET", None),
            (self.posts, "POST", {"key": f"quiet-{self.posted}", "text": "quiet"}),
        ):
            started = time.perf_counter()
            answer = self.ask(method, "/chat/general", form)
            times.append((time.perf_counter() - started) * 1000)
            assert answer.status == 200, answer.status
        self.posted += 1

    def ask_for(self, seconds: float) -> str:
        """Ask until the time is over; then say how long it took."""
        self.pages, self.posts = [], []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.ask_both()
            time.sleep(EVERY)
        return f"page {describe(self.pages)}   post {describe(self.posts)}"


def describe(times: list[float]) -> str:
    """The median and the 99th percentile."""
    times = sorted(times)
    return f"{times[len(times) // 2]:6.1f} {times[min(len(times) - 1, len(times) * 99 // 100)]:7.1f} ms"


def read_pages(port: int, people: int, seconds: float, cookie: str) -> float:
    """Let so many people of acme read their room again and again; how many pages a second they got."""

    async def read(until: float) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        got = 0
        while time.monotonic() < until:
            writer.write(f"GET /chat/general HTTP/1.1\r\nHost: acme.hero.localhost:{port}\r\n{cookie}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = re.search(rb"content-length: (\d+)", head)
            assert length, head
            assert b" 200 " in head, head
            await reader.readexactly(int(length[1]))
            got += 1
        writer.close()
        return got

    async def read_all() -> int:
        until = time.monotonic() + seconds
        return sum(await asyncio.gather(*(read(until) for _ in range(people))))

    return asyncio.run(read_all()) / seconds


def main(people: int, seconds: float) -> None:
    """Measure the quiet one alone, and beside the others."""
    Cluster.SPEED = ""
    with tempfile.TemporaryDirectory() as directory, ProcessPoolExecutor(1) as beside:
        data_dir = Path(directory)
        store = Store(data_dir)
        store.ensure()
        crowd = asyncio.run(fill(store.url, data_dir, members=1000, owner_url=store.owner_url))
        with serve(data_dir, **store.environment) as (port, pid):
            quiet = QuietClient(port)
            quiet.ask_for(2)
            print("alone              ", quiet.ask_for(seconds))
            writing = beside.submit(
                run_room, crowd, port, pid, "-w", people, "-k", 10**6, "--max-time", seconds, sockets=1
            )
            time.sleep(1)
            print(
                f"beside {people:3d} writers  ",
                quiet.ask_for(seconds - 1),
                f"  {writing.result()['deliv_per_s']:.0f} posts/s",
            )
            cookie = "Cookie: session=" + crowd.lines.read_text().split(maxsplit=1)[0]
            reading = beside.submit(read_pages, port, people, seconds, cookie)
            time.sleep(1)
            print(f"beside {people:3d} readers  ", quiet.ask_for(seconds - 1), f"  {reading.result():.0f} pages/s")
        store.drop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50, float(sys.argv[2]) if len(sys.argv) > 2 else 20)
