"""A column, read level by level for all records at once, holds what each record's own pointer resolves to."""

import json

from builders import bundled, flow, logon, process, record, world
from countersign.core.canonical import canon
from countersign.core.records.fields import MISSING

ODD = [
    {"EventID": "4624", "Hashes": "MD5=aa,SHA256=bb", "Message": None},
    {"EventID": 1, "Hashes": "no pairs here", "Computer": ["a", "b"], "EventData": "text"},
    {"EventID": {"#text": "1"}, "Hashes": ["SHA1=aa"], "Event": [], "EventData": []},
    {"EventID": 1, "Hashes": "", "Event": {"System": None, "EventData": {"Hashes": "SHA1=cc"}}},
]


def test_columns_agree_with_pointers_on_every_field_of_every_schema():
    odd = [record("windows.event", document) for document in ODD]
    nested = record(
        "ms.CloudAppEvents", {"RawEventData": json.dumps({"Folders": [{"Path": "a"}, None, {"Path": 3}]})}
    )
    snapshot = world(
        [
            *odd,
            nested,
            logon(),
            process(),
            flow(),
            record("aws.cloudtrail", {"resources": [{"ARN": "arn:aws:x"}]}),
        ]
    )
    compared = 0
    for name, records in snapshot.by_schema.items():
        for field in bundled().schemas[name].fields:
            for pointer in (field.pointer.replace("*", key) for key in ("0", "1", "01", "key")):
                path = snapshot.path(name, pointer)
                if path is not None:
                    values = [path.resolve(snapshot.view(one.id)) for one in records]
                    kind, how = path.field.type, path.field.format
                    wanted = [None if value is MISSING else canon(kind, value, how) for value in values]
                    assert snapshot.column(name, pointer) == wanted, pointer
                    compared += sum(form is not None for form in wanted)
    assert compared > 40


def test_a_flagged_snapshot_is_the_same_evidence_under_other_flags():
    plain = world([logon(), process()])
    flagged = plain.flagged({"windows.event": frozenset({"gap"})}, 5)
    assert (flagged.id, flagged.evidence) == (plain.id, plain.evidence)
    assert flagged.broken("windows.event")
    assert not plain.broken("windows.event")
    assert (plain.skew_ns, flagged.skew_ns) == (0, 5)
