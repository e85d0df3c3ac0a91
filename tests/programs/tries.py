"""Calls as the OpenAPI document allows them, and as it does not. To think of them takes longer than to have them
answered, so they are kept for the next run, which is that on the other database."""

from __future__ import annotations

import fcntl
import hashlib
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode

from tests.programs.described import DOCUMENT

MODES = GenerationMode.POSITIVE, GenerationMode.NEGATIVE
# What a call is made of, beside its operation and what is known of how it was thought of.
PARTS = "method", "path_parameters", "headers", "cookies", "query", "body", "media_type", "multipart_content_types"


@dataclass(frozen=True)
class Tries:
    """Calls of an operation that fit it, or don't, and of each whether it is about what is there."""

    operation: Any
    mode: GenerationMode
    cases: list[tuple[Any, bool]]


def think_of_tries(
    base_url: str, count: int, place_of: Callable[[str, str], int], config: pytest.Config
) -> list[Tries]:
    """So many calls of each operation that fit it, and as many that don't."""
    rules = SchemathesisConfig.from_dict({"generation": {"allow-x00": False, "codec": "utf-8"}})
    schema = schemathesis.openapi.from_dict(DOCUMENT, config=rules)
    schema.config.base_url = base_url
    operations = sorted(
        (each.ok() for each in schema.get_all_operations()), key=lambda each: place_of(each.method, each.path)
    )
    kept = find_place(count, config)
    if kept is None:
        return [Tries(each, mode, make_cases(each, mode, count)) for each in operations for mode in MODES]
    with kept.with_name("lock").open("w") as lock:  # who comes second waits until the first has thought of them
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            made = {
                (each.label, mode): [(write_case(case), known) for case, known in make_cases(each, mode, count)]
                for each in operations
                for mode in MODES
            }
            unfinished = kept.with_suffix(".unfinished")
            unfinished.write_bytes(pickle.dumps(made))
            unfinished.replace(kept)
            for other in {*kept.parent.iterdir()} - {kept, kept.with_name("lock")}:
                other.unlink()  # what other documents were tried with
        written = pickle.loads(kept.read_bytes())
    return [
        Tries(each, mode, [(read_case(each, *case), known) for case, known in written[each.label, mode]])
        for each in operations
        for mode in MODES
    ]


def find_place(count: int, config: pytest.Config) -> Path | None:
    """Where calls are kept: by all that they depend on. None where pytest keeps nothing."""
    if not hasattr(config, "cache") or config.cache is None:
        return None
    versions = [version(name) for name in ("schemathesis", "hypothesis")]
    depends = [Path(__file__).read_text(), json.dumps(DOCUMENT), count, *versions]
    return config.cache.mkdir("tries") / hashlib.sha256(repr(depends).encode()).hexdigest()


def write_case(case: Any) -> tuple[dict[str, Any], Any]:
    """What a call is made of, without its operation."""
    return {name: getattr(case, name) for name in PARTS}, case.meta


def read_case(operation: Any, parts: dict[str, Any], meta: Any) -> Any:
    """A call of what it was made of; what it notes of changes begins anew."""
    return Case(operation, path=operation.path, **parts, meta=replace(meta))


def make_cases(operation: Any, mode: GenerationMode, count: int) -> list[tuple[Any, bool]]:
    """Calls of what fits an operation, or does not."""
    cases: list[tuple[Any, bool]] = []

    @given(case=operation.as_strategy(generation_mode=mode), known=st.sampled_from([True, True, False]))
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def keep(case: Any, known: bool) -> None:
        cases.append((case, known))

    keep()
    return cases
