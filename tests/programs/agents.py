"""Agents, for tests: the protocol's own client, which shows a token."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from tests.conftest import Server
from tests.programs.conftest import add_token

if TYPE_CHECKING:
    from mcp import Client

REVISIONS = ("2025-11-25", "2026-07-28")


class Agent:
    """An agent that is connected."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def tools(self) -> set[str]:
        """The tools that it is told of."""
        return {tool.name for tool in (await self.client.list_tools()).tools}

    async def ask(self, tool: str, **arguments: Any) -> tuple[bool, Any]:
        """Whether a tool has done it, and what it said."""
        result = await self.client.call_tool(tool, arguments)
        said: Any = result.structured_content
        (text,) = result.content
        assert json.loads(getattr(text, "text", "")) == said, "both forms say the same"
        return not result.is_error, said["problem"] if result.is_error else said["data"]

    async def use(self, tool: str, **arguments: Any) -> Any:
        """What a tool says that has done it."""
        done, said = await self.ask(tool, **arguments)
        assert done, said
        return said

    async def fail(self, tool: str, **arguments: Any) -> str:
        """The code of the problem of a tool that has not."""
        done, said = await self.ask(tool, **arguments)
        assert not done, said
        return str(said["code"])


@asynccontextmanager
async def agent_with(server: Server, secret: str, slug: str = "acme", mode: str = "auto") -> AsyncIterator[Agent]:
    """An agent that shows a token."""
    # A tenth of what it takes to collect all tests, in each process of a run, of which few have agents.
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    headers = {"host": server.host(slug), "authorization": f"Bearer {secret}"}
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        transport = streamable_http_client(f"http://{server.address}:{server.port}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield Agent(client)


@asynccontextmanager
async def agent_of(
    server: Server, email: str, slug: str = "acme", mode: str = "auto", **columns: Any
) -> AsyncIterator[Agent]:
    """An agent of a member, whose token says what is said of it."""
    _, secret = add_token(server, slug, email, **columns)
    async with agent_with(server, secret, slug, mode) as agent:
        yield agent
