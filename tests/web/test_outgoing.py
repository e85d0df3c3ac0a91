"""What goes out by an address that somebody typed goes to the public internet, to whom it was looked at, and not on."""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import app.web.outgoing
from app.web.internet import IPAddress, is_global
from app.web.outgoing import Outgoing
from app.web.outgoing_addresses import AddressRefused, NotSent, read_outgoing_address
from tests.receiver import OK, Receiver, answer, make_certificates, receiving
from tests.test_isolation import SETTINGS

# What a test's own receiver needs: http, and this machine.
HERE = replace(SETTINGS, outgoing_http=True, outgoing_networks="127.0.0.1/32")
STRICT = replace(SETTINGS, outgoing_http=True)


@pytest.fixture(autouse=True)
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Outgoing]]:
    """The ways out that a test makes, which are closed at its end."""
    made: list[Outgoing] = []

    class Noted(Outgoing):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            made.append(self)

    monkeypatch.setattr(sys.modules[__name__], "Outgoing", Noted)
    yield made
    for each in made:
        each.close()


def says(*addresses: str) -> app.web.outgoing.Resolve:
    """A name server that says these addresses, whatever it is asked."""

    async def resolve(host: str, port: int) -> Sequence[IPAddress]:
        return [ipaddress.ip_address(each) for each in addresses]

    return resolve


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254"),
        *("172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.170", "192.0.2.1", "192.88.99.1", "192.168.1.1"),
        *("198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255"),
        *("240.0.0.1", "255.255.255.255", "168.63.129.16"),
        *("::", "::1", "::10.0.0.1", "::8.8.8.8", "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1"),
        *("100::1", "100:0:0:1::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1"),
        *("5f00::1", "4000::1", "fd00:ec2::254"),
        # An IPv4 address in another form.
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::ffff:0:10.0.0.1"),
        *("64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b::10.1.2.3"),
        *("64:ff9b:1::8.8.8.8", "64:ff9b:1::10.0.0.1", "64:ff9b:1:fffe::10.0.0.1"),
        *("2002:7f00:1::1", "2002:a00:1::", "2002:a9fe:a9fe::1"),
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",  # Teredo
        *("2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:127.0.0.1"),  # ISATAP
    ],
)
async def test_an_address_that_is_not_for_everybody_is_refused_in_every_form(address: str) -> None:
    assert not is_global(ipaddress.ip_address(address))
    with pytest.raises(AddressRefused):
        await Outgoing(STRICT, resolve=says(address)).post("http://example.org/", {}, b"")
    with pytest.raises(AddressRefused):
        await Outgoing(STRICT, resolve=says("8.8.8.8", address)).post("http://example.org/", {}, b"")
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused):
        await Outgoing(STRICT).post(f"http://{literal}/", {}, b"")


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_what_is_for_everybody_is_not_refused(address: str) -> None:
    assert is_global(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host", ["127.1", "2130706433", "0x7f.1", "0177.0.0.1", "localhost", "acme.localhost", "127.0.0.1.", "１２７.0.0.1"]
)
async def test_this_machine_is_refused_however_it_is_called(host: str) -> None:
    with pytest.raises(NotSent) as refused:
        await Outgoing(STRICT).post(f"http://{host}/", {}, b"")
    assert isinstance(refused.value, AddressRefused) or "not known" in str(refused.value)


@pytest.mark.parametrize(
    "typed",
    [
        *("", "example.org", "//example.org", "ftp://example.org", "file:///etc/passwd", "gopher://example.org/"),
        *("https://", "https:///path", "https://exa mple.org/", "https://example.org/\n", "https://example.org\\@a/"),
        *("https://user@example.org/", "https://user:password@example.org/", "https://example.org/#there"),
        *("https://example.org:0/", "https://example.org:99999/", "https://[::1/", "https://-/", "https://a..b/"),
        *("https://example.org/\r\nHost: b", "https://" + "a" * 64 + ".org/", "https://example.org/" + "a" * 1000),
    ],
)
def test_what_is_no_address_of_the_web_is_refused(typed: str) -> None:
    with pytest.raises(AddressRefused):
        read_outgoing_address(typed)


def test_an_address_is_read_as_it_goes_over_the_wire() -> None:
    read = read_outgoing_address("https://Bücher.example:8443/größe?a=b c".replace(" ", "+"))
    assert (read.host, read.port, read.target) == ("xn--bcher-kva.example", 8443, "/gr%C3%B6%C3%9Fe?a=b+c")
    assert read.host_header == "xn--bcher-kva.example:8443"
    assert read_outgoing_address("https://[2606:4700::1]/").host_header == "[2606:4700::1]"


async def test_http_is_refused_unless_the_installation_allows_it() -> None:
    async with receiving() as receiver:
        with pytest.raises(AddressRefused, match="https"):
            await Outgoing(replace(HERE, outgoing_http=False)).post(receiver.url, {}, b"")
        assert (await Outgoing(HERE).post(receiver.url, {}, b"{}")).status == 200
    assert [each.body for each in receiver.requests] == [b"{}"]


async def test_the_connection_is_made_to_the_address_that_was_looked_at() -> None:
    """A name server says one thing when it is asked first, and this machine the next time: it is asked once."""
    asked: list[str] = []

    async def lie(host: str, port: int) -> Sequence[IPAddress]:
        asked.append(host)
        return [ipaddress.ip_address("127.0.0.1" if len(asked) == 1 else "127.0.0.2")]

    async with receiving() as receiver:
        out = Outgoing(HERE, resolve=lie)
        await out.post(f"http://rebinding.example:{receiver.port}/hook", {}, b"")
        assert (asked, len(receiver.requests)) == (["rebinding.example"], 1)
        with pytest.raises(AddressRefused):
            await out.post(f"http://rebinding.example:{receiver.port}/hook", {}, b"")
        assert len(asked) == 2, "and each time anew, as names move"
    assert len(receiver.requests) == 1
    assert receiver.requests[0].headers["host"] == f"rebinding.example:{receiver.port}"


async def test_what_an_installation_allows_and_refuses_are_networks() -> None:
    async with receiving() as receiver:
        refusing = replace(HERE, outgoing_networks="127.0.0.0/8", outgoing_refused="127.0.0.1/32")
        with pytest.raises(AddressRefused):
            await Outgoing(refusing).post(receiver.url, {}, b"")
        mapped = Outgoing(HERE, resolve=says("::ffff:127.0.0.1"))
        assert (await mapped.post(f"http://lan.example:{receiver.port}/", {}, b"")).status == 200
    with pytest.raises(AddressRefused):
        await Outgoing(replace(STRICT, outgoing_refused="2606:4700::/32"), resolve=says("2606:4700::1")).post(
            "http://example.org/", {}, b""
        )


async def test_an_address_of_a_name_that_can_not_be_reached_is_passed_over() -> None:
    async with receiving() as receiver:
        out = Outgoing(replace(HERE, outgoing_networks="127.0.0.0/8"), resolve=says("127.0.0.9", "127.0.0.1"))
        assert (await out.post(f"http://two.example:{receiver.port}/", {}, b"")).status == 200


async def test_the_certificate_is_that_of_the_name_and_not_of_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, tls = make_certificates(tmp_path, "hooks.example")
    names: list[str | None] = []
    tls.sni_callback = lambda _, name, __: names.append(name)  # type: ignore[assignment,return-value]
    async with receiving(tls=tls) as receiver:
        address = f"https://hooks.example:{receiver.port}/hook"
        with pytest.raises(NotSent, match="certificate"):
            await Outgoing(HERE, resolve=says("127.0.0.1")).post(address, {}, b"")
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        out = Outgoing(HERE, resolve=says("127.0.0.1"))
        assert (await out.post(address, {}, b"{}")).status == 200
        assert names[-1] == "hooks.example"
        for other in (f"https://other.example:{receiver.port}/", receiver.url):
            with pytest.raises(NotSent, match="certificate"):
                await out.post(other, {}, b"")
    assert len(receiver.requests) == 1


async def test_no_redirect_is_followed_and_no_proxy_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as elsewhere, receiving() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, elsewhere.url)
        for status in (301, 302, 303, 307, 308):
            receiver.say = lambda _, status=status: answer(status, b"", f"location: {elsewhere.url}")  # type: ignore[misc]
            assert (await Outgoing(HERE).post(receiver.url, {}, b"")).status == status
        assert elsewhere.requests == []


async def test_of_a_huge_answer_the_beginning_is_taken() -> None:
    endless = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + (b"10000\r\n" + b"a" * 65536 + b"\r\n") * 50
    async with receiving(lambda _: endless) as receiver:
        said = await Outgoing(HERE).post(receiver.url, {}, b"")
        assert (said.status, said.body) == (200, b"a" * 1024)
        receiver.say = lambda _: b"HTTP/1.1 200 OK\r\n" + b"x: " + b"a" * 100_000 + b"\r\n\r\n"
        with pytest.raises(NotSent, match="too long"):
            await Outgoing(HERE).post(receiver.url, {}, b"")
        receiver.say = lambda _: b"HTTP/1.1 100 Continue\r\n\r\n" * 2000
        with pytest.raises(NotSent, match="too long"):
            await Outgoing(HERE).post(receiver.url, {}, b"")
        receiver.say = lambda _: b"HTTP/1.1 100 Continue\r\n\r\n" + answer(204)
        assert (await Outgoing(HERE).post(receiver.url, {}, b"")).status == 204


@pytest.mark.parametrize("said", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\nx: y"])
async def test_what_is_no_answer_is_none(said: bytes) -> None:
    async with receiving(lambda _: said) as receiver:
        with pytest.raises(NotSent):
            await Outgoing(HERE).post(receiver.url, {}, b"")


async def test_whoever_does_not_answer_is_waited_for_no_longer_than_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.web.outgoing, "TOTAL_SECONDS", 0.2)
    async with receiving(lambda _: None) as receiver:
        with pytest.raises(NotSent, match="within"):
            await Outgoing(HERE).post(receiver.url, {}, b"")
        assert len(receiver.requests) == 1


async def test_who_has_begun_to_answer_and_goes_on_for_long_has_said_how_it_went(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app.web.outgoing, "TOTAL_SECONDS", 0.3)
    slow = SlowReceiver()
    await slow.open()
    try:
        said = await Outgoing(HERE).post(slow.url, {}, b"")
        assert (said.status, said.body) == (202, b"a")
    finally:
        slow.stays.set()
        await slow.close()


class SlowReceiver(Receiver):
    """One that says the beginning of an answer, and then nothing for as long as the test goes on."""

    async def serve(self, reader, writer) -> None:  # type: ignore[no-untyped-def]
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 10\r\n\r\na")
        await self.stays.wait()
        writer.close()


async def test_who_is_not_there_or_has_no_name_is_told_of_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver:
        pass
    with pytest.raises(NotSent):
        await Outgoing(HERE).post(receiver.url, {}, b"")
    with pytest.raises(NotSent, match="no address"):
        await Outgoing(HERE, resolve=says()).post("http://example.org/", {}, b"")

    with pytest.raises(ValueError, match="several lines"):
        await Outgoing(HERE, resolve=says("127.0.0.1")).post("http://example.org/", {"x": "a\r\nb"}, b"")


async def test_what_follows_soon_goes_over_the_same_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, tls = make_certificates(tmp_path, "hooks.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[IPAddress]:
        asked.append(host)
        return [ipaddress.ip_address("127.0.0.1")]

    async with receiving(keeps=True, tls=tls) as receiver:
        out = Outgoing(HERE, resolve=resolve)
        url = f"https://hooks.example:{receiver.port}/hook"
        for number in range(5):
            assert (await out.post(url, {}, str(number).encode())).status == 200
        assert [each.body for each in receiver.requests] == [b"0", b"1", b"2", b"3", b"4"]
        assert (receiver.connections, len(asked)) == (1, 1)
        await out.post(f"{url}/other", {}, b"")
        assert receiver.connections == 2, "each address has its own"
        out.close()
        assert not out.kept
        await out.post(url, {}, b"")
        assert receiver.connections == 3
        out.close()


async def test_a_connection_is_kept_for_a_while_and_the_name_looked_at_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(keeps=True) as receiver:
        out = Outgoing(HERE)
        monkeypatch.setattr(app.web.outgoing, "KEPT_SECONDS", 0.0)
        await out.post(receiver.url, {}, b"")
        assert not out.kept
        monkeypatch.undo()
        await out.post(receiver.url, {}, b"")
        (kept,) = out.kept.values()
        out.forget(receiver.url, kept)
        assert not out.kept
        monkeypatch.setattr(app.web.outgoing, "MOST_KEPT", 0)
        await out.post(receiver.url, {}, b"")
        assert not out.kept
        assert receiver.connections == 3


async def test_what_a_receiver_has_closed_meanwhile_is_sent_over_a_new_connection() -> None:
    async with receiving() as receiver:  # it closes after each answer, and does not say so
        out = Outgoing(HERE)
        for _ in range(4):
            assert (await out.post(receiver.url, {}, b"")).status == 200
        assert (len(receiver.requests), receiver.connections) == (4, 4)


@pytest.mark.parametrize(
    "said",
    [
        OK + b"HTTP/1.1 500 Another\r\ncontent-length: 2\r\n\r\nno",
        answer(200, b"Done", "connection: close"),
        b"HTTP/1.0 200 OK\r\ncontent-length: 4\r\n\r\nDone",
        answer(200, b"x" * 200_000),
    ],
)
async def test_a_connection_on_which_more_or_less_came_than_was_asked_for_is_not_kept(said: bytes) -> None:
    async with receiving(lambda _: said, keeps=True) as receiver:
        out = Outgoing(HERE)
        for _ in range(2):
            answered = await out.post(receiver.url, {}, b"")
            assert (answered.status, answered.body[:4] in (b"Done", b"xxxx")) == (200, True)
            assert not out.kept
        assert receiver.connections == 2
