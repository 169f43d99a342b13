"""Where the parts of a JSON document stand in its bytes: a part that is unwrapped is evidence exactly as written."""

import json
from collections.abc import Iterator

SPACE = " \t\n\r"
_end_of = json.JSONDecoder().raw_decode


def members(text: str, start: int = 0) -> Iterator[tuple[str, int, int]]:
    """Key (or number) of each child of the object or list that begins at `start`, and where the child stands."""
    closing, at, number = ("}" if text[start] == "{" else "]"), after_space(text, start + 1), 0
    while text[at] != closing:
        key = str(number)
        if closing == "}":
            key, at = _end_of(text, at)
            at = after_space(text, after_space(text, at) + 1)
        _, end = _end_of(text, at)
        yield key, at, end
        at, number = after_space(text, end), number + 1
        at = after_space(text, at + 1) if text[at] == "," else at


def after_space(text: str, at: int) -> int:
    while text[at] in SPACE:
        at += 1
    return at


def part(raw: bytes, *keys: str) -> bytes | None:
    """The exact bytes of what stands under these keys; None where nothing does. `*` gives no single part."""
    text = raw.decode("utf-8")
    start = after_space(text, 0)
    end = len(text)
    for key in keys:
        if text[start] not in "{[":
            return None
        found = [(a, b) for name, a, b in members(text, start) if name == key]
        if not found:
            return None
        start, end = found[-1]
    return text[start:end].encode()


def parts(raw: bytes, *keys: str) -> list[bytes]:
    """What stands under these keys: the elements where that is a list, else the one value."""
    whole = part(raw, *keys)
    if whole is None or not whole.startswith(b"["):
        return [] if whole is None else [whole]
    text = whole.decode()
    return [text[start:end].encode() for _, start, end in members(text)]
