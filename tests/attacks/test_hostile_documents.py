# ruff: noqa: T201 - how many claims came to what is part of the result
"""A drafter that an attacker controls completely can make nothing crash, nothing wrong verified, nothing active shown.

An ordinary run puts six thousand outputs to the verifier; COUNTERSIGN_FULL=1 makes it sixty thousand.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from fuzz import Fuzzer, Output, hostile_world, write
from oracle import Oracle
from oracle_shape import ID
from oracle_values import read_json
from payloads import PAYLOADS, active, active_markdown
from product import check, snapshot
from worlds import drafted

from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.render import csv, markdown, shown, terminal

OUTPUTS = 60_000 if os.environ.get("COUNTERSIGN_FULL") == "1" else 6_000
CODE_ONLY = {"tool_attack", "visibility_gap"}


@cache
def world(base: str) -> tuple[Oracle, Snapshot]:
    oracle = hostile_world(base)
    return oracle, snapshot(oracle)


def claims_in(data: bytes) -> list[Any] | None:
    """The claims as the oracle reads them; None when this is no claims document at all."""
    try:
        read = read_json(data, strict=True)
    except (ValueError, RecursionError):
        return None
    if type(read) is not dict or set(read) != {"claims"} or not isinstance(read["claims"], list):
        return None
    return read["claims"]


def answers(output: Output, seen: Snapshot) -> tuple[CheckedClaim, ...] | str | None:
    """What the product says; None when it refuses the whole document (ValueError); any other exception in words."""
    try:
        return check(output.data, seen)
    except ValueError:
        return None
    except Exception as crash:  # noqa: BLE001 - that there is none is what is tested
        return f"{type(crash).__name__}: {crash}"


def complaints(rows: tuple[CheckedClaim, ...] | str | None, output: Output, oracle: Oracle) -> Iterator[str]:
    """Everything that is wrong with what the product made of one output."""
    claims = claims_in(output.data)
    if isinstance(rows, str):
        yield f"the product crashed: {rows}"
        return
    if rows is None:
        if claims is not None and not strange_numbers(output.data):
            yield "a document that can be read was refused"
        return
    if claims is None:
        if any(row.status in ("verified", "interpretation") for row in rows):
            yield "a document that is none had a claim accepted"
        return
    if len(rows) != len(claims):
        yield f"{len(claims)} claims went in and {len(rows)} came out"
    names: Counter[Any] = Counter()
    for row, claim in zip(rows, claims, strict=False):
        name = claim.get("id") if isinstance(claim, dict) else None
        names[name if isinstance(name, str) else None] += 1
        repeated = isinstance(name, str) and names[name] > 1
        yield from shape_complaints(row)
        yield from truth_complaints(row, claim, oracle, rows, repeated=repeated)
        yield from shown_complaints(row)


def strange_numbers(data: bytes) -> bool:
    """Numbers or depths at which a reader may give up on the document as a whole."""
    return any(
        word in data for word in (b"NaN", b"Infinity", b"9" * 1000, b"[[[[", b'{"a":{"a":', b"e999999999")
    )


def shape_complaints(row: CheckedClaim) -> Iterator[str]:
    if row.id is not None and not ID.match(row.id):
        yield f"the id {row.id!r} is not well formed"
    if (row.text is None) != (row.status == "invalid"):
        yield f"a claim that is {row.status} has the text {row.text!r}"
    if bool(row.objections) != (row.status not in ("verified", "interpretation")):
        yield f"a claim that is {row.status} has {len(row.objections)} objections"
    if row.scope is not None and row.status != "verified":
        yield f"a claim that is {row.status} has a scope"


def truth_complaints(
    row: CheckedClaim, claim: Any, oracle: Oracle, rows: tuple[CheckedClaim, ...], *, repeated: bool
) -> Iterator[str]:
    if row.status == "verified":
        answer = oracle.judge(claim)
        if repeated or (answer.status, answer.scope) != ("verified", row.scope):
            yield f"verified with scope {row.scope}; the oracle says {answer}, repeated id: {repeated}: {str(claim)[:700]}"
    if row.status == "interpretation":
        held = {other.id for other in rows if other.status == "verified"}
        if claim["code"] in CODE_ONLY or not set(claim["basis"]) <= held or repeated:
            yield f"a reading was accepted on {claim['basis']}, of which {held} are verified"


def shown_complaints(row: CheckedClaim) -> Iterator[str]:
    texts = [
        row.text,
        *(citation.value for citation in row.citations),
        *(objection.reason for objection in row.objections),
    ]
    for text in texts:
        if text is None:
            continue
        for sink, problem in (
            ("JSON", active(json.loads(json.dumps(text)))),
            ("terminal", active(terminal(text))),
            ("Markdown", active_markdown(markdown(text))),
            ("CSV", "a formula" if csv(text)[:1] in set("=+-@\t\r") else None),
        ):
            if problem:
                yield f"{sink}: {problem}: {text[:200]!r}"


def told(found: list[tuple[str, Output]]) -> str:
    """One short example of each sort of complaint."""
    sorts: dict[str, tuple[str, Output]] = {}
    for problem, output in found:
        key = problem[:110]
        if key not in sorts or len(output.data) < len(sorts[key][1].data):
            sorts[key] = (problem, output)
    return "\n".join(
        f"{problem}\n    {output.ways} {output.data[:1500]!r}" for problem, output in sorts.values()
    )


@pytest.mark.parametrize("base", drafted())
def test_a_hostile_drafter_gets_nothing_past_the_verifier(base: str) -> None:
    oracle, seen = world(base)
    fuzzer = Fuzzer(oracle, f"countersign/fuzz/{base}")
    statuses: Counter[str] = Counter()
    found = []
    for _ in range(OUTPUTS // len(drafted()) + 1):
        output = fuzzer.output()
        rows = answers(output, seen)
        found += [(problem, output) for problem in complaints(rows, output, oracle)]
        statuses.update(row.status for row in (rows if isinstance(rows, tuple) else ()))
        if len(found) > 200:
            break
    print(f"\n{base}: {dict(statuses)}")

    assert not found, told(found)
    assert statuses["verified"] > 100, "a fuzzer that never says anything true tests little"


@pytest.mark.parametrize("base", drafted())
def test_true_claims_about_hostile_records_are_shown_without_anything_active(base: str) -> None:
    """What a record says is verified as it stands, and made harmless only where it is shown."""
    oracle, seen = world(base)
    fuzzer = Fuzzer(oracle, f"countersign/shown/{base}")
    claims = [{"id": f"c{number}", **claim} for number, claim in enumerate(fuzzer.pool)]
    checked = check(write({"claims": claims}).encode(), seen)

    refused = [(claim, row) for claim, row in zip(claims, checked, strict=True) if row.status != "verified"]
    assert not refused, refused[:3]
    assert [] == [problem for row in checked for problem in shown_complaints(row)]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_payload_is_alive_once_rendered(payload: str) -> None:
    for tainted in (True, False):
        text = shown(payload, tainted=tainted)

        assert (None, None) == (active(terminal(text)), active_markdown(markdown(text)))


def test_the_checker_sees_what_is_alive_in_a_payload_as_it_came() -> None:
    """Otherwise the tests above would pass whatever the product did."""
    alive = [payload for payload in PAYLOADS if active(payload) or active_markdown(payload)]

    assert len(alive) >= 45
