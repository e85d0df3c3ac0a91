"""Numbers in addresses are digits as we write them."""

from __future__ import annotations

from contextlib import aclosing
from urllib.parse import quote

import pytest

from tests.conftest import Server


@pytest.mark.parametrize("number", ["1_0", "\uff11\uff12", "\u0661", "+1", " 1", "1 ", "-1", "1.0", "0x1", "1" * 5000])
async def test_what_only_python_reads_as_a_number_is_no_address(shared_server: Server, number: str) -> None:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        for path in ("/c/books/{}", "/c/books/{}/edit", "/records/{}", "/discussion/record-{}"):
            answer = await ana.get(path.format(quote(number)), headers={"sec-fetch-site": "same-origin"})
            assert answer.status_code == 404, (path, number)
        assert (await ana.get("/c/books/1")).status_code == 200
