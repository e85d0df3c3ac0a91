"""The table of weights is pyuca's, kept smaller."""

from __future__ import annotations

import random
import unicodedata

from pyuca import Collator  # type: ignore[import-untyped]

from app.records.kinds.weights import CODE, CompactCollator


def test_every_character_and_what_belongs_together_has_the_weights_of_pyuca() -> None:
    theirs, ours = Collator(), CompactCollator()
    characters = [chr(entry >> CODE) for entry in ours.table.entries]
    together = ["".join(map(chr, codes)) for codes in ours.table.together]
    marks = [each for each in characters if unicodedata.combining(each)]
    chosen = random.Random(1)
    texts = ["".join(chosen.choices(chosen.choice((characters, together, marks)), k=3)) for _ in range(3000)]
    for text in (*characters, *together, *texts, "日本", "\U00017000", "\U0010fffd", ""):
        assert ours.sort_key(text) == theirs.sort_key(text), ascii(text)
