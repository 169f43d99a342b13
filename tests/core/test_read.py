"""What one run read: of very many records little is held, however many parts it was read in."""

from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence, Provenance
from countersign.core.records.intake import MOST_FIRST, Read


def read(numbers):
    made = Read()
    for number in numbers:
        raw = b"%d" % number
        where = (Provenance("eve.jsonl", number),)
        record = Evidence(evidence_id(raw), "suricata.eve", "edge", "json/1", raw, None, None, where)
        made.take(record, alerted=False)
    return made


def test_parts_of_a_run_hold_no_more_first_records_than_one_part():
    together, half = Read(), MOST_FIRST // 2 + 100

    for part in range(3):
        together.add(read(range(part * half - 50, (part + 1) * half)))

    assert read(range(-50, 3 * half)).first == together.first
    assert MOST_FIRST == len(together.first)
    assert 3 * half + 50 == together.distinct
