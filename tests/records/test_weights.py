"""The table of weights is pyuca's, kept smaller."""

from __future__ import annotations

import marshal
import random
import unicodedata

import pytest
from pyuca import Collator  # type: ignore[import-untyped]

from app.records.kinds import weights
from app.records.kinds.weights import CODE, CompactCollator, WeightTable


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """No start has kept the table: it is read."""
    monkeypatch.setattr(weights, "load_kept", lambda name: None)


def test_every_character_and_what_belongs_together_has_the_weights_of_pyuca() -> None:
    theirs, ours = Collator(), CompactCollator()
    characters = [chr(entry >> CODE) for entry in ours.table.entries]
    together = ["".join(map(chr, codes)) for codes in ours.table.together]
    marks = [each for each in characters if unicodedata.combining(each)]
    chosen = random.Random(1)
    texts = ["".join(chosen.choices(chosen.choice((characters, together, marks)), k=3)) for _ in range(3000)]
    for text in (*characters, *together, *texts, "日本", "\U00017000", "\U0010fffd", ""):
        assert ours.sort_key(text) == theirs.sort_key(text), ascii(text)


def test_what_a_start_keeps_of_the_table_is_all_of_it() -> None:
    table, restored = CompactCollator().table, WeightTable()
    restored.restore(*marshal.loads(marshal.dumps(table.list_parts())))
    assert restored.list_parts() == table.list_parts()
    for code in (ord("a"), ord("é"), 0x1F600, 0x10FFFF):
        assert restored.find(code) == table.find(code)
