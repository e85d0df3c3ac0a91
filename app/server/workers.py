"""Workers: several processes on one port, kept alive, and replaced one by one, or at once where a migration needs it.

All of them accept from one inherited listening socket, which stays open as long as the supervisor lives: a connection
waits in its queue while a worker restarts or dies, and is taken by whoever is free. (With SO_REUSEPORT each worker has
a queue of its own, and what waits in it is reset when the worker ends.)
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import signal
import socket
import tempfile
from asyncio.subprocess import Process
from pathlib import Path

import structlog
from prometheus_client.multiprocess import mark_process_dead

from app.server.processes import HOME, ask_program, list_program_files, start_program, wait_for
from app.settings import SettingsError

# How long to wait before a worker that died is started again: ever longer, and longest when it does not even start.
FIRST_WAIT, LAST_WAIT, LAST_WAIT_AT_START = 0.5, 2.0, 30.0
# Who lived that long did not die of its start.
STEADY = 30.0
START_WITHIN = 60.0
END_WITHIN = 32.0
READY = b"ready"
BACKLOG = 2048
# When workers can't be replaced, how long to wait, in seconds, before each next try.
TRIES_TO_REPLACE = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 120.0, 240.0)
# How often, in seconds, the files of the program are looked at where they may change. Looking works everywhere; what a
# container shares with another system is often not told of.
FILES_POLL_SECONDS = 1.0

log = structlog.get_logger("workers")


class Worker:
    """One process, and the line to it: it says there when it is ready, and sees there when the supervisor is gone."""

    def __init__(self, process: Process, line: socket.socket) -> None:
        self.process = process
        self.line = line
        self.started_at = asyncio.get_running_loop().time()
        self.ready = False

    async def become_ready(self) -> bool:
        """Wait until it serves. False when it ended, or took too long."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(START_WITHIN):
                self.ready = await loop.sock_recv(self.line, len(READY)) == READY
        except (TimeoutError, OSError):
            pass
        return self.ready

    async def end(self) -> None:
        """End it in order, or by force."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(END_WITHIN):
                await self.process.wait()
        except TimeoutError:
            log.error("a worker does not end, and is killed", pid=self.process.pid)
            self.process.kill()
            await self.process.wait()


class Supervisor:
    """Keeps a number of workers alive on one listening socket."""

    def __init__(self, listener: socket.socket, count: int, *, debug: bool, reload: bool = False) -> None:
        self.listener = listener
        self.count = count
        self.debug = debug
        self.reload = reload
        self.ending = asyncio.Event()
        self.workers: list[Worker | None] = [None] * count
        self.leaving: list[Worker] = []
        self.places = [asyncio.Lock() for _ in range(count)]
        self.counts = tempfile.TemporaryDirectory(prefix="mutirao-")
        self.restarting: asyncio.Task[None] | None = None
        self.wanted = asyncio.Event()  # to put what is installed in the place of the workers, again if that is at work

    async def run(self) -> int:
        """Migrate, then run until told to stop by SIGTERM or SIGINT; SIGHUP replaces the workers.

        The status to exit with.
        """
        if status := await self.migrate():
            return status
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.restart)
        keeping = [asyncio.create_task(self.keep(place)) for place in range(self.count)]
        if self.reload:
            keeping.append(asyncio.create_task(self.follow_files()))
        await self.ending.wait()
        for task in (*keeping, *([self.restarting] if self.restarting else [])):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        # What still waits at the socket is for the workers: the last one to close it takes all that is there.
        self.listener.close()
        await asyncio.gather(*(worker.end() for worker in self.list_workers()))
        self.counts.cleanup()
        return 0

    def stop(self) -> None:
        """End all workers in order; at the second time by force."""
        if self.ending.is_set():
            for worker in self.list_workers():
                if worker.process.returncode is None:
                    worker.process.kill()
        self.ending.set()

    def list_workers(self) -> list[Worker]:
        """All that may live, also in no place any more."""
        return [*filter(None, self.workers), *self.leaving]

    def restart(self) -> None:
        """Put what is installed now in the place of the workers; where that is at work, once more after it."""
        self.wanted.set()
        if self.restarting is None or self.restarting.done():
            self.restarting = asyncio.create_task(self.replace_while_wanted())

    async def follow_files(self) -> None:
        """Restart the workers whenever a file of the program has changed: what does not start is left out."""
        seen = await asyncio.to_thread(list_program_files, Path(HOME))
        while True:
            await asyncio.sleep(FILES_POLL_SECONDS)
            found = await asyncio.to_thread(list_program_files, Path(HOME))
            if found != seen and (self.restarting is None or self.restarting.done()):
                changed = sorted(path for path, _ in found ^ seen)
                log.info("the program has changed", files=" ".join(list(dict.fromkeys(changed))[:5]))
                seen = found
                self.restart()

    async def start(self) -> Worker:
        """Start a worker."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            inherited = (self.listener.fileno(), theirs.fileno())
            debug = ["--debug"] if self.debug else []
            counts = {"PROMETHEUS_MULTIPROC_DIR": self.counts.name}
            command = "worker", *map(str, inherited), *debug
            process = await start_program(*command, inherited=inherited, environment=counts)
        return Worker(process, ours)

    async def migrate(self) -> int:
        """Bring the database up to the version that is installed; not 0 when that can't be done."""
        return await wait_for(await start_program("migrate"))

    async def keep(self, place: int) -> None:
        """Keep one place filled: start a worker there, and another one when it dies, ever more slowly."""
        loop = asyncio.get_running_loop()
        wait = FIRST_WAIT
        while True:
            async with self.places[place]:
                worker = self.workers[place]
                if worker is None or worker.process.returncode is not None:
                    worker = self.workers[place] = await self.start()
            if not worker.ready:
                await worker.become_ready()
            status = await worker.process.wait()
            worker.line.close()
            mark_process_dead(worker.process.pid, self.counts.name)  # type: ignore[no-untyped-call]
            if self.workers[place] is not worker:
                continue  # it was replaced
            if loop.time() - worker.started_at > STEADY:
                wait = FIRST_WAIT
            wait = min(wait, LAST_WAIT if worker.ready else LAST_WAIT_AT_START)
            log.error(
                "a worker ended, and is started again",
                pid=worker.process.pid,
                status=status,
                seconds=wait,
            )
            await asyncio.sleep(wait)
            wait *= 2

    async def replace_while_wanted(self) -> None:
        """Put new workers in the place of all, until nobody wants it any more; the old ones go on where that fails.

        It is tried again, later each time, or at once when it is asked for again: the database may just have been
        away. Where files are followed, the next one that changes tries again.
        """
        while self.wanted.is_set():
            for wait in (0.0, *(() if self.reload else TRIES_TO_REPLACE)):
                if wait:
                    log.warning("the workers are not replaced yet; it is tried again", seconds=wait)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.wanted.wait(), wait)
                self.wanted.clear()
                if await self.replace_all():
                    break
            else:
                log.error("the workers were not replaced; the old ones go on")

    async def replace_all(self) -> bool:
        """Put new workers in the place of all, after migrating: one by one, or at once where the old ones can't go on
        with what the version that is installed now makes of the tables. False when the old ones go on, and another
        try may do better: a migration that fails though the database is there will fail again."""
        status, plan = await ask_program("migrate", "--plan")
        if not status and plan.startswith("stop"):
            await self.replace_at_once(plan)
            return True
        asked = not status
        if status or (status := await self.migrate()):
            log.error("the database can't be migrated; the old workers go on", status=status)
            return asked and not (await ask_program("migrate", "--plan"))[0]
        return await self.replace_one_by_one()

    async def replace_one_by_one(self) -> bool:
        """Put a new worker in the place of each, which serves before the old one ends. False when one does not start,
        and the old ones go on."""
        for place in range(self.count):
            async with self.places[place]:
                following = await self.start()
                if not await following.become_ready():
                    await following.end()
                    following.line.close()
                    log.error("a new worker does not start; the old ones go on", status=following.process.returncode)
                    return False
                before, self.workers[place] = self.workers[place], following
            if before:
                await before.end()
            log.info("a worker was replaced", pid=following.process.pid)
        return True

    async def replace_at_once(self, plan: str) -> None:
        """Let all workers finish what they do and end, migrate, and start new ones.

        Meanwhile connections wait at the socket. When migrating fails, the tables are as before, as it is one
        transaction. What was running may be there no more, so what is installed is started even so: a worker that
        doesn't fit the tables says that and ends, is started again ever more slowly, and serves once one of both is
        mended.
        """
        log.warning("the workers end before the database is migrated, and requests wait", plan=plan)
        async with contextlib.AsyncExitStack() as held:
            for turn in self.places:
                await held.enter_async_context(turn)
            self.leaving = [worker for worker in self.workers if worker]
            self.workers = [None] * self.count
            await asyncio.gather(*(worker.end() for worker in self.leaving))
            self.leaving = []
            status = await self.migrate()
            if status:
                log.error(
                    "the database can't be migrated, and is as before; what is installed is started, and has to fit it",
                    status=status,
                )
            for place in range(self.count):
                self.workers[place] = await self.start()
        log.info("workers of what is installed were started", migrated=not status)


def open_listener(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises SettingsError when the address is impossible or taken.
    """
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    except ValueError as error:
        raise SettingsError(f"--host: {host} is not an address of this machine") from error
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        raise SettingsError(
            f"PORT: {port} can't be listened on: {error.strerror}. Choose another: PORT=9000"
        ) from error
    return listener


def supervise(listener: socket.socket, count: int, *, debug: bool, reload: bool = False) -> int:
    """Serve with workers until told to stop; the status to exit with. `reload` starts them anew when files change."""

    async def run() -> int:
        return await Supervisor(listener, count, debug=debug, reload=reload).run()

    return asyncio.run(run())
