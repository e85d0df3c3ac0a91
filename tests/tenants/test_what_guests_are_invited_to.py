"""What an invitation of a guest is to: what was named in full, or chosen from a list, and nothing else."""

from __future__ import annotations

import re
from contextlib import aclosing

import pytest

from app.tenants.invited import (
    INVITABLE,
    MOST_INVITED_TO,
    Invitable,
    InvitedTo,
    find_things,
    offer_things,
    read_kind,
)
from app.web.forms import Form
from tests.conftest import Server

THINGS = [
    Invitable(5, "Fotos1", "fotos1"),
    Invitable(6, "Contratos1", "contratos1"),
    Invitable(7, "Fotos1, contratos1", "fotos1-contratos1"),
    Invitable(8, "5", "five"),
    Invitable(9, "Mesma 0", "mesma-0"),
    Invitable(10, "mesma 0", "mesma-0-2"),
    Invitable(11, "Obras; 2026", "obras-2026"),
    Invitable(12, "#9", "nine"),
    Invitable(13, "Fotos1, plantas", "fotos1-plantas"),
]


def read(*texts: str) -> tuple[InvitedTo, Form]:
    form = Form()
    return read_kind(INVITABLE["room"], form, texts, THINGS), form


@pytest.mark.parametrize(
    ("typed", "means"),
    [
        ("Fotos1, plantas", [13]),
        ("contratos1, fotos1", [6, 5]),
        ("Fotos1; contratos1", [5, 6]),
        ("Fotos1\nContratos1", [5, 6]),
        ("fotos1, Fotos1, plantas", [5, 13]),
        ("Fotos1,contratos1", [5, 6]),
        ("fotos1-contratos1", [7]),
        ("5", [8]),
        ("#5", [5]),
        ("#5,#8,#7", [5, 8, 7]),
        ("mesma-0-2, mesma-0", [10, 9]),
        ("obras; 2026, five", [11, 8]),
        ("#9", [9]),
        ("#12, nine", [12]),
    ],
)
def test_only_what_was_named_in_full_or_chosen_is_meant(typed: str, means: list[int]) -> None:
    chosen, form = read(typed)
    assert [each.id for each in chosen.things] == means
    assert not form.errors
    again, _ = read(chosen.text)
    assert again.things == chosen.things, "and what stands in the field means the same when it is sent again"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("Contratos", [6, 7]),
        ("2026", [11]),
        ("Mesma 0", [9, 10]),
        ("Fotos1, contratos1", [7, 5, 6]),
    ],
)
def test_what_is_not_clear_is_offered_and_lets_nobody_in(typed: str, offered: list[int]) -> None:
    chosen, form = read(typed)
    assert chosen.things == []
    assert [each.id for each in chosen.offered] == offered
    assert "room" in form.errors


def test_no_more_are_taken_than_an_invitation_has_and_that_is_said() -> None:
    things = [Invitable(number, f"Room {number}", f"room-{number}") for number in range(1, MOST_INVITED_TO + 2)]
    for many in (", ".join(each.name for each in things), ",".join(each.value for each in things)):
        form = Form()
        chosen = read_kind(INVITABLE["room"], form, [many], things)
        assert (chosen.things, chosen.text) == ([], many)
        assert "room" in form.errors
        assert len(read_kind(INVITABLE["room"], Form(), [many.rpartition(",")[0]], things).things) == MOST_INVITED_TO


def test_things_that_are_called_the_same_are_told_apart_by_their_addresses() -> None:
    notes = {each["value"]: each["note"] for each in offer_things(THINGS, "")}
    assert (notes["#9"], notes["#10"], notes["#5"]) == ("mesma-0", "mesma-0-2", "")
    assert [each.id for each in find_things(THINGS, "mesma-0")] == [9]
    offered = [each["value"] for each in offer_things(THINGS, "fotos1, contratos1")]
    assert offered == ["#5", "#6", "#7"], "and what two names mean comes before what is called by both"


async def test_a_whole_name_with_a_comma_invites_to_that_collection_alone_unless_it_may_be_several(
    shared_server: Server,
) -> None:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        names = ("Sheets", "Drawings", "Sheets, drawings", "Plans, sheets")
        made = [await ana.post("/collections/new", data={"name": name, "first": "Title"}) for name in names]
        assert {answer.status_code for answer in made} == {303}
        ids = dict(shared_server.store.rows("SELECT name, id FROM collection"))
        form = {"uses": "1", "days": "7", "role": "guest", "form-key": ""}
        for typed, offered in (("Plans, sheets; Draw", names[1:3]), ("Sheets, drawings", (names[2], *names[:2]))):
            refused = await ana.post("/members/links", data={**form, "collection": typed})
            assert refused.status_code == 422
            found = re.findall(r'type="checkbox" name="collection" value="#(\d+)"', refused.text)
            assert [int(each) for each in found] == [ids[name] for name in offered]
        answer = await ana.post("/members/links", data={**form, "collection": "Plans, sheets"})
        assert answer.status_code == 200
        kept = shared_server.store.rows("SELECT invited_to FROM invitation ORDER BY id DESC LIMIT 1")[0][0]
        assert str(kept).count("collection-") == 1
        assert f"collection-{ids['Plans, sheets']}" in str(kept)
