"""What one run read: of very many records little is held, however many parts it was read in."""

from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence, Provenance
from countersign.core.records.intake import MOST_FIRST, Read


def record(number):
    raw = b"%d" % number
    where = (Provenance("eve.jsonl", number),)
    return Evidence(evidence_id(raw), "suricata.eve", "edge", "json/1", raw, None, None, where)


def read(numbers):
    made, records = Read(), [record(number) for number in numbers]
    made.take(records, {one.id for one in records})
    return made


def test_a_record_counts_once_in_a_run_whoever_stored_it_first():
    made, [stored, first, second] = Read(), map(record, range(3))

    assert [0, 1] == made.take([stored, first, stored, first], {first.id})
    assert [2] == made.take([first, stored, second], {second.id})
    assert [] == made.take([second], ())
    assert 3 == made.distinct
    assert [stored.id, first.id, second.id] == made.first


def test_parts_of_a_run_hold_no_more_first_records_than_one_part():
    together, half = Read(), MOST_FIRST // 2 + 100

    for part in range(3):
        together.add(read(range(part * half - 50, (part + 1) * half)))

    assert read(range(-50, 3 * half)).first == together.first
    assert MOST_FIRST == len(together.first)
    assert 3 * half + 50 == together.distinct
