"""Does a pinned entry name what an alert is about, in a field that nobody under investigation wrote?

The kind of the list and the type of the key say which fields a key is held against: an address never meets a port,
a rule's number never meets a count. Source: `verification.md` section 8, `rule_defect` and `stale_intel`.
"""

import re

from countersign.core.canonical import is_address, is_inside
from countersign.core.claims.keys import HASHES, form
from countersign.core.claims.reference import LISTS, Reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.fields import Field, Schema, walk
from countersign.core.records.observable import kind_of
from countersign.core.render import value_text

_KINDS = {kind: frozenset({kind, "hash"}) for kind in HASHES}
"""Type of a key → the kinds of field (`observable.kind_of`) it is held against; else the kind of the same name.

A mail address that is an account's name is of another kind: whom an alert is about is no indicator.
"""
_RULE_LABEL = re.compile(r"(analytic )?rule( ids?| uuid| name)?")


def covers(pinned: Reference, key: str, eid: str, snapshot: Snapshot) -> bool:
    """Does this record say what an entry names: for a list one observable, for rule texts the rule that fired?"""
    schema = snapshot.schema(eid)
    kind = pinned.names(key) if pinned.kind in LISTS else ""
    if schema is None or (pinned.kind in LISTS and not kind):
        return False
    said = [
        value_text(value)
        for pointer, field, value in walk(schema, snapshot.view(eid))
        if field is not None and not isinstance(value, bool) and _is_of(kind, field, pointer, schema)
    ]
    if kind == "ip" and is_inside(key) and any(is_address(one) and not is_inside(one) for one in said):
        return False  # with a party outside, the machine of one's own is not the indicator
    return any(_same(kind, key, one) for one in said)


def _is_of(kind: str, field: Field, pointer: str, schema: Schema) -> bool:
    if field.tainted:
        return False
    if not kind:
        fired = schema.alert is not None and pointer in {schema.alert.id, schema.alert.rule}
        return fired or field.role == "rule" or _RULE_LABEL.fullmatch(field.label) is not None
    # The machine that reports is in all of its records, whatever they are about.
    reporting = field.role == "host" or (schema.alert is not None and pointer in schema.alert.place)
    return not reporting and kind_of(field, schema.name) in _KINDS.get(kind, {kind})


def _same(kind: str, key: str, value: str) -> bool:
    return form(kind, key) == form(kind, value) if kind else key.lower() == value.lower()
