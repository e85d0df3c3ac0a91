"""Long texts: Markdown as messages have it, and nothing that a person can write does harm."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from app.web.markdown.long_texts import RenderedTexts, render_long_text

RENDERED = [
    ("two\nlines", "<p>two<br>\nlines</p>\n"),
    ("two\u2028lines", "<p>two<br>\nlines</p>\n"),
    ("two\x85lines", "<p>two<br>\nlines</p>\n"),
    ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
    ("**bold** `code`", "<p><strong>bold</strong> <code>code</code></p>\n"),
    ("# Head", "<p><strong>Head</strong></p>\n"),
    ("<b>", "<p>&lt;b&gt;</p>\n"),
    ("@Ana #40", "<p>@Ana #40</p>\n"),
    ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
    ("&#x202e;turned", "<p>turned</p>\n"),
]


@pytest.mark.parametrize(("text", "html"), RENDERED)
def test_a_long_text_is_markdown_and_nobodys_html(text: str, html: str) -> None:
    assert render_long_text(text) == html


def test_links_lead_out_of_the_page_and_are_none_in_each_other() -> None:
    html = render_long_text("[a ![b](https://b.example/)](https://a.example/) https://c.example/")
    assert re.findall('href="([^"]+)"', html) == ["https://a.example/", "https://c.example/"]
    assert html.count('rel="noopener noreferrer nofollow"') == html.count('target="_blank"') == 2


@given(st.text("[]()!<>*_`#-\n ab:/.&;", max_size=200))
def test_whatever_is_typed_only_our_tags_come_out(text: str) -> None:
    tags = set(re.findall("<(/?[a-z]+)", render_long_text(text)))
    assert {tag.strip("/") for tag in tags} <= {
        *("a", "blockquote", "br", "code", "em", "hr", "li", "ol", "p", "pre", "s", "strong", "ul")
    }


def test_what_is_kept_of_rendered_texts_is_bounded_by_its_size() -> None:
    kept = RenderedTexts(10_000)
    for number in range(100):
        kept.put(f"{number} {'x' * 400}", Markup("y" * 400))
        assert kept.size <= kept.most
    assert kept.size == sum(len(text) + len(html) for text, html in kept.kept.items())
    assert kept.get("0 " + "x" * 400) is None
    assert kept.get("99 " + "x" * 400) == "y" * 400
