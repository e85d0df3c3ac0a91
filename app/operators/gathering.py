"""Gathering: a task of each process that writes its figures, and pushes everybody's to the operators who watch.

It also ends operators' sockets whose session is over: the central host has no log that could say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import structlog

from app.background import in_background
from app.database import Database, now
from app.live.hub import CENTRAL
from app.live.node import Node
from app.operators.channels import channel_of
from app.operators.figures import (
    Installation,
    NodeFigures,
    Recorder,
    add_up,
    forget_node,
    list_nodes,
    read_installation,
    write_figures,
)
from app.operators.sessions import list_running
from app.web.readiness import check_parts
from app.web.templates import render
from app.web.texts import LANGUAGES

FIGURES_POLL_SECONDS = 2.0
WRITE_EVERY = 15.0

log = structlog.get_logger("operators")


class Gathering:
    """This process's figures, and the pages that watch everybody's."""

    def __init__(self, database: Database, node: Node) -> None:
        self.database = database
        self.hub = node.hub
        self.bus = node.bus
        self.id = secrets.token_hex(8)
        self.started_at = now()
        self.recorder = Recorder()
        self.written_at = float("-inf")

    async def read_figures(self) -> dict[str, Any]:
        """The figures of this process, now."""
        streams = {tenant: len(found) for tenant, found in self.hub.streams.items()}
        workspaces = {
            str(tenant): len(self.hub.connections[tenant]) - streams.get(tenant, 0)
            for tenant in self.hub.list_workspaces()
        }
        started = time.perf_counter()
        parts = await check_parts(self.database, bus=self.bus.state)
        return {
            **self.recorder.read(time.monotonic()),
            "name": f"{socket.gethostname()[:40]}:{os.getpid()}",
            "sockets": sum(map(len, self.hub.connections.values())) - sum(streams.values()),
            "streams": sum(streams.values()),
            "workspaces": workspaces,
            "watching": sum(len(self.hub.followers.get((CENTRAL, channel_of(name)), ())) for name in LANGUAGES),
            "parts": parts,
            "database_ms": (time.perf_counter() - started) * 1000,
        }

    async def gather(self) -> None:
        """One round: write when somebody watches anywhere, or it is time; push to those who watch here."""
        figures = await self.read_figures()
        try:
            async with self.database.read() as transaction:
                known = await list_nodes(transaction)
            due = time.monotonic() - self.written_at >= WRITE_EVERY
            if due or figures["watching"] or any(node.figures["watching"] for node in known):
                async with self.database.write() as transaction:
                    await write_figures(transaction, self.id, self.started_at, figures)
                    if due:
                        self.written_at = time.monotonic()
            await self.end_sockets()
            if figures["watching"]:
                async with self.database.count() as transaction:
                    installation = await read_installation(transaction)
                self.push(installation)
        except Exception as error:
            log.error("figures can't be gathered; it is tried again", reason=repr(error))
            alone = NodeFigures(id=self.id, started_at=self.started_at, seen_at=now(), figures=figures)
            self.push(add_up([alone], locks=0, mails=0, failures=[]))

    def push(self, installation: Installation) -> None:
        """Bring the open pages up to date. It is not logged: the next figures come soon."""
        for language in LANGUAGES:
            if (CENTRAL, channel_of(language)) in self.hub.followers:
                html = render(language, "operators/installation_push.html", installation=installation)
                self.hub.signal(CENTRAL, channel_of(language), html)

    async def end_sockets(self) -> None:
        """End the sockets of operators whose session is over."""
        sockets = list(self.hub.connections.get(CENTRAL, ()))
        if not sockets:
            return
        async with self.database.read() as transaction:
            running = await list_running(transaction, {connection.session_id for connection in sockets})
        for connection in sockets:
            if connection.session_id not in running:
                self.hub.end(connection, 4401, "ended")

    async def run(self) -> None:
        """Gather until cancelled."""
        while True:
            await self.gather()
            await asyncio.sleep(FIGURES_POLL_SECONDS)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Gather while the block runs; then take this process off the page."""
        try:
            async with in_background(self.run()):
                yield
        finally:
            with contextlib.suppress(Exception):
                async with self.database.write() as transaction:
                    await forget_node(transaction, self.id)
