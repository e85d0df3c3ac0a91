"""Kinds of notifications: in which order they are listed, and that thousands of notifications go at once."""

from __future__ import annotations

import re
from contextlib import aclosing

import pytest
from sqlalchemy import func, select

from app.accounts.members import find_member
from app.database import Database, Transaction
from app.notifications.accounts import ACCOUNT_KINDS
from app.notifications.kinds import install_kinds
from app.notifications.models import Activity, Notification
from app.notifications.notifications import Occasion, notify_all
from app.notifications.withdrawals import forget_subjects, withdraw
from tests.conftest import Server

ACME = 1
# More than SQLite takes of terms in one criterion.
MANY = 2_000


async def test_preferences_list_the_kinds_in_the_order_that_the_program_says(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        page = (await ana.get("/notifications/preferences")).text
    assert re.findall(r'<select name="mail-([\w-]+)"', page) == [
        *("newcomer", "role", "password", "sign-in", "ended"),
        *("mention", "reply", "direct", "discussion", "invitation"),
        "announcement",
        *("record-asked", "record-assigned", "record-followed", "record-added", "record-admin"),
        "app-maker",
        "webhook",
    ]


def test_two_kinds_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two kinds of notification are called newcomer"):
        install_kinds(ACCOUNT_KINDS, ACCOUNT_KINDS)


async def count_told(transaction: Transaction) -> tuple[int, int]:
    """How many activities there are of rooms that are not, and how many notifications of them."""
    counted = [
        await transaction.scalar(select(func.count(model.id)).where(model.subject_id > MANY))
        for model in (Activity, Notification)
    ]
    return counted[0] or 0, counted[1] or 0


async def tell_much(transaction: Transaction) -> list[tuple[tuple[str, int], int | None]]:
    """Tell one person of as many things; which these were."""
    carla = await find_member(transaction, "carla@acme.test")
    assert carla
    parts = [(("room", MANY + 1 + number // 2), number) for number in range(MANY)]
    await notify_all(transaction, [Occasion(subject, [("mention", [carla.id])], number=n) for subject, n in parts])
    assert await count_told(transaction) == (MANY, MANY)
    return [(subject, number) for subject, number in parts]


async def test_what_was_told_of_thousands_of_things_is_taken_back_at_once(database: Database) -> None:
    async with database.write(ACME) as transaction:
        parts = await tell_much(transaction)
        await withdraw(transaction, *parts[:-4])
        assert await count_told(transaction) == (4, 4), "the other parts of the same things stay"
        await withdraw(transaction, (parts[-1][0], None), parts[-4])
        assert await count_told(transaction) == (1, 1), "a whole thing and a part"


async def test_thousands_of_things_are_forgotten_at_once(database: Database) -> None:
    async with database.write(ACME) as transaction:
        parts = await tell_much(transaction)
        await forget_subjects(transaction, "room", [number for (_, number), _ in parts])
        assert await count_told(transaction) == (0, 0)
