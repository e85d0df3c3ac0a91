"""Redis stopped, paused, flushed and cut off under traffic: nothing is lost, writing goes on, and it mends itself."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

from tests.conftest import RedisServer, Server
from tests.faults.extent import FULL, times
from tests.faults.traffic import Traffic, traffic_on
from tests.live.test_bus import nodes, until, until_bus  # noqa: F401  (a fixture)
from tests.operators.test_operators import sign_in

# A page shows a message so many seconds after its writer was told that it is there, whatever becomes of Redis.
PROMISED = 3.0


class Installation:
    """An open page of the operators that shows the processes, and what it says of the bus of each."""

    def __init__(self) -> None:
        self.states: list[str] = []

    async def says(self, state: str, count: int) -> None:
        """Wait until it says that of so many processes."""
        await until(lambda: self.states == [state] * count)


@asynccontextmanager
async def installation_of(server: Server) -> AsyncIterator[Installation]:
    """The page, as long as the block lasts."""
    made = Installation()

    async def follow() -> None:
        await socket.send('{"sub": "installation.en", "last": 0, "n": 1}')
        async for message in socket:
            if 'id="installation"' in str(message):
                made.states = re.findall(r'data-bus="([^"]+)"', str(message))

    async with aclosing(await sign_in(server)) as operator, server.connect("", operator) as socket:
        following = asyncio.create_task(follow())
        yield made
        following.cancel()


Trouble = Callable[[RedisServer, Callable[[str], Awaitable[None]], Traffic], Awaitable[None]]


async def stop(redis: RedisServer, all_say: Callable[[str], Awaitable[None]], traffic: Traffic) -> None:
    await asyncio.to_thread(redis.stop)
    await all_say("not reachable")
    await traffic.more(10)
    await asyncio.to_thread(redis.start)


async def pause(redis: RedisServer, all_say: Callable[[str], Awaitable[None]], traffic: Traffic) -> None:
    redis.signal(signal.SIGSTOP)
    await all_say("not reachable")
    await traffic.more(10)
    redis.signal(signal.SIGCONT)


async def flush(redis: RedisServer, all_say: Callable[[str], Awaitable[None]], traffic: Traffic) -> None:
    for _ in range(3):
        redis.command("FLUSHALL")
        await traffic.more(3)


async def cut_connections(redis: RedisServer, all_say: Callable[[str], Awaitable[None]], traffic: Traffic) -> None:
    for _ in range(3):
        redis.command("CLIENT", "KILL", "TYPE", "pubsub")
        redis.command("CLIENT", "KILL", "TYPE", "normal")
        await traffic.more(3)


TROUBLES: list[Trouble] = [stop, pause, flush, cut_connections]


async def test_no_event_is_lost_whatever_happens_to_redis(
    nodes: list[Server],  # noqa: F811
    redis_server: RedisServer,
) -> None:
    rounds = times(1, 10)
    await until_bus(nodes, "ok")
    async with installation_of(nodes[0]) as installation:

        async def all_say(state: str) -> None:
            """Wait until each node says so at /readyz, which is ready all the same, and the operators' page too."""
            await until_bus(nodes, state)
            await installation.says(state, len(nodes))

        async with traffic_on(*nodes) as traffic:
            for _ in range(rounds):
                for trouble in TROUBLES:
                    await traffic.more(10)
                    await trouble(redis_server, all_say, traffic)
                    await all_say("ok")
    messages = traffic.check()
    assert traffic.retries == traffic.refused == 0, "writing did not go on"
    assert all(page.hellos == 1 for page in traffic.pages), "a page was cut off"
    print(f"{rounds} times {len(TROUBLES)} troubles; {messages} messages, at most {traffic.longest_delay():.1f} s late")
    if FULL:  # how long things take is nothing to judge a small change by
        assert traffic.longest_delay() < PROMISED
