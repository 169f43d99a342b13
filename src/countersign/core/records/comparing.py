"""Comparing a field of a record with a value that a clause or a claim gives, under the field's semantic type."""

from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from countersign.core.canonical import INTEGER_TYPES, LOWER_TYPES, Canon, canon
from countersign.core.records.fields import Path
from countersign.core.render import value_text

WORDS = frozenset({"contains", "prefix"})
"""Operators that compare a value as it is written, whatever its type."""


def compare(path: Path, op: str, found: object, value: object) -> bool:
    """Does a field's value satisfy `op value` under the field's semantic type?"""
    form = canon(path.field.type, found, path.field.format)
    if form is None:
        return False
    if op in WORDS:
        looks = textual(path, op, value)
        return looks is not None and looks(value_text(found))
    if op == "eq":
        return form == claimed_form(path, value)
    test = comparison(path, op, value)
    return test is not None and test(form)


def claimed_form(path: Path, value: object) -> Canon | None:
    """The canonical form of a value that a claim or clause gives for a field; a time is text with a zone, never a number."""
    if path.field.type == "time" and not isinstance(value, str):
        return None
    return canon(path.field.type, value)


def textual(path: Path, op: str, value: object) -> Callable[[str], bool] | None:
    """A test on a field's words for `contains` and `prefix`; None if there is no text to look for."""
    if not isinstance(value, str):
        return None
    folded = path.field.type in LOWER_TYPES
    needle = value.lower() if folded else value

    def test(words: str) -> bool:
        words = words.lower() if folded else words
        return words.startswith(needle) if op == "prefix" else needle in words

    return test


def comparison(path: Path, op: str, value: object) -> Any:
    """A test on canonical values for an operator other than `eq`; None if the type cannot be so compared."""
    kind = path.field.type
    if op == "in_cidr":
        return _in_range(value) if kind == "ip" else None
    bound = claimed_form(path, value)
    ordered = {"time": "time", "number": "n"} | dict.fromkeys(INTEGER_TYPES, "n")
    if bound is None or bound[0] != ordered.get(kind):
        return None
    tag, limit = bound[0], bound[1]
    tests: dict[str, Any] = {
        "lt": lambda form: form[0] == tag and form[1] < limit,
        "le": lambda form: form[0] == tag and form[1] <= limit,
        "gt": lambda form: form[0] == tag and form[1] > limit,
        "ge": lambda form: form[0] == tag and form[1] >= limit,
    }
    return tests[op]


def _in_range(value: object) -> Any:
    if "%" in str(value):  # a zone id is free text
        return None
    try:
        net = ip_network(str(value), strict=True)
    except ValueError:
        return None
    width, low, high = net.max_prefixlen // 8, net.network_address.packed, net.broadcast_address.packed
    return lambda form: form[0] == "ip" and len(form[1]) == width and low <= form[1] <= high
