"""The live protocol's pure part."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from app.live.frames import Hello, Malformed, answer_hello, encode, frame_events, numbered, read_hello
from app.live.log import Event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["sub", "last", "n", "x"]), inner),
)


@given(JSON)
def test_any_json_is_a_hello_or_malformed(value: object) -> None:
    try:
        hello = read_hello(json.dumps(value))
    except Malformed:
        return
    assert all(isinstance(name, str) for name in hello.channels)
    assert hello.last >= 0


@given(st.text())
def test_any_text_is_a_hello_or_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        read_hello(text)


def test_a_hello_says_what_the_page_follows() -> None:
    text = '{"sub": "tenant record.2 tenant", "last": 7, "n": 3}'
    assert read_hello(text) == Hello(("tenant", "record.2"), 7, 3)


@pytest.mark.parametrize(
    "text",
    [
        '{"sub": 1, "last": 0, "n": 0}',
        '{"sub": "a", "last": -1, "n": 0}',
        '{"sub": "a", "last": true, "n": 0}',
        '{"sub": "a", "last": 9007199254740992, "n": 0}',
        json.dumps({"sub": " ".join(f"record.{n}" for n in range(601)), "last": 0, "n": 0}),
        json.dumps({"sub": "x" * 61, "last": 0, "n": 0}),
        "[" * 5000,
    ],
)
def test_what_no_page_sends_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        read_hello(text)


@given(st.text(max_size=200) | st.just("x" * 65_536) | st.just("é" * 40_000))
def test_an_encoded_frame_is_what_the_standard_says(text: str) -> None:
    expected = Frame(Opcode.TEXT, text.encode()).serialize(mask=False)
    assert encode(text) == expected


def test_answers_and_frames_start_with_their_number() -> None:
    hello = Hello(("tenant", "record.9"), 5, 3)
    assert answer_hello(hello) == "<!--@3-->"
    assert (
        answer_hello(hello, refused=["record.9", "--><script>"], refresh_at=8) == "<!--@3 refresh refused:record.9-->"
    )
    assert numbered(8, ["<a>", "<b>"]) == "<!--8--><a><b>"


def test_events_are_one_frame_but_for_what_may_belong_into_a_part_that_came_before() -> None:
    events = [
        Event(1, "news.7", "a"),
        Event(2, "user.1", "b", "news.7 news.8"),
        Event(3, "tenant", "c"),
        Event(5, "news.8", "d"),
        Event(6, "news.7", "e"),
        Event(7, "user.1", "f", "news.8"),
    ]
    assert frame_events(events, 9) == ["<!--3-->abc", "<!--9-->def"]
    assert frame_events(events[:3], 4) == ["<!--4-->abc"]
    assert frame_events([], 4) == ["<!--4-->"]
