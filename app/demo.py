"""The demo: two small libraries to try, with old books whose facts are real."""

from __future__ import annotations

import random
from itertools import islice

from msgspec import Struct
from sqlalchemy import select

from app.accounts.hashing import hash_password
from app.accounts.members import Member, Role, add_member, find_member
from app.chat.new_rooms import ensure_general
from app.chat.posting import post_message
from app.chat.reading import mark_read_up_to
from app.database import Database, Tenant, Transaction
from app.notifications.inbox import mark_notifications_read as mark_notified
from app.operators.operators import add_operator
from app.records.adding import create_record, create_records
from app.records.changes import change_record
from app.records.collections import get_collection
from app.records.fields import list_fields
from app.records.keys import RecordKey
from app.records.records import Record
from app.records.revisions import Revision
from app.tenants.workspaces import create_workspace

OPERATOR = "op@hero.test"
PASSWORD = "mutirao-demo"  # noqa: S105  (printed for everybody to see)


class DemoPerson(Struct, frozen=True):
    """Somebody in the demo; the first of a workspace is its owner."""

    name: str
    email: str
    role: Role


class Workspace(Struct, frozen=True):
    """A workspace of the demo.

    Books are lines of `title | author | year | language | status`, talk is lines of `name: message`.
    """

    slug: str
    name: str
    people: tuple[DemoPerson, ...]
    books: str
    talk: str
    language: str = "en"
    lent: str = "Lent"
    note: str = "Second copy has a torn cover; ask Davi before lending it."


WORKSPACES = (
    Workspace(
        "acme",
        "Biblioteca Acme",
        (
            DemoPerson("Ana", "ana@acme.test", "owner"),
            DemoPerson("Bruno", "bruno@acme.test", "admin"),
            DemoPerson("Carla", "carla@acme.test", "member"),
            DemoPerson("Davi", "davi@acme.test", "member"),
        ),
        """
        Os Lusíadas | Luís de Camões | 1572 | Portuguese | On the shelf
        Dom Quixote | Miguel de Cervantes | 1605 | Spanish | On the shelf
        Hamlet | William Shakespeare | 1603 | English | Lent
        Robinson Crusoe | Daniel Defoe | 1719 | English | On the shelf
        Gulliver's Travels | Jonathan Swift | 1726 | English | On the shelf
        Candide | Voltaire | 1759 | French | On the shelf
        Marília de Dirceu | Tomás Antônio Gonzaga | 1792 | Portuguese | On the shelf
        Pride and Prejudice | Jane Austen | 1813 | English | Lent
        Frankenstein | Mary Shelley | 1818 | English | On the shelf
        Eugénie Grandet | Honoré de Balzac | 1833 | French | On the shelf
        A Moreninha | Joaquim Manuel de Macedo | 1844 | Portuguese | On the shelf
        Jane Eyre | Charlotte Brontë | 1847 | English | On the shelf
        Wuthering Heights | Emily Brontë | 1847 | English | Lost
        Moby-Dick | Herman Melville | 1851 | English | On the shelf
        Memórias de um Sargento de Milícias | Manuel Antônio de Almeida | 1854 | Portuguese | On the shelf
        Walden | Henry David Thoreau | 1854 | English | On the shelf
        Madame Bovary | Gustave Flaubert | 1857 | French | Lent
        O Guarani | José de Alencar | 1857 | Portuguese | On the shelf
        Úrsula | Maria Firmina dos Reis | 1859 | Portuguese | Ordered
        Les Misérables | Victor Hugo | 1862 | French | On the shelf
        Amor de Perdição | Camilo Castelo Branco | 1862 | Portuguese | On the shelf
        Alice's Adventures in Wonderland | Lewis Carroll | 1865 | English | On the shelf
        Iracema | José de Alencar | 1865 | Portuguese | Lent
        Crime and Punishment | Fyodor Dostoevsky | 1866 | Russian | On the shelf
        Little Women | Louisa May Alcott | 1868 | English | On the shelf
        Middlemarch | George Eliot | 1871 | English | On the shelf
        Around the World in Eighty Days | Jules Verne | 1872 | French | On the shelf
        A Escrava Isaura | Bernardo Guimarães | 1875 | Portuguese | On the shelf
        Anna Karenina | Leo Tolstoy | 1878 | Russian | On the shelf
        O Primo Basílio | Eça de Queirós | 1878 | Portuguese | On the shelf
        Memórias Póstumas de Brás Cubas | Machado de Assis | 1881 | Portuguese | On the shelf
        O Mulato | Aluísio Azevedo | 1881 | Portuguese | On the shelf
        Treasure Island | Robert Louis Stevenson | 1883 | English | On the shelf
        Adventures of Huckleberry Finn | Mark Twain | 1884 | English | Lent
        Os Maias | Eça de Queirós | 1888 | Portuguese | On the shelf
        O Ateneu | Raul Pompeia | 1888 | Portuguese | On the shelf
        O Cortiço | Aluísio Azevedo | 1890 | Portuguese | On the shelf
        Quincas Borba | Machado de Assis | 1891 | Portuguese | On the shelf
        Dracula | Bram Stoker | 1897 | English | On the shelf
        Dom Casmurro | Machado de Assis | 1899 | Portuguese | On the shelf
        Os Sertões | Euclides da Cunha | 1902 | Portuguese | Lent
        Triste Fim de Policarpo Quaresma | Lima Barreto | 1915 | Portuguese | On the shelf
        """,
        """
        Ana: Good morning! The new shelf for the Portuguese classics arrives on **Thursday**.
        Davi: Finally. I can be here from nine on to help carry.
        Bruno: I have gone through the loans. Four books are late, #40 is one of them.
        Carla: That one is with my neighbour. She promises to bring it back this week.
        Ana: Thank you, Carla. Could somebody check whether the torn cover can be mended?
        Davi: I'll take it to the binder as soon as it is here.
        """,
    ),
    Workspace(
        "globex",
        "Globex Reading Room",
        (
            DemoPerson("Gil", "gil@globex.test", "owner"),
            DemoPerson("Hana", "hana@globex.test", "member"),
        ),
        """
        Gilgamesh | Sîn-lēqi-unninni | | Akkadian | Ordered
        The Odyssey | Homer | | Ancient Greek | On the shelf
        The Art of War | Sun Tzu | | Chinese | On the shelf
        The Tale of Genji | Murasaki Shikibu | | Japanese | On the shelf
        The Divine Comedy | Dante Alighieri | 1321 | Italian | Lent
        The Decameron | Giovanni Boccaccio | 1353 | Italian | On the shelf
        Utopia | Thomas More | 1516 | Latin | On the shelf
        The Prince | Niccolò Machiavelli | 1532 | Italian | On the shelf
        Essays | Michel de Montaigne | 1580 | French | On the shelf
        Paradise Lost | John Milton | 1667 | English | On the shelf
        The Sorrows of Young Werther | Johann Wolfgang von Goethe | 1774 | German | Lent
        The Time Machine | H. G. Wells | 1895 | English | On the shelf
        """,
        """
        Gil: Welcome to our reading room, Hana!
        Hana: Thank you. I'll begin with the books that have no author yet.
        """,
    ),
)


async def seed_demo(database: Database) -> bool:
    """Make the demo's workspaces. False when they are there already."""
    async with database.read() as transaction:
        if await transaction.scalar(select(Tenant.id).where(Tenant.slug == WORKSPACES[0].slug)):
            return False
    async with database.write() as transaction:
        await add_operator(transaction, email=OPERATOR, password_hash=await hash_password(PASSWORD))
    for workspace in WORKSPACES:
        hashed = await hash_password(PASSWORD)
        async with database.write() as transaction:
            people = await seed_workspace(transaction, workspace, hashed)
        # What they were told of is written at the end of a transaction.
        async with database.write(people[0].tenant_id) as transaction:
            for person in people:
                await mark_notified(transaction, await transaction.get_one(Member, person.id))
    return True


async def seed_workspace(transaction: Transaction, workspace: Workspace, password_hash: str) -> list[Member]:
    """Make one workspace with its books and people, who are returned."""
    first, *others = workspace.people
    people = [
        await create_workspace(
            transaction,
            slug=workspace.slug,
            name=workspace.name,
            language=workspace.language,
            owner=first.name,
            email=first.email,
            password_hash=password_hash,
        )
    ]
    for person in others:
        people.append(
            await add_member(
                transaction,
                email=person.email,
                name=person.name,
                role=person.role,
                password_hash=password_hash,
                founding=True,
            )
        )
    books = await get_collection(transaction, "books")
    for index, line in enumerate(filter(None, map(str.strip, workspace.books.splitlines()))):
        title, author, year, language, status = (part.strip() for part in line.split("|"))
        typed = {
            "title": title,
            "author": author,
            "year": year,
            "language": language,
            "status": status,
        }
        record = await create_record(transaction, books, typed, people[index % len(people)])
        if title == "Dom Casmurro":
            typed = {**typed, "notes": workspace.note}
            await change_record(transaction, books, record, typed, people[0], version=1)
            await change_record(transaction, books, record, {**typed, "status": workspace.lent}, people[1], version=2)
    await talk(transaction, workspace, people)
    return people


async def talk(transaction: Transaction, workspace: Workspace, people: list[Member]) -> None:
    """Let people say something in the general room; everybody has read it."""
    room = await ensure_general(transaction)
    named = {person.name: person for person in people}
    for index, line in enumerate(filter(None, map(str.strip, workspace.talk.splitlines()))):
        name, _, text = line.partition(": ")
        await post_message(transaction, room, named[name], key=f"demo-{index}", text=text, origin="")
    for person in people:
        await mark_read_up_to(transaction, room, person, room.last_number)


async def add_many_books(transaction: Transaction, count: int) -> None:
    """Add made-up books, the same ones each time."""
    dice = random.Random(count)  # noqa: S311  (not a secret)
    books = await get_collection(transaction, "books")
    author = await find_member(transaction, WORKSPACES[0].people[0].email)
    assert isinstance(author, Member)  # noqa: S101
    lines = [line.split("|") for workspace in WORKSPACES for line in workspace.books.strip().splitlines()]
    words = sorted({word.strip(" '") for line in lines for word in line[0].split() if len(word) > 3})
    names = sorted({line[1].strip() for line in lines})
    choices = next(field.choices for field in await list_fields(transaction, books) if field.key == "status")
    statuses = [choice["name"] for choice in choices]
    made = (
        {
            "title": " ".join(dice.sample(words, dice.randint(2, 4))),
            "author": dice.choice(names),
            "year": str(dice.randint(1500, 2020)),
            "isbn": f"978-{dice.randint(0, 9)}-{index:07d}-{dice.randint(0, 9)}",
            "language": dice.choice(("Portuguese", "English", "French")),
            "status": dice.choice(statuses),
        }
        for index in range(count)
    )
    while rows := list(islice(made, 1000)):
        await create_records(transaction, books, rows, author)
        for added in list(transaction):
            if isinstance(added, Record | RecordKey | Revision):
                transaction.expunge(added)
