"""A network of our own: a server, a client, and a router between them that can lose everything without a word.

Each is in a network namespace, which takes root's rights. (https://man7.org/linux/man-pages/man8/ip-netns.8.html)
"""

from __future__ import annotations

import asyncio
import ctypes
import secrets
import subprocess
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

# Networks that are for examples alone (RFC 5737).
SERVER, SERVER_ROUTER = "192.0.2.2", "192.0.2.1"
CLIENT, CLIENT_ROUTER = "198.51.100.2", "198.51.100.1"
NETWORKS = "192.0.2.0/24 198.51.100.0/24"
CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


def ip(*words: str) -> None:
    """Run a command of `ip`."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"a network of its own takes root's rights: ip {' '.join(words)}: {done.stderr}"


@dataclass(frozen=True)
class Network:
    """The names of its namespaces."""

    server: str
    router: str
    client: str

    def cut(self) -> None:
        """Lose every packet between server and client; neither is told."""
        for address in (SERVER, CLIENT):
            ip("-n", self.router, "route", "add", "blackhole", f"{address}/32")

    def mend(self) -> None:
        """Pass packets on again."""
        for address in (SERVER, CLIENT):
            ip("-n", self.router, "route", "del", "blackhole", f"{address}/32")

    @asynccontextmanager
    async def at_the_server(self) -> AsyncIterator[None]:
        """Be in the server's namespace: sockets that this thread opens, and processes and threads that it starts.

        A thread stays in the namespace in which it was started. So the event loop gets others on the way in and on the
        way out: one of them would reach nothing of what a later test starts.
        """
        loop = asyncio.get_running_loop()
        with elsewhere(Path("/run/netns") / self.server), ThreadPoolExecutor() as threads:
            loop.set_default_executor(threads)
            try:
                yield
            finally:
                loop.set_default_executor(ThreadPoolExecutor())

    @property
    def at_the_client(self) -> list[str]:
        """What a command begins with that runs in the client's namespace."""
        return ["ip", "netns", "exec", self.client]


@contextmanager
def elsewhere(namespace: Path) -> Iterator[None]:
    """Let this thread be in another network namespace as long as the block lasts."""
    with Path("/proc/thread-self/ns/net").open("rb") as before, namespace.open("rb") as there:
        enter(there.fileno())
        try:
            yield
        finally:
            enter(before.fileno())


def enter(descriptor: int) -> None:
    """Let this thread go on in another network namespace."""
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def network() -> Iterator[Network]:
    """A network as long as the block lasts."""
    name = f"mutirao-{secrets.token_hex(4)}"
    made = Network(f"{name}-server", f"{name}-router", f"{name}-client")
    try:
        for namespace in (made.server, made.router, made.client):
            ip("netns", "add", namespace)
            ip("-n", namespace, "link", "set", "lo", "up")
        for namespace, link, address, gateway in (
            (made.server, "server", SERVER, SERVER_ROUTER),
            (made.client, "client", CLIENT, CLIENT_ROUTER),
        ):
            ip("-n", made.router, "link", "add", link, "type", "veth", "peer", "name", "router", "netns", namespace)
            for place, device, own in ((made.router, link, gateway), (namespace, "router", address)):
                ip("-n", place, "address", "add", f"{own}/24", "dev", device)
                ip("-n", place, "link", "set", device, "up")
            ip("-n", namespace, "route", "add", "default", "via", gateway)
        ip("netns", "exec", made.router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
        yield made
    finally:
        for namespace in (made.server, made.router, made.client):
            if Path(f"/run/netns/{namespace}").exists():
                ip("netns", "delete", namespace)
