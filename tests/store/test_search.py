"""Full text of the journal: found as people write, and true after everything that changes a message."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bridge.contract.events import EDIT, OWN_MESSAGE, REVOKE, SENT_MESSAGE, EventBody
from bridge.contract.messages import MessageBody
from bridge.contract.payload import instant
from bridge.ports import FoundPage, JournalRecord, TextQuery
from bridge.store import SessionStore, StoreLimits, open_store, schema
from bridge.store.erasure import erase_session, wipe
from bridge.store.redaction import ErasedPerson
from bridge.store.search import index_next
from tests.store.conftest import Opener, SetClock
from tests.store.samples import DAY, GROUP, OTHER_PN, PN

AT = 1_700_000_000


def message(number: int, text: str, chat: str = PN, **more: object) -> MessageBody:
    fields = {"id": f"false_{chat}_3EB{number:04}", "from": chat, "chat": chat, "author": chat, "body": text}
    return MessageBody.model_validate(
        {**fields, "type": "chat", "timestamp": AT + number, "cliente_id": 51, "late": False, **more}
    )


def record(number: int, text: str, chat: str = PN, **more: object) -> JournalRecord:
    body = message(number, text, chat, **more).to_json()
    return JournalRecord(chat, f"3EB{number:04}", None, AT + number, "chat", f"{number}", body)


def event(kind: str, **fields: object) -> str:
    return EventBody.model_validate({"kind": kind, "at": instant(AT), **fields}).to_json()


async def found(store: SessionStore, *words: str, **more: object) -> list[str]:
    """The texts with the marked pieces in brackets, newest first."""
    return shown(await store.search.find(TextQuery(words, **more)))  # type: ignore[arg-type]


def shown(page: FoundPage) -> list[str]:
    return ["".join(f"[{text}]" if marked else text for text, marked in one.snippet) for one in page.messages]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Te mando la CANCIÓN", ("cancion",)),
        ("una cancion", ("canción",)),
        ("el pingüino Ñandú", ("ñandu", "pinguino")),
        ("la factura de marzo", ("marzo", "fact")),  # the last word may go on
        ("correo ana.perez@example.com", ("ana.perez@example.com",)),
        ("AND OR NOT NEAR", ("AND", "NOT")),
        ('dijo "hola" y se fue', ('"hola"',)),
        ("a*b", ("a*b",)),
        ("text:hola", ("text:hola",)),
        ("precio (total) -10%", ("(total)", "-10%")),
        ("מחר בשעה שמונה", ("בשעה",)),
        ("الفاتورة جاهزة", ("الفات",)),
        ("отправил счёт", ("СЧЁТ",)),
        ("listo 🎉 gracias", ("gracias",)),
    ],
)
async def test_what_a_person_types_is_found(store: SessionStore, text: str, words: tuple[str, ...]) -> None:
    await store.journal.append([record(1, text), record(2, "otra cosa")])
    page = await store.search.find(TextQuery(words))
    assert ["".join(piece for piece, _ in one.snippet) for one in page.messages] == [text]
    assert any(marked for _, marked in page.messages[0].snippet)
    assert page.complete


@pytest.mark.parametrize(
    "words", [('"',), ("*",), ("a OR",), ("NEAR(", ")"), ('""hola',), ("^hola",), ("{text}:",), ("-",), ("𞤀",)]
)
async def test_signs_are_no_syntax(store: SessionStore, words: tuple[str, ...]) -> None:
    await store.journal.append([record(1, "hola")])
    await store.search.find(TextQuery(words))  # raises nothing


async def test_what_was_found_is_marked_and_long_texts_are_cut(store: SessionStore) -> None:
    text = f"{'antes ' * 40}la canción{' después' * 40}"
    await store.journal.append([record(1, text), record(2, "con \x02marcas\x03 propias")])
    (cut,) = await found(store, "cancion")
    assert "[canción]" in cut
    assert (cut[0], cut[-1]) == ("…", "…")
    assert len(cut) < 150
    assert await found(store, "marcas") == ["con [marcas] propias"]


async def test_pages_go_from_the_newest_to_the_oldest(store: SessionStore) -> None:
    await store.journal.append([record(number, f"pedido {number}") for number in range(1, 8)])
    seqs, before = [], None
    while True:
        page = await store.search.find(TextQuery(("pedido",), before=before, limit=3))
        seqs.append([one.seq for one in page.messages])
        if not page.more:
            break
        before = page.messages[-1].item
    assert seqs == [[7, 6, 5], [4, 3, 2], [1]]


async def test_filters(store: SessionStore) -> None:
    await store.journal.append([record(1, "pago uno"), record(2, "pago dos", OTHER_PN), record(3, "pago tres", GROUP)])
    own = message(4, "pago cuatro", OTHER_PN, id=f"true_{OTHER_PN}_3EBA").model_dump(by_alias=True)
    await store.journal.append_event(event(SENT_MESSAGE, message=own), kind=SENT_MESSAGE)
    assert await found(store, "pago", chats=frozenset({OTHER_PN})) == ["[pago] cuatro", "[pago] dos"]
    assert await found(store, "pago", from_me=True) == ["[pago] cuatro"]
    assert await found(store, "pago", from_me=False, since=AT + 2, until=AT + 3) == ["[pago] dos"]
    assert await found(store, "pago", since=AT + 3.5) == ["[pago] cuatro"]


async def test_names_of_files_are_found(store: SessionStore) -> None:
    await store.journal.append(
        [record(1, "", media={"filename": "Presupuesto marzo.pdf", "mimetype": "application/pdf"})]
    )
    assert await found(store, "presupuesto") == ["[Presupuesto] marzo.pdf"]


async def test_an_edited_message_has_its_last_text_and_a_revoked_one_none(store: SessionStore) -> None:
    own = message(2, "nos vemos el lunes", id=f"true_{PN}_3EBA").model_dump(by_alias=True)
    await store.journal.append([record(1, "la reunión es el lunes")])
    await store.journal.append_event(event(OWN_MESSAGE, message=own), kind=OWN_MESSAGE)
    assert len(await found(store, "lunes")) == 2
    await store.journal.append_event(event(EDIT, message_id=f"false_{PN}_3EB0001", body="la reunión es el martes"))
    assert await found(store, "lunes") == ["nos vemos el [lunes]"]
    assert await found(store, "martes") == ["la reunión es el [martes]"]
    await store.journal.append_event(event(REVOKE, message_id=f"true_{PN}_3EBA", by=PN))
    assert await found(store, "vemos") == []


async def test_retention_takes_messages_out(store: SessionStore, clock: SetClock) -> None:
    await store.journal.append([record(1, "viejo"), record(2, "viejo también")])
    assert len(await found(store, "viejo")) == 2
    clock.seconds += 2 * DAY
    await store.journal.append([record(3, "nuevo")])
    await store.compact(max_age=DAY, max_bytes=10**9)
    assert await found(store, "viejo") == []
    assert await found(store, "nuevo") == ["[nuevo]"]
    await is_true_of(store)


async def test_an_erased_person_is_in_no_index_and_no_file(opener: Opener, path: Path) -> None:
    async with opener() as store:
        await store.journal.append(
            [
                record(1, "mi clave es zanahoria"),
                record(2, "avisale a @5491155500001 el jueves", OTHER_PN),
                record(3, "otro tema", OTHER_PN),
            ]
        )
        edit = event(EDIT, message_id=f"false_{OTHER_PN}_3EB0003", body="decile a @5491155500001 repollo")
        await store.journal.append_event(edit, kind=EDIT)
        assert [len(await found(store, word)) for word in ("zanahoria", "repollo", "jueves")] == [1, 1, 1]
        person = ErasedPerson.of("5491155500001")
        await asyncio.to_thread(erase_session, path, person, marks=False)
        await asyncio.to_thread(wipe, path, "migrations", beside_a_bridge=True)
        assert [await found(store, word) for word in ("zanahoria", "repollo", "5491155500001")] == [[], [], []]
        assert await found(store, "jueves") == ["avisale a @… el [jueves]"]
        await is_true_of(store)
    kept = await asyncio.to_thread(path.read_bytes)
    assert [word for word in (b"zanahoria", b"repollo", b"anahoria") if word in kept] == []


async def test_the_index_of_a_file_change_keeps_an_edited_caption(store: SessionStore) -> None:
    """The bridge rewrites an item when its file is there."""
    await store.journal.append([record(1, "foto del lunes", media={"filename": "a.jpg", "mimetype": "image/jpeg"})])
    await store.journal.append_event(event(EDIT, message_id=f"false_{PN}_3EB0001", body="foto del martes"))
    assert await found(store, "martes") == ["foto del [martes]"]
    await execute(store, "UPDATE journal SET body = json_set(body, '$.media.state', 'ready')")
    assert await found(store, "martes") == ["foto del [martes]"]
    await is_true_of(store)


async def test_a_journal_of_an_earlier_version_is_indexed_in_slices(path: Path, clock: SetClock) -> None:
    async with open_store(path, now=clock) as store:
        await store.journal.append([record(number, f"mensaje {number}") for number in range(1, 1001)])
    async with open_store(path, now=clock) as store:
        slices = [spent async for spent in store.search.work()]
        assert len(slices) > 3
        assert (await store.search.find(TextQuery(("mensaje", "999")))).complete
        assert await found(store, "mensaje", "1000") == ["[mensaje] [1000]"]


async def test_a_search_says_that_not_everything_is_indexed_yet(opener: Opener) -> None:
    async with opener(limits=StoreLimits(search_catch_up=0.0)) as store:
        await store.journal.append([record(number, f"mensaje {number}") for number in range(1, 301)])
        page = await store.search.find(TextQuery(("mensaje",)))
        assert not page.complete


async def test_the_index_follows_by_itself(opener: Opener) -> None:
    limits = StoreLimits(index_quiet=0.01, search_catch_up=0.0)  # a search does not help
    async with opener(limits=limits) as store:
        running = asyncio.create_task(store.search.run())
        await store.journal.append([record(1, "hola")])
        async with asyncio.timeout(10):
            await until_found(store, "hola")
            await store.journal.append([record(2, "chau")])
            await until_found(store, "chau")
        running.cancel()


def test_a_store_of_the_version_before_is_migrated(path: Path) -> None:
    path.parent.mkdir(parents=True)
    steps = schema.migrations()
    number = next(index for index, step in enumerate(steps) if "search_messages" in step)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.migrate(connection, steps[:number])
        connection.execute(
            "INSERT INTO journal VALUES (1, 'in', 1, 0, NULL, 2, ?)", (message(1, "de antes").to_json(),)
        )
        connection.execute("INSERT INTO journal VALUES (2, 'in', 2, 0, NULL, 2, 'no JSON')")
        schema.migrate(connection, steps)
        assert index_next(connection, 100) == 2
        assert connection.execute("SELECT text FROM search_messages").fetchall() == [("de antes",)]
        connection.execute("DELETE FROM journal")
        assert connection.execute("SELECT count(*) FROM search_messages").fetchone() == (0,)


async def until_found(store: SessionStore, word: str) -> None:
    while not await found(store, word):  # noqa: ASYNC110 - the index announces nothing
        await asyncio.sleep(0.01)


async def is_true_of(store: SessionStore) -> None:
    """FTS5 compares the index with its content."""
    await execute(store, "INSERT INTO search_index (search_index, rank) VALUES ('integrity-check', 1)")


async def execute(store: SessionStore, statement: str) -> None:
    await store.database.write(lambda connection: connection.execute(statement).rowcount)
