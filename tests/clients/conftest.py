"""Scripts that are let in by the client in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mutirao_client import Mutirao
from tests.conftest import Server
from tests.programs.conftest import add_token

Connect = Callable[..., Mutirao]


def connect_to(server: Server, secret: str, **options: Any) -> Mutirao:
    return Mutirao(f"http://{server.address}:{server.port}", secret, headers={"host": server.host("acme")}, **options)


@pytest.fixture
def connect(shared_server: Server) -> Iterator[Connect]:
    """Lets scripts in, with tokens of members."""
    made: list[Mutirao] = []

    def add(email: str = "ana@acme.test", **columns: object) -> Mutirao:
        made.append(connect_to(shared_server, add_token(shared_server, "acme", email, **columns)[1]))
        return made[-1]

    yield add
    for each in made:
        each.close()
