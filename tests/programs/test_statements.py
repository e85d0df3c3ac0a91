"""No call makes or compiles a statement that was made before."""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.exceptions import LitestarDeprecationWarning

from app.accounts.members import find_member
from app.accounts.program_tokens import WantedToken, make_program_token
from app.accounts.scopes import SCOPES
from app.features import open_database
from app.server.asgi import create_app
from tests.databases import Store
from tests.programs.test_matrix import CALLS
from tests.test_isolation import SETTINGS
from tests.test_statements import STILL_MADE, made, undoing  # noqa: F401  (a fixture)

ACME = 1


async def test_no_call_makes_or_compiles_a_statement_that_was_made_before(
    store: Store,
    tmp_path: Path,
    made: Counter[str],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = open_database(store.url)
    async with database.write(ACME) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana
        _, secret = await make_program_token(transaction, ana, WantedToken("nightly", list(SCOPES)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        monkeypatch.setattr("app.server.asgi.open_database", lambda _: database)
        application: Any = create_app(replace(SETTINGS, database_url=store.url, data_dir=tmp_path, secret_key="x" * 40))
    host = f"acme.{SETTINGS.base_host}"
    found: dict[str, list[str]] = {}
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application),
        base_url=f"http://{host}",
        headers={"authorization": f"Bearer {secret}"},
    ) as client:
        for call in CALLS:
            for _ in range(2):
                made.clear()
                with undoing():
                    answer = await call.make(client, 3)
                assert answer.status_code < 500, answer.text
            for maker in made:
                if not maker.startswith(STILL_MADE):
                    found.setdefault(maker, []).append(call.name)
    await database.close()
    assert found == {}, "\n".join(f"{maker}: {', '.join(calls)}" for maker, calls in sorted(found.items()))
