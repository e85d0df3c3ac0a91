"""Which language a page is in that belongs to no workspace."""

from __future__ import annotations

import pytest

from app.web.languages import accepted_language


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("pt", "pt_BR"),
        ("de, pt-PT;q=0.8, en;q=0.5", "pt_BR"),
        ("en;q=0.5, pt;q=0.8", "pt_BR"),
        ("pt-BR;q=0", "en"),
        ("pt;q=0, en", "en"),
        ("pt;q=nan", "en"),
        ("pt;q=x, en", "en"),
        ("pt ; q = 1", "pt_BR"),
        (";;;,,,=", "en"),
        ("xpt", "en"),
    ],
)
def test_the_language_is_the_most_wanted_that_there_is(header: str, language: str) -> None:
    assert accepted_language(header) == language
