"""One strict reading of the JSON files that a person hands over: coverage manifests and references."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

MAX_DIGITS = 400
"""Longest whole number, and largest power of ten, that is read."""


def read_manifest(data: bytes) -> Any:
    """The document in UTF-8, fractions as decimals; ValueError for anything that JSON readers could differ over."""
    try:
        return json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=_unique,
            parse_float=_decimal,
            parse_int=_integer,
            parse_constant=_not_a_number,
        )
    except RecursionError as error:
        raise ValueError("nested too deep to read") from error


def is_text(value: object) -> bool:
    """Is it a string of one character or more, none of them half of a pair?"""
    return isinstance(value, str) and value != "" and not any(0xD800 <= ord(c) <= 0xDFFF for c in value)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("a number is beyond what can be read") from error
    if len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise ValueError("a number is beyond what can be read")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("a number is beyond what can be read")
    return int(text)


def _not_a_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
