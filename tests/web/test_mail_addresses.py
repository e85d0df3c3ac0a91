"""Mail addresses: which texts are one, and the one form that each has, wherever it is typed."""

from __future__ import annotations

from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.mail.messages import encode_address
from app.web.mail_addresses import account_address, read_mail_address
from tests.conftest import PASSWORD, Server

ADDRESSES = [
    ("o'brien@example.org", "o'brien@example.org"),
    ("a+b.c_d-e@example.org", "a+b.c_d-e@example.org"),
    ("rita@intranet.local", "rita@intranet.local"),
    ("Rita@Example.ORG", "Rita@example.org"),
    ("rita@bücher.example", "rita@bücher.example"),
    ("rita@xn--bcher-kva.example", "rita@bücher.example"),
    ("rita@bu\u0308cher.example", "rita@bücher.example"),
    ("jose\u0301@example.org", "josé@example.org"),
    ("用户@例え.テスト", "用户@例え.テスト"),
]
NONE = [
    *("rita", "rita@", "@example.org", "rita@localhost", "rita@-a.example", "rita@a..example", ".rita@example.org"),
    *("rita..b@example.org", "rita@example.org.", "rita@exam_ple.org", "a b@example.org", "rita@[127.0.0.1]"),
    *("Rita <rita@example.org>", '"a b"@example.org', "rita@example.org,eva@example.org", f"{'a' * 65}@example.org"),
]


@pytest.mark.parametrize(("typed", "stored"), ADDRESSES)
def test_an_address_has_one_form_and_mail_can_go_to_it(typed: str, stored: str) -> None:
    assert read_mail_address(typed) == stored
    assert account_address(typed) == stored.lower()
    assert encode_address(stored).domain.isascii()


@pytest.mark.parametrize("typed", NONE)
def test_other_texts_are_no_address(typed: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_mail_address(typed)


@given(st.one_of(st.emails(), st.text(max_size=40).map(lambda text: f"{text}@example.org"), st.text(max_size=40)))
def test_the_form_of_an_address_is_an_address_in_that_form(text: str) -> None:
    try:
        address = read_mail_address(text)
    except ValueError:
        return
    assert read_mail_address(address) == address
    assert len(address) <= 254
    assert account_address(account_address(text)) == account_address(text)


async def test_an_apostrophe_and_a_domain_in_any_letters_work_wherever_addresses_do(server: Server) -> None:
    address = "O'Brien@Bücher.example"
    added = server.run("member", "add", "acme", address, "--name", "Brien", "--password", PASSWORD)
    assert added.returncode == 0, added.stderr
    for typed in ("o'brien@bücher.example", "O'BRIEN@xn--bcher-kva.example"):
        async with server.client("acme") as visitor:
            assert (await visitor.post("/login", data={"email": typed, "password": PASSWORD})).status_code == 303
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        again = await ana.post(
            "/members/invitations", data={"email": "o'brien@xn--bcher-kva.example", "role": "member"}
        )
        assert "Someone with this address is already a member." in again.text
        other = await ana.post("/members/invitations", data={"email": "o'hara@example.org", "role": "member"})
        assert other.headers["location"] == "/members?done=invitation-sent&about=1"
