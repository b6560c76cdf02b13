"""What lies in the store without an alert goes after a week, unless the store is another's."""

import os
from pathlib import Path

import pytest

from pipelines.evidence_store import EvidenceStore
from pipelines.messages import EvidencePart
from service.evidence.keeper import FEW_ORPHANS
from tests.service.evidence.kit import (
    STILL,
    Clock,
    aged,
    keeper,
    on_disk,
    put,
)
from tests.service.helpers import Parts

sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@sqlite_only
def test_a_database_that_does_not_know_the_store_deletes_nothing_of_it(given: Parts) -> None:
    put(given)
    refs = {aged(given, 30) for _ in range(FEW_ORPHANS + 1)}
    assert keeper(given, Clock()).sweep()
    assert refs < on_disk(given)
    assert given.count("fengsui_evidence_deleted_total", reason="orphan") == 0
    assert given.count("fengsui_evidence_store_errors_total", call="sweep") == 1


@pytest.mark.parametrize("count", [2, FEW_ORPHANS])
def test_a_database_that_knows_no_evidence_deletes_nothing_of_a_small_store_either(
    given: Parts, count: int
) -> None:
    alone = aged(given, 8)
    assert keeper(given, Clock()).sweep()
    assert on_disk(given) == set(), f"{alone} may be the first that a worker left"
    refs = {aged(given, 8) for _ in range(count)}
    assert keeper(given, Clock()).sweep()  # what it deleted itself is no knowledge
    assert on_disk(given) == refs
    assert given.count("fengsui_evidence_store_errors_total", call="sweep") == 1
    put(given)
    assert keeper(given, Clock()).sweep()
    assert not refs & on_disk(given)


@sqlite_only
def test_an_orphan_that_can_t_be_deleted_is_tried_again_and_counted_once(given: Parts) -> None:
    ref = aged(given, 8)
    in_the_way = Path(given.settings.evidence) / ref / "lost+found"
    in_the_way.mkdir()
    made = keeper(given, Clock())
    assert not made.sweep()
    assert given.count("fengsui_evidence_store_errors_total", call="delete") == 1
    assert given.count("fengsui_evidence_deleted_total", reason="orphan") == 0
    in_the_way.rmdir()
    EvidenceStore(given.settings.evidence).put(ref, EvidencePart.STILL, STILL)
    file = Path(given.settings.evidence) / ref / EvidencePart.STILL
    os.utime(file, (0, 0))
    assert made.sweep()
    assert on_disk(given) == set()
    assert given.count("fengsui_evidence_deleted_total", reason="orphan") == 1
