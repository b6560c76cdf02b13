"""Ten thousand random mutations of an audit, and what can't be found."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

import pytest

from service.audit.chain import FaultKind, Head, Row, Verdict, head_line, parse_head, verify
from service.audit.log import GENESIS, chained, encoded

MUTATIONS = 10_000
ROWS = 24
EXPORTED = (3, 4, 11, 17)
"""Heads after these; the rest is newer than the last export."""
START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)

Mutation = Callable[[random.Random, list[Row]], list[Row]]


def chain(
    length: int = ROWS, *, before: str = GENESIS, first: int = 1, who: str = "王"
) -> list[Row]:
    rows: list[Row] = []
    for seq in range(first, first + length):
        entry = {
            "seq": seq,
            "at": (START + timedelta(seconds=seq, microseconds=seq)).isoformat(),
            "actor": f"{who}{seq % 3}",
            "action": "camera.changed",
            "object_kind": "camera",
            "object_id": f"c{seq % 5}",
            "place_code": None if seq % 4 == 0 else "330106",
            "detail": {"name": {"old": "a", "new": f"摄像头 {seq}"}},
        }
        body = encoded(entry)
        before = chained(before, body)
        columns: Any = {name: value for name, value in entry.items() if name != "detail"}
        columns["at"] = datetime.fromisoformat(str(entry["at"]))
        rows.append(Row(**columns, body=body, hash=before))
    return rows


def heads(rows: list[Row]) -> list[Head]:
    return [Head(seq=n, hash=str(rows[n - 1].hash), at=START) for n in EXPORTED]


ORIGINAL = chain()
HEADS = heads(ORIGINAL)


def judged(rows: list[Row]) -> Verdict:
    return verify(iter(rows), iter(HEADS))


def edited(chance: random.Random, value: object) -> object:
    """Another value of a field: a byte changed, added or taken, or another type."""
    if isinstance(value, int):
        return chance.choice([value + 1, value - 1, -value, str(value), float(value), None, 2**70])
    if isinstance(value, datetime):
        return chance.choice(
            [value + timedelta(microseconds=1), value.replace(tzinfo=None), None, "x"]
        )
    if value is None:
        return chance.choice(["", "330106", 0])
    text = str(value)
    at = chance.randrange(len(text))
    other = chance.choice('0aA 烽\x00\ud800"')
    changed = [text[:at] + other + text[at + 1 :], text[:at] + other + text[at:]]
    changed += [text[:at] + text[at + 1 :], text.upper(), text.encode(), None]
    return chance.choice([one for one in changed if one != value])


def edit(chance: random.Random, rows: list[Row]) -> list[Row]:
    place = chance.randrange(len(rows))
    field = chance.choice(Row.__slots__)
    rows[place] = replace(rows[place], **{field: edited(chance, getattr(rows[place], field))})
    return rows


def edit_body_and_columns(chance: random.Random, rows: list[Row]) -> list[Row]:
    """Somebody who knows of the columns, but leaves the hash as it is."""
    place = chance.randrange(len(rows))
    row = rows[place]
    other = chain(1, before=GENESIS, first=place + 1, who="李")[0]
    rows[place] = replace(other, hash=row.hash)
    return rows


def delete_run(chance: random.Random, rows: list[Row]) -> list[Row]:
    first = chance.randrange(EXPORTED[-1])
    end = chance.randint(first + 1, len(rows))
    return rows[:first] + rows[end:]


def cut_tail(chance: random.Random, rows: list[Row]) -> list[Row]:
    return rows[: chance.randrange(EXPORTED[-1])]


def swap(chance: random.Random, rows: list[Row]) -> list[Row]:
    """Two rows in each other's place, with or without their numbers put right."""
    one, other = sorted(chance.sample(range(len(rows)), 2))
    first, second = rows[one], rows[other]
    if chance.random() < 0.5:
        first, second = replace(first, seq=second.seq), replace(second, seq=first.seq)
    rows[one], rows[other] = second, first
    return rows


def shuffle(chance: random.Random, rows: list[Row]) -> list[Row]:
    first = chance.randrange(len(rows) - 2)
    run = rows[first : chance.randint(first + 2, len(rows))]
    moved = run[1:] + run[:1]
    return rows[:first] + moved + rows[first + len(run) :]


def duplicate(chance: random.Random, rows: list[Row]) -> list[Row]:
    rows.insert(chance.randint(0, len(rows)), rows[chance.randrange(len(rows))])
    return rows


def insert(chance: random.Random, rows: list[Row]) -> list[Row]:
    """A forged row whose own hash is right, before others: these keep or renew their numbers."""
    place = chance.randrange(len(rows))
    before = str(rows[place - 1].hash) if place else GENESIS
    forged = chain(1, before=before, first=place + 1, who="李")
    rest = rows[place:]
    if chance.random() < 0.5:
        rest = [replace(row, seq=place + 2 + n) for n, row in enumerate(rest)]
    return rows[:place] + forged + rest


def rewrite_suffix(chance: random.Random, rows: list[Row]) -> list[Row]:
    """Everything from a row below the last head on, with every hash right."""
    first = chance.randrange(EXPORTED[-1])
    before = str(rows[first - 1].hash) if first else GENESIS
    length = chance.randint(EXPORTED[-1] - first, ROWS + 5)
    return rows[:first] + chain(length, before=before, first=first + 1, who="李")


def rewrite_prefix(chance: random.Random, rows: list[Row]) -> list[Row]:
    """Everything up to a row, with every hash of it right."""
    end = chance.randint(1, len(rows) - 1)
    return chain(end, who="李") + rows[end:]


MADE: list[Mutation] = [
    edit, edit, edit, edit_body_and_columns, delete_run, cut_tail, swap, shuffle, duplicate,
    insert, rewrite_suffix, rewrite_prefix,
]  # fmt: skip


def mutations(seed: int, count: int) -> Iterator[tuple[Mutation, list[Row]]]:
    chance = random.Random(seed)  # noqa: S311 - not a secret
    for number in range(count):
        made = MADE[number % len(MADE)]
        yield made, made(chance, list(ORIGINAL))


def first_difference(rows: list[Row]) -> int | None:
    """The number of the first row that isn't the original's, to the type of its fields."""
    pairs = enumerate(zip_longest(rows, ORIGINAL), 1)
    return next((n for n, (one, other) in pairs if repr(one) != repr(other)), None)


def test_ten_thousand_mutations_are_found() -> None:
    assert judged(ORIGINAL).fault is None
    kinds: dict[str, set[FaultKind]] = {}
    for number, (made, rows) in enumerate(mutations(20261122, MUTATIONS)):
        first = first_difference(rows)
        assert first is not None, f"{made.__name__} {number} changed nothing"
        verdict = judged(rows)
        found = verdict.fault
        assert found is not None, f"{made.__name__} {number} was not found"
        # What is said to be good is good; one change is found where it is, or one entry later.
        assert first > (verdict.exported.seq if verdict.exported else 0)
        if made not in {rewrite_prefix, rewrite_suffix}:
            assert found.seq in {first, first + 1}, (made.__name__, found, first)
        kinds.setdefault(made.__name__, set()).add(found.kind)
    assert kinds["cut_tail"] == {FaultKind.CUT}
    assert kinds["rewrite_suffix"] == {FaultKind.REWRITTEN}
    assert kinds["edit"] >= {FaultKind.ALTERED, FaultKind.COLUMNS}
    assert set().union(*kinds.values()) == set(FaultKind) - {FaultKind.HEADS_OUT_OF_ORDER}


@pytest.mark.parametrize("kept", range(EXPORTED[-1], ROWS))
def test_a_cut_or_rewrite_above_the_last_head_is_not_found(kept: int) -> None:
    """What is not claimed: whoever owns the database can change what was never exported."""
    assert judged(ORIGINAL[:kept]).fault is None
    forged = chain(ROWS - kept, before=str(ORIGINAL[kept - 1].hash), first=kept + 1, who="李")
    assert judged(ORIGINAL[:kept] + forged).fault is None


def test_without_heads_a_whole_chain_of_somebody_else_s_is_not_found() -> None:
    assert verify(chain(who="李"), []).fault is None
    assert verify([], []) == Verdict(entries=0, heads=0, exported=None, fault=None)


def test_a_verdict_tells_how_far_it_holds() -> None:
    verdict = judged(ORIGINAL)
    assert (verdict.entries, verdict.heads, verdict.exported) == (ROWS, 4, HEADS[-1])
    cut = judged(ORIGINAL[:12])
    assert (cut.entries, cut.exported) == (12, HEADS[2])
    assert cut.fault is not None
    assert (cut.fault.kind, cut.fault.seq) == (FaultKind.CUT, 13)
    assert "entries 13 to 17 are gone" in cut.fault.explanation
    assert "keep a copy" in cut.fault.explanation


def test_an_emptied_audit_is_a_cut() -> None:
    found = judged([]).fault
    assert found is not None
    assert (found.kind, found.seq) == (FaultKind.CUT, 1)


def test_heads_that_go_back_are_not_believed() -> None:
    found = verify(ORIGINAL, [HEADS[2], HEADS[0]]).fault
    assert found is not None
    assert found.kind is FaultKind.HEADS_OUT_OF_ORDER


def test_two_replicas_heads_of_the_same_entry_both_count() -> None:
    assert verify(ORIGINAL, sorted([*HEADS, *HEADS], key=lambda h: h.seq)).heads == 8


def test_any_number_of_rows_is_verified_in_constant_memory() -> None:
    import tracemalloc

    def many() -> Iterator[Row]:
        before = GENESIS
        for first in range(1, 5001, 100):
            hundred = chain(100, before=before, first=first)
            before = str(hundred[-1].hash)
            yield from hundred

    tracemalloc.start()
    verdict = verify(many(), [])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (verdict.entries, verdict.fault) == (5000, None)
    assert peak < 1_000_000


def test_a_line_of_heads_is_read_back_and_a_torn_one_is_none() -> None:
    head = HEADS[0]
    line = head_line(head)
    assert parse_head(line) == head
    for length in range(len(line)):
        assert parse_head(line[:length]) is None
    assert parse_head(line.replace(" ", "\t")) is None
    assert parse_head("0 " + line.split(" ", 1)[1]) is None
