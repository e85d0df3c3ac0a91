"""Sending what is in the outbox, to servers that have their faults: what one mail causes is that mail's."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import app.mail.delivery
import app.mail.smtp
import app.server.asgi
from app.database import Database, Transaction
from app.mail.delivery import MOST_BROKEN_OFF, MOST_MAIL_ATTEMPTS, Delivery, Settlement
from app.mail.outbox import COMPOSERS, Content, Mail, Urgency, find_next
from app.operators.figures import read_installation
from app.settings import Settings
from app.web.templates import render
from tests.databases import Store
from tests.post import Post, plain
from tests.test_isolation import SETTINGS

ACME, GLOBEX = 1, 2
LONG_AGO = "2026-01-01 00:00:00+00"


def settings_for(smtp_url: str) -> Settings:
    return replace(SETTINGS, smtp_url=smtp_url, mail_from="Mutirão <no-reply@hero.test>")


async def write_greeting(transaction: Transaction, settings: Settings, payload: dict[str, Any]) -> Content:
    """What the mails of these tests say, to whom."""
    return Content(payload["receiver"], payload["subject"], "Good morning.")


@pytest.fixture
async def delivery(database: Database, post: Post, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Delivery]:
    """The part of the program that sends, with `post` as the server, which is not open yet."""
    monkeypatch.setitem(COMPOSERS, "greeting", write_greeting)
    made = Delivery(database, settings_for(f"smtp://127.0.0.1:{post.port}"))
    yield made
    await made.server.close()


async def put(
    database: Database, *receivers: str, workspace: int = ACME, urgency: Urgency = Urgency.SOON, subject: str = "Hello"
) -> None:
    """Put mails into the outbox."""
    async with database.write() as transaction:
        for receiver in receivers:
            transaction.add(
                Mail(
                    workspace_id=workspace,
                    message_id=receiver.encode().hex()[:80],
                    composer="greeting",
                    payload={"receiver": receiver, "subject": subject},
                    urgency=urgency,
                )
            )
            await transaction.flush()


async def send_out(delivery: Delivery) -> None:
    """Send until nothing is due."""
    while await delivery.step():
        pass


def waiting(store: Store) -> list[Any]:
    return store.rows("SELECT payload ->> 'receiver', attempts FROM mail ORDER BY id")


def failed(store: Store) -> list[Any]:
    return store.rows("SELECT reason, attempts FROM failed_mail ORDER BY id")


def let_them_be_due(store: Store) -> None:
    store.rows(f"UPDATE mail SET due_at = '{LONG_AGO}'")


async def test_what_is_urgent_goes_first_and_all_in_one_conversation(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.open()
    crowd = [f"member{number}@acme.test" for number in range(40)]
    await put(database, *crowd, urgency=Urgency.WHENEVER)
    await put(database, "eva@acme.test")
    assert await delivery.step()
    await put(database, "carla@acme.test", urgency=Urgency.AT_ONCE)
    await send_out(delivery)
    assert post.receivers == ["eva@acme.test", "carla@acme.test", *crowd]
    assert post.conversations == 1
    assert waiting(store) == failed(store) == []


async def test_a_conversation_has_an_end_and_another_begins(
    database: Database, delivery: Delivery, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.mail.smtp, "MOST_IN_CONVERSATION", 4)
    post.open()
    await put(database, *(f"member{number}@acme.test" for number in range(10)))
    await send_out(delivery)
    assert (len(post.mails), post.conversations) == (10, 3)


async def test_one_workspace_does_not_keep_another_waiting(database: Database, delivery: Delivery, post: Post) -> None:
    post.open()
    await put(database, *(f"member{number}@acme.test" for number in range(9)))
    await put(database, "gil@globex.test", workspace=GLOBEX)
    await send_out(delivery)
    assert "gil@globex.test" in post.receivers[:2]


@pytest.mark.sqlite
async def test_finding_the_next_mail_is_no_more_work_when_many_wait(database: Database, store: Store) -> None:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    async def find() -> int:
        """How many steps of SQLite's machine it takes."""
        nonlocal steps
        async with database.read() as transaction:
            raw: Any = (await (await transaction.connection()).get_raw_connection()).driver_connection
            await raw.set_progress_handler(count, 1)
            steps = 0
            assert await find_next(transaction, ACME)
            await raw.set_progress_handler(None, 1)
        return steps

    await put(database, *(f"member{number}@acme.test" for number in range(5)))
    few = await find()
    await put(database, *(f"crowd{number}@acme.test" for number in range(500)))
    await put(database, *(f"crowd{number}@globex.test" for number in range(500)), workspace=GLOBEX)
    assert await find() <= few + 50


async def test_a_domain_goes_as_punycode_and_a_name_that_the_server_cannot_take_is_that_mail_s_own_fault(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.open()
    await put(database, "josé@exämple.test", "eva@exämple.test", "a@☃☃.test", "bruno@acme.test")
    await send_out(delivery)
    assert post.receivers == ["eva@xn--exmple-cua.test", "bruno@acme.test"]
    assert waiting(store) == []
    (name, tries), (domain, _) = failed(store)
    assert "SMTPUTF8" in name
    assert tries == 1
    assert "none that mail can go to" in domain
    assert delivery.failures == 0


async def test_a_server_with_smtputf8_takes_every_name(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.smtputf8 = True
    post.open()
    await put(database, "josé@exämple.test", "eva@acme.test")
    await send_out(delivery)
    assert post.receivers == ["josé@xn--exmple-cua.test", "eva@acme.test"]
    assert waiting(store) == failed(store) == []


@pytest.mark.parametrize(
    "answer",
    [
        "554 5.7.1 <carla@acme.test>: Relay access denied",
        "550 5.1.8 Sender address rejected: domain not found",
        "530 5.7.0 Authentication required",
        "550 relaying denied",
    ],
)
async def test_no_mail_is_lost_by_what_the_server_has_against_the_sender(
    database: Database, store: Store, delivery: Delivery, post: Post, answer: str
) -> None:
    post.at_receiver = {"carla@acme.test": answer}
    post.open()
    await put(database, "carla@acme.test")
    await send_out(delivery)
    assert waiting(store) == [("carla@acme.test", 1)]
    assert failed(store) == []


async def test_a_server_that_breaks_off_at_one_mail_sends_few_copies_and_all_the_others(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.breaks_off_at = {"carla@acme.test"}
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test", "bruno@acme.test")
    await send_out(delivery)
    assert post.receivers == ["carla@acme.test", "davi@acme.test", "bruno@acme.test"]
    assert waiting(store) == [("carla@acme.test", 1)]
    for _ in range(MOST_BROKEN_OFF + 3):
        let_them_be_due(store)
        await send_out(delivery)
    assert post.receivers.count("carla@acme.test") == MOST_BROKEN_OFF
    assert len({mail["message-id"] for mail in post.mails}) == 3
    assert waiting(store) == []
    assert failed(store)[0][1] == MOST_BROKEN_OFF
    await put(database, "eva@acme.test")
    await send_out(delivery)
    assert post.receivers[-1] == "eva@acme.test"


async def test_a_mail_that_was_put_off_often_is_not_given_up_at_the_first_time_that_the_server_breaks_off(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.at_receiver = {"carla@acme.test": "450 greylisted"}
    post.open()
    await put(database, "carla@acme.test")
    for _ in range(MOST_BROKEN_OFF + 2):
        let_them_be_due(store)
        await send_out(delivery)
    post.at_receiver, post.breaks_off_at = {}, {"carla@acme.test"}
    for _ in range(MOST_BROKEN_OFF - 1):
        let_them_be_due(store)
        await send_out(delivery)
        assert failed(store) == []
    let_them_be_due(store)
    await send_out(delivery)
    assert post.receivers == ["carla@acme.test"] * MOST_BROKEN_OFF
    assert [attempts for _, attempts in failed(store)] == [2 * MOST_BROKEN_OFF + 2]


def let_the_server_be_asked(delivery: Delivery, store: Store) -> None:
    delivery.closed_until = None
    let_them_be_due(store)


@pytest.mark.parametrize("word", ["", "421 too many of you"])
async def test_a_server_that_goes_away_before_it_knows_of_a_mail_is_no_fault_of_the_mail(
    database: Database, store: Store, delivery: Delivery, post: Post, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.mail.delivery, "MOST_MAIL_ATTEMPTS", 4)
    tries = 4 + 3
    post.at_sender = word
    post.hangs_up_at = () if word else range(1, tries + 1)
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test")
    for number in range(tries):
        let_the_server_be_asked(delivery, store)
        await send_out(delivery)
        assert (post.begun, delivery.failures) == (number + 1, number + 1)  # and no other is tried meanwhile
    assert waiting(store) == [("carla@acme.test", 0), ("davi@acme.test", 0)]
    post.at_sender = ""
    let_the_server_be_asked(delivery, store)
    await send_out(delivery)
    assert sorted(post.receivers) == ["carla@acme.test", "davi@acme.test"]
    assert (delivery.failures, failed(store), waiting(store)) == (0, [], [])


async def test_a_mail_at_which_the_server_goes_away_lets_the_others_go_first(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.hangs_up_at = {1}
    post.open()
    await put(database, "carla@acme.test", urgency=Urgency.AT_ONCE)
    await put(database, "davi@acme.test")
    await send_out(delivery)
    assert post.receivers == []
    delivery.closed_until = None
    await send_out(delivery)
    assert post.receivers == ["davi@acme.test"]
    let_them_be_due(store)
    await send_out(delivery)
    assert post.receivers == ["davi@acme.test", "carla@acme.test"]


async def test_a_server_that_has_enough_of_a_conversation_gets_another(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.hangs_up_at = {3}
    post.open()
    everybody = [f"member{number}@acme.test" for number in range(4)]
    await put(database, *everybody)
    await send_out(delivery)
    assert (post.receivers, post.conversations, delivery.failures) == (everybody, 2, 0)
    assert waiting(store) == []


async def test_a_server_that_says_nothing_more_at_one_mail_keeps_no_other_from_going(
    database: Database, store: Store, delivery: Delivery, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.mail.smtp, "TAKING_SECONDS", 0.5)
    post.silent_at = {"carla@acme.test"}
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test")
    await send_out(delivery)
    assert post.receivers[-1] == "davi@acme.test"
    assert waiting(store) == [("carla@acme.test", 1)]


async def test_what_is_urgent_goes_past_a_mail_at_which_the_server_says_nothing_more(
    database: Database, store: Store, delivery: Delivery, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.mail.delivery, "PASSED_AFTER", 0.05)
    post.silent_at = {"carla@acme.test"}
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test")
    sending = asyncio.create_task(delivery.step())
    await post.wait(1)
    await put(database, "ana@acme.test", urgency=Urgency.AT_ONCE)
    assert [mail["to"] for mail in await post.wait(2)] == ["carla@acme.test", "ana@acme.test"]
    sending.cancel()
    await asyncio.wait({sending})
    assert waiting(store) == [("carla@acme.test", 1), ("davi@acme.test", 0)]


@pytest.mark.parametrize("place", ["at_sender", "at_receiver", "answers"])
async def test_where_the_server_says_what_is_no_answer_the_other_mails_go_in_another_conversation(
    database: Database, store: Store, delivery: Delivery, post: Post, place: str
) -> None:
    garbled = "what was that?"
    setattr(
        post, place, {"at_sender": garbled, "at_receiver": {"carla@acme.test": garbled}, "answers": [garbled]}[place]
    )
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test", "bruno@acme.test")
    await send_out(delivery)
    if place == "at_sender":  # then the server can't be talked to, which no mail can help
        assert (post.receivers, delivery.failures) == ([], 1)
        post.at_sender = ""
        let_the_server_be_asked(delivery, store)
        await send_out(delivery)
        assert sorted(post.receivers) == ["bruno@acme.test", "carla@acme.test", "davi@acme.test"]
    else:
        assert post.receivers == ["davi@acme.test", "bruno@acme.test"]
        assert waiting(store) == [("carla@acme.test", 1)]
        assert store.rows("SELECT broken_off FROM mail") == [(1,)]


@pytest.mark.parametrize("answer", ["451 come back later", "450 greylisted", "421 not now"])
async def test_who_is_not_taken_for_now_goes_behind_the_others_and_comes_at_last(
    database: Database, store: Store, delivery: Delivery, post: Post, answer: str
) -> None:
    post.at_receiver = {"carla@acme.test": answer}
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test")
    await send_out(delivery)
    assert post.receivers == ["davi@acme.test"]
    assert waiting(store) == [("carla@acme.test", 1)]
    post.at_receiver = {}
    let_them_be_due(store)
    await send_out(delivery)
    assert post.receivers == ["davi@acme.test", "carla@acme.test"]
    assert waiting(store) == failed(store) == []


async def test_who_is_never_taken_is_given_up_and_operators_read_why_but_not_to_whom(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.at_receiver = {"carla@acme.test": "550 no mailbox carla@acme.test", "davi@acme.test": "451 later"}
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test")
    await send_out(delivery)
    assert failed(store) == [("550 no mailbox …", 1)]
    async with database.count() as transaction:
        installation = await read_installation(transaction)
    page = render("en", "operators/_installation.html", installation=installation)
    assert '<td class="title">acme</td>' in page
    assert "550 no mailbox …" in page
    assert "carla" not in page
    store.rows(f"UPDATE mail SET attempts = {MOST_MAIL_ATTEMPTS - 1}, due_at = '{LONG_AGO}'")
    await send_out(delivery)
    assert failed(store)[1] == ("451 later", MOST_MAIL_ATTEMPTS)
    assert waiting(store) == []


async def test_a_sender_that_is_refused_loses_no_mail(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.at_sender = "553 not yours"
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test")
    await send_out(delivery)
    assert waiting(store) == [("carla@acme.test", 1), ("davi@acme.test", 1)]
    post.at_sender = ""
    let_them_be_due(store)
    await send_out(delivery)
    assert sorted(post.receivers) == ["carla@acme.test", "davi@acme.test"]


async def test_a_mail_of_which_processes_die_is_not_tried_for_ever(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test")
    store.rows(f"UPDATE mail SET attempts = {MOST_MAIL_ATTEMPTS} WHERE payload ->> 'receiver' = 'carla@acme.test'")
    await send_out(delivery)
    assert post.receivers == ["davi@acme.test"]
    assert failed(store) == [("it was tried too often", MOST_MAIL_ATTEMPTS + 1)]


async def test_a_mail_that_was_taken_is_not_sent_again_when_that_could_not_be_written_down(
    database: Database, store: Store, delivery: Delivery, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.open()
    await put(database, "carla@acme.test", "davi@acme.test")
    with monkeypatch.context() as broken:

        async def fail(settlement: Settlement, transaction: Transaction) -> None:
            raise TimeoutError("others have been writing for 10 s")

        broken.setattr(Settlement, "write", fail)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await delivery.step()
        let_them_be_due(store)
    assert post.receivers == ["carla@acme.test"]
    await send_out(delivery)
    assert post.receivers == ["carla@acme.test", "davi@acme.test"]
    assert waiting(store) == []


async def test_nothing_in_a_name_becomes_a_header_or_another_receiver(
    database: Database, store: Store, delivery: Delivery, post: Post
) -> None:
    post.open()
    await put(database, "carla@acme.test", subject="Ana\r\nBcc: all@acme.test\n\nand \x07\x1b\u202eback\u2028more")
    await put(database, "a@acme.test, b@acme.test", "c@acme.test\r\nBcc: d@acme.test")
    await send_out(delivery)
    (mail,) = post.mails
    assert mail["subject"] == "Ana Bcc: all@acme.test and back more"
    assert mail["bcc"] is None
    assert plain(mail).strip() == "Good morning."
    assert len(failed(store)) == 2
    assert waiting(store) == []


@pytest.fixture
def certificate(tmp_path: Path, post: Post) -> Path:
    """The certificate of the mail server, which speaks TLS from now on."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    more = ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *words.split(), *more], check=True, capture_output=True)
    post.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    post.tls.load_cert_chain(certificate, key)
    return certificate


async def test_starttls_before_anything_is_said(
    database: Database,
    store: Store,
    delivery: Delivery,
    post: Post,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post.open()
    delivery.server.settings = settings_for(f"smtp+starttls://localhost:{post.port}")
    await put(database, "carla@acme.test")
    assert not await delivery.step()  # nobody vouches for it
    assert (delivery.failures, waiting(store)) == (1, [("carla@acme.test", 0)])
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    delivery.closed_until = None
    await send_out(delivery)
    assert post.receivers == ["carla@acme.test"]
