"""What the store will not delete, or not now: it's tried again, and nothing waits behind it."""

import pytest

import service.evidence.keeper
from pipelines.evidence_store import EvidenceStoreError
from service import tables
from tests.service.evidence.kit import block, keeper, month_later, on_disk, put
from tests.service.helpers import Parts

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_one_piece_that_can_t_be_deleted_keeps_nothing_else_behind_it(given: Parts) -> None:
    refs = put(given, 5)
    in_the_way = block(given, refs[-1])  # due first
    made = keeper(given, month_later())
    made.mark()
    made.delete()
    assert on_disk(given) == {refs[-1]}
    assert [row["ref"] for row in given.rows(tables.evidence)] == [refs[-1]]
    assert given.count("fengsui_evidence_deleted_total", reason="expired") == 4
    assert given.count("fengsui_evidence_waiting") == 1
    in_the_way.rmdir()
    made.delete()
    assert on_disk(given) == set()
    assert given.rows(tables.evidence) == []


def test_a_batch_of_what_can_t_be_deleted_keeps_nothing_else_behind_it(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.evidence.keeper, "BATCH", 2)
    refs = put(given, 6)
    for ref in refs[-3:]:
        block(given, ref)
    made = keeper(given, month_later())
    made.mark()
    for _ in range(4):
        made.delete()
    assert on_disk(given) == set(refs[-3:])


def test_a_store_that_is_away_is_asked_once_a_round_not_for_each(
    given: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(given, 5)
    made = keeper(given, month_later())
    made.mark()

    def away(*_: object) -> None:
        raise EvidenceStoreError("away")

    for name in ("delete", "parts"):
        monkeypatch.setattr(made._store, name, away)
    made.delete()
    for call in ("delete", "probe"):
        assert given.count("fengsui_evidence_store_errors_total", call=call) == 1
    assert len(on_disk(given)) == 5
