"""Processes of the program, forked from one that has imported it: a second of CPU less for each of some hundred.

What runs in them is `app.cli.main` with its own environment, working directory and output, as `python -m app` does.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from argon2 import PasswordHasher

from app.server import workers

ROOT = Path(__file__).parent.parent
REQUEST_LIMIT = 64 * 1024
KIND = os.environ.get("TEST_DATABASE") or "sqlite"
# Where the processes of a run find the fork server of their database.
SHARED = "TEST_FORK_SERVER_"
# Passwords of tests guard nothing; as the program hashes them, they would be a good part of what a sign-in costs.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
# Nobody needs what tests write after a crash of the machine; after one of the program it is there all the same.
UNSYNCHRONISED = "OFF"


class Process:
    """A running `python -m app …`, used like subprocess.Popen."""

    def __init__(
        self, arguments: list[str], environment: dict[str, str], output: Path, errors: Path | None = None
    ) -> None:
        self.returncode: int | None = None
        self.waiting = threading.Lock()
        self.line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line.connect(fork_server(KIND))
        request = {"arguments": arguments, "environment": environment, "output": str(output)}
        request["errors"] = str(errors or output)
        request["network"] = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net"
        self.line.send(json.dumps(request).encode())
        self.pid = int(self.line.recv(100))

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; raises subprocess.TimeoutExpired when it does not."""
        with self.waiting:
            if self.returncode is None:
                self.line.settimeout(timeout)
                try:
                    self.returncode = int(self.line.recv(100))
                except (TimeoutError, BlockingIOError) as error:
                    raise subprocess.TimeoutExpired("app", timeout or 0) from error
                self.line.close()
            return self.returncode

    def poll(self) -> int | None:
        """How it has ended, or None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forked:
    """A process that the supervisor has forked from itself, used like asyncio.subprocess.Process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.ended = asyncio.Event()
        descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(descriptor, self.end, descriptor)

    def end(self, descriptor: int) -> None:
        """Note how it has ended."""
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)
        self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.ended.set()

    async def wait(self) -> int:
        await self.ended.wait()
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


async def fork_program(
    *arguments: str,
    inherited: tuple[int, ...] = (),
    output: int | None = None,
    environment: dict[str, str] | None = None,
) -> Forked:
    """What `app.server.processes.start_program` does, by a process that has imported the program already."""

    def become_program() -> int:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if output is not None:
            os.dup2(output, 1)
        for path in list(Path("/proc/self/fd").iterdir()):
            descriptor = int(path.name)
            if descriptor > 2 and descriptor not in inherited:
                with contextlib.suppress(OSError):  # the one that listed them
                    os.close(descriptor)
        os.setsid()
        os.environ.update(environment or {})
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            share_counters()
        return run_main(arguments)

    pid = os.fork()
    if not pid:
        exit_after(become_program)
    return Forked(pid)


def share_counters() -> None:
    """Count together with others, which is decided as the counters are imported."""
    from prometheus_client import REGISTRY, values
    from prometheus_client.metrics import MetricWrapperBase

    from app.web import metrics

    values.ValueClass = values.MultiProcessValue()
    metrics.SHARED = True
    for counter in set(REGISTRY._names_to_collectors.values()):
        if isinstance(counter, MetricWrapperBase) and counter._is_observable():
            counter._metric_init()


def run_main(arguments: Sequence[str]) -> int:
    """Be `python -m app …` in this process, whose name tells the command; the status to exit with."""
    from app.cli import main

    Path("/proc/self/comm").write_text(arguments[0])
    sys.argv = ["app", *arguments]
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def enter_network(namespace: Path) -> None:
    """Be in the network of who asked for this process, which may be another one than that of the fork server."""
    if namespace.readlink() != Path("/proc/self/ns/net").readlink():
        from tests.faults.network import enter

        with namespace.open() as opened:
            enter(opened.fileno())


def exit_after(work: Callable[[], int]) -> NoReturn:
    """End this process with the status that some work has: nothing of who forked it is done a second time."""
    try:
        status = work()
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def run(arguments: Sequence[str], environment: dict[str, str], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run `python -m app …` to its end, like subprocess.run. Raises subprocess.TimeoutExpired."""
    with tempfile.TemporaryDirectory() as directory:
        output, errors = Path(directory, "output"), Path(directory, "errors")
        status = Process(list(arguments), environment, output, errors).wait(timeout)
        return subprocess.CompletedProcess(arguments, status, output.read_text(), errors.read_text())


@functools.cache
def fork_server(kind: str) -> str:
    """The address of this run's fork server for a database, started once: the processes of a run at once share it.

    It ends with the process that started it: it reads a pipe that this one holds open. Who asks it before it is ready
    waits.
    """
    if address := os.environ.get(SHARED + kind):
        return address
    directory = tempfile.TemporaryDirectory(prefix="mutirao-processes-")
    address = str(Path(directory.name, "socket"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(address)
        listener.listen(100)
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.processes", str(listener.fileno())],
            cwd=ROOT,
            env={**os.environ, "TEST_DATABASE": kind},
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno()],
        )

    def end() -> None:
        assert server.stdin is not None
        server.stdin.close()
        server.wait(20)
        directory.cleanup()

    atexit.register(end)
    return address


def share_fork_server(kind: str) -> None:
    """Start the fork server of a database for this process and those that it starts."""
    os.environ[SHARED + kind] = fork_server(kind)


class ForkServer:
    """Forks a process for each connection, tells its number there, and at its end how it ended."""

    def __init__(self, listener: socket.socket) -> None:
        self.lines: dict[int, socket.socket] = {}
        self.listener = listener
        self.is_warm = False
        self.ended, wakeup = socket.socketpair()
        for end in (self.ended, wakeup):
            end.setblocking(False)
        self.wakeup = wakeup
        signal.set_wakeup_fd(wakeup.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)

    def serve(self) -> None:
        """Serve until standard input ends, and take along who still runs."""
        with selectors.DefaultSelector() as selector:
            for source in (sys.stdin, self.listener, self.ended):
                selector.register(source, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if sys.stdin in ready:
                    break
                if self.ended in ready:
                    self.ended.recv(1000)
                    self.tell_ends()
                if self.listener in ready:
                    self.fork()
        for pid in self.lines:
            os.kill(pid, signal.SIGKILL)

    def tell_ends(self) -> None:
        """Tell of each process that has ended."""
        while self.lines:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            line = self.lines.pop(pid)
            with contextlib.suppress(BrokenPipeError):  # nobody waits for it any more
                line.send(str(os.waitstatus_to_exitcode(status)).encode())
            line.close()

    def fork(self) -> None:
        """Start a process."""
        line, _ = self.listener.accept()
        data = line.recv(REQUEST_LIMIT)
        if not data:  # who asked has ended: the others of the run still need this process
            line.close()
            return
        if not self.is_warm:  # with the first, as there are runs without any
            from tests.warming import warm

            warm()
            gc.freeze()
            self.is_warm = True
        request: dict[str, Any] = json.loads(data)
        pid = os.fork()
        if not pid:
            exit_after(lambda: self.become(request))
        self.lines[pid] = line
        with contextlib.suppress(BrokenPipeError):
            line.send(str(pid).encode())

    def become(self, request: dict[str, Any]) -> int:
        """Be the program, in the forked process; the status to exit with."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self.listener, self.ended, self.wakeup, *self.lines.values()):
            each.close()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        for descriptor, path in ((1, request["output"]), (2, request["errors"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
        enter_network(Path(request["network"]))
        os.environ.clear()
        os.environ.update(request["environment"])
        workers.start_program = fork_program  # type: ignore[assignment]
        return run_main(request["arguments"])


def prepare() -> None:
    """Bring in everything that the program needs and would work out at its first use, so that forked processes share
    it: most of what a server takes until it has answered its first pages."""
    import uvloop  # noqa: F401  (each server would bring it in)

    import app.cli
    import app.demo
    import app.migration
    import app.operators.operators
    import app.server.serving
    from app.accounts import hashing
    from app.accounts.sessions import Session
    from app.database import sqlite
    from app.server import asgi
    from app.web.fast.kept_compiled import keeping
    from app.web.templates import environment
    from app.web.texts import LANGUAGES

    pages = asgi.Pages()
    asgi.Pages = lambda: pages  # type: ignore[assignment, misc]
    with keeping():  # also for the processes of tests, which show pages themselves, and for the next run
        for language in LANGUAGES:
            for name in environment(language).list_templates():
                environment(language).get_template(name)
    session = Session(address="203.0.113.7", agent="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    assert (session.device, session.place) == ("Firefox, Linux", "")
    app.migration.read_scripts(app.migration.MIGRATIONS).get_current_head()
    hashing.load_hasher = lambda: CHEAP
    sqlite.SYNCHRONOUS = UNSYNCHRONISED


if __name__ == "__main__":
    prepare()
    gc.freeze()
    ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve()
