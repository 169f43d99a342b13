"""A drafter under an attacker's control: documents that look like claims and are not, or nearly are.

Every output starts from true claims and is spoilt in one to three ways, or in none. It is built as text, so
that it can hold what no JSON library would write: doubled keys, NaN, endless numbers, broken UTF-8.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from oracle import Oracle
from oracle_records import Record, read_record
from oracle_shape import KEYS
from oracle_values import is_number
from payloads import PAYLOADS
from truths import Maker
from worlds import bases, coverage, references, schemas, window

KINDS = ("field", "quote", "relation", "same", "count", "time", "order", "absence", "reference")
STATUS_KEYS = (
    "status",
    "verified",
    "scope",
    "text",
    "citations",
    "objections",
    "tainted",
    "mark",
    "confidence",
    "note",
    "",
)
BAD_IDS = (
    "",
    "C1",
    "1a",
    "a" * 17,
    "a-b",
    "é",
    "a\n",
    " a",
    "a b",
    "__x",
    "a\u200b",
    None,
    5,
    True,
    [],
    {},
    "✓",
)
ODD_POINTERS = (
    "", "/", "//", "/a/~3", "/a!", "!/b", "/*", "/0/-1", "/..", "/a!/b!/c", "/a~", "a", "/\x00", "/" * 4096, "/a!/" + "b/" * 300,
    "/userIdentity", "/alert", "/alert/signature!/x", "/src_ip/0", "/timestamp!",
)  # fmt: skip


class Token(str):
    """Text that goes into the document as it stands."""

    __slots__ = ()


ODD_VALUES: tuple[Any, ...] = (
    None, True, False, [], {}, 0, -1, Token("-0"), Token("-0.0"), Token("NaN"), Token("Infinity"), Token("-Infinity"),
    Token("1" + "0" * 400), Token("9" * 5000), Token("1e999999999"), Token("-1e999999999"), Token("1e-999999999"),
    Token("1E400"), Token("0.1e1"), Token("01"), Token("+1"), Token("0x10"), Token("1_000"), Token("True"), Token("undefined"),
    Token("1.0"), Token("1e0"), Decimal("0.30000000000000004"), 2**53 + 1, 2**64, Token("[" * 9 + "]" * 9), Token("[" * 60 + "]" * 60),
    Token("[" * 3000 + "]" * 3000), Token('{"a":' * 3000 + "1" + "}" * 3000), "", "a" * 4097, "é" * 5000, Token('"\\ud800"'),
    Token('"\\udc00\\ud800"'), Token('"\\u0000"'), Token("'a'"), Token("/* */1"), ["field"], {"eq": 1}, "2025-01-01T00:00:00",
    "2025-02-30T00:00:00Z", "9999-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "2025-01-01T00:00:00+99:99", "٢٠٢٥-01-01T00:00:00Z",
)  # fmt: skip


@dataclass(frozen=True)
class Output:
    """What the drafter said, and in which ways it was spoilt."""

    data: bytes
    ways: tuple[str, ...]


def hostile_world(base: str) -> Oracle:
    """Records of a base whose free texts have been filled with payloads, beside untouched ones."""
    rng = random.Random(f"countersign/hostile/{base}")
    # of a line the oracle reads less than the product, whose own claims are judged here
    whole = [record for record in bases()[base] if record.schema != "syslog.line"]
    records = rng.sample(whole, min(60, len(whole)))
    made: list[Record] = []
    for record in records:
        made.append(record)
        if record.parser == "json/1":
            schema = schemas()[record.schema]
            view = sown(json.loads(record.raw), rng, ("",), schema.data["time"])
            made.append(
                read_record(
                    json.dumps(view, ensure_ascii=rng.random() < 0.5).encode("utf-8", "replace"), schema
                )
            )
    made = [
        record for record in {record.id: record for record in made}.values() if record.event_ns is not None
    ]
    return Oracle(schemas(), made, coverage(made, *window(made)), hostile_books(references(made), rng))


def hostile_books(books: list[dict[str, Any]], rng: random.Random) -> list[dict[str, Any]]:
    """The pinned lists with payloads among their values."""
    for book in books:
        book["entries"] = [
            entry | {"asset": rng.choice(PAYLOADS), "note": rng.choice(PAYLOADS)} for entry in book["entries"]
        ]
    return books


def sown(view: Any, rng: random.Random, path: tuple[str, ...], kept: list[str]) -> Any:
    """A document with payloads in some of its strings, its times left alone."""
    if isinstance(view, dict):
        return {key: sown(value, rng, (*path, key), kept) for key, value in view.items()}
    if isinstance(view, list):
        return [sown(value, rng, (*path, str(number)), kept) for number, value in enumerate(view)]
    if not isinstance(view, str) or "/".join(path) in kept or rng.random() < 0.5:
        return view
    return rng.choice(PAYLOADS) if rng.random() < 0.7 else view[:20] + rng.choice(PAYLOADS)


def write(value: Any) -> str:
    """JSON text of a value; `Token` as it stands, pairs as an object whose keys may repeat."""
    if isinstance(value, Token):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{write(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, tuple):
        return "{" + ",".join(f"{json.dumps(key)}:{write(inner)}" for key, inner in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=isinstance(value, str) and len(value) % 2 == 0)


class Fuzzer:
    """Makes outputs over one world, from one seed."""

    def __init__(self, oracle: Oracle, seed: str) -> None:
        self.rng, self.maker = random.Random(seed), Maker(oracle, seed)
        self.pool = [self.maker.true(kind)[0] for kind in KINDS for _ in range(60) if self.has(kind)]
        self.ways: dict[str, Callable[[dict[str, Any]], Any]] = {
            "status": self.status, "unknown_key": self.unknown_key, "missing_key": self.missing_key, "odd_value": self.odd_value,
            "payload": self.payload, "bad_id": self.bad_id, "odd_pointer": self.odd_pointer, "other_kind": self.other_kind,
            "too_long": self.too_long, "too_big": self.too_big, "boolean": self.boolean, "doubled_key": self.doubled_key,
            "filter": self.filter, "hypothesis": self.hypothesis, "offsets": self.offsets, "true": lambda claim: claim,
        }  # fmt: skip

    def has(self, kind: str) -> bool:
        try:
            self.maker.true(kind, 40)
        except LookupError:
            return False
        return True

    def output(self) -> Output:
        """One reply: one to four claims, each spoilt or not, in a document that may be spoilt too."""
        claims, ways = [], []
        for number in range(self.rng.randrange(1, 5)):
            claim: Any = {"id": f"c{number}", **self.rng.choice(self.pool), "section": "what_happened"}
            for _ in range(self.rng.choice([0, 1, 1, 1, 2, 3])):
                if isinstance(claim, dict):
                    way = self.rng.choice(list(self.ways))
                    ways.append(way)
                    claim = self.ways[way](dict(claim))
            claims.append(claim)
        if self.rng.random() < 0.08:
            claims.append(self.rng.choice(claims))
            ways.append("repeated_claim")
        return self.document(claims, ways)

    def document(self, claims: list[Any], ways: list[str]) -> Output:
        text, choice = write({"claims": claims}), self.rng.random()
        wrapped = {
            0: text[: self.rng.randrange(len(text))],
            1: "```json\n" + text + "\n```",
            2: "Here is the brief you asked for:\n" + text,
            3: "\ufeff" + text,
            4: text + text,
            5: write((("claims", []), ("claims", claims))),
            6: write((("claims", claims), ("claims", []))),
            7: write({"claims": claims, "verified": True}),
            8: write({"claims": {"c1": claims}}),
            9: write(claims),
            10: write({"claims": [*claims, self.rng.choice(ODD_VALUES)]}),
            11: text.replace(":", " : \n\t"),
        }
        if choice < 0.12:
            number = self.rng.randrange(12)
            return Output(wrapped[number].encode("utf-8", "surrogatepass"), (*ways, f"document {number}"))
        data = bytearray(text.encode("utf-8", "surrogatepass"))
        if choice < 0.15:
            data[self.rng.randrange(len(data))] = self.rng.randrange(256)
            ways = [*ways, "byte"]
        return Output(bytes(data), tuple(ways))

    def anywhere(self, claim: dict[str, Any], change: Callable[[Any], Any]) -> dict[str, Any]:
        """Change one scalar, list or object somewhere inside a claim."""
        key = self.rng.choice([key for key in claim if key not in ("id", "kind")] or list(claim))
        inner = claim[key]
        if isinstance(inner, dict) and inner and self.rng.random() < 0.8:
            return claim | {key: self.anywhere(dict(inner), change)}
        if isinstance(inner, list) and inner and self.rng.random() < 0.9:
            at = self.rng.randrange(len(inner))
            changed = list(inner)
            if isinstance(inner[at], list) and inner[at]:
                row = list(inner[at])
                row[self.rng.randrange(len(row))] = change(row[0])
                changed[at] = row
            else:
                changed[at] = change(inner[at])
            return claim | {key: changed}
        return claim | {key: change(inner)}

    def status(self, claim: dict[str, Any]) -> dict[str, Any]:
        return claim | {
            self.rng.choice(STATUS_KEYS): self.rng.choice(["verified", True, "complete", 1.0, "✓ verified"])
        }

    def unknown_key(self, claim: dict[str, Any]) -> dict[str, Any]:
        inner = [key for key in claim if isinstance(claim[key], dict)]
        new = {self.rng.choice([*PAYLOADS, "Kind", "kind ", "ptr\u0000", "cite2"]): self.rng.choice(PAYLOADS)}
        if inner and self.rng.random() < 0.5:
            key = self.rng.choice(inner)
            return claim | {key: claim[key] | new}
        return claim | new

    def missing_key(self, claim: dict[str, Any]) -> dict[str, Any]:
        claim.pop(self.rng.choice(list(claim)), None)
        return claim

    def odd_value(self, claim: dict[str, Any]) -> dict[str, Any]:
        if self.rng.random() < 0.2:
            return claim | {self.rng.choice(list(claim)): self.rng.choice(ODD_VALUES)}
        return self.anywhere(claim, lambda _: self.rng.choice(ODD_VALUES))

    def payload(self, claim: dict[str, Any]) -> dict[str, Any]:
        def change(value: Any) -> Any:
            payload = self.rng.choice(PAYLOADS)
            return value + payload if isinstance(value, str) and self.rng.random() < 0.4 else payload

        return self.anywhere(claim, change)

    def bad_id(self, claim: dict[str, Any]) -> dict[str, Any]:
        return claim | {"id": self.rng.choice([*BAD_IDS, *PAYLOADS])}

    def odd_pointer(self, claim: dict[str, Any]) -> dict[str, Any]:
        key = self.rng.choice([key for key in ("ptr", "distinct", "a", "filter") if key in claim] or ["ptr"])
        pointer = self.rng.choice(ODD_POINTERS)
        if key == "a":
            return claim | {"a": {"cite": self.rng.choice(list(self.maker.oracle.by_id)), "ptr": pointer}}
        if key == "filter" and isinstance(claim["filter"], dict):
            return claim | {
                "filter": {"schema": claim["filter"].get("schema"), "where": [[pointer, "eq", 1]]}
            }
        return claim | {key: pointer}

    def other_kind(self, claim: dict[str, Any]) -> dict[str, Any]:
        return claim | {"kind": self.rng.choice([*KEYS, "Field", "fact", "verified", "", None, 1, "field "])}

    def too_long(self, claim: dict[str, Any]) -> dict[str, Any]:
        length = self.rng.choice([4096, 4097, 9000])
        return self.anywhere(claim, lambda value: (value if isinstance(value, str) else "x") + "x" * length)

    def too_big(self, claim: dict[str, Any]) -> dict[str, Any]:
        if isinstance(claim.get("filter"), dict):
            return claim | {
                "filter": claim["filter"]
                | {"where": [["/eventName", "eq", "x" * 4000]] * self.rng.choice([6, 7, 9, 40])}
            }
        return claim | {f"k{number}": "x" * 4000 for number in range(9)}

    def boolean(self, claim: dict[str, Any]) -> dict[str, Any]:
        return self.anywhere(
            claim, lambda value: bool(value) if is_number(value) else self.rng.random() < 0.5
        )

    def doubled_key(self, claim: dict[str, Any]) -> Any:
        """One key twice, with the true value first or last; inside an inner object too."""
        key = self.rng.choice(list(claim))
        other = self.rng.choice([claim[key], self.rng.choice(PAYLOADS), None])
        pairs = [*claim.items(), (key, other)]
        if isinstance(claim[key], dict) and claim[key]:
            inner = tuple(claim[key].items())
            pairs = [(name, (*inner, inner[0]) if name == key else value) for name, value in claim.items()]
        if self.rng.random() < 0.5:
            pairs.reverse()
        return tuple(pairs)

    def filter(self, claim: dict[str, Any]) -> dict[str, Any]:
        fact = self.maker.any_fact()
        op = self.rng.choice(["eq", "contains", "prefix", "lt", "ge", "in_cidr", "regex", "EQ", "=", "ne"])
        value = self.rng.choice([fact.value, *self.rng.sample(PAYLOADS, 2), "10.0.0.0/8", 5])
        chosen = {"schema": fact.record.schema, "where": [[fact.pointer, op, value]]}
        made = {"id": claim.get("id", "f"), "filter": chosen, **self.maker.whole(fact.record)}
        if self.rng.random() < 0.5:
            return made | {"kind": "absence"}
        return made | {
            "kind": "count",
            "op": self.rng.choice(["eq", "le", "ge"]),
            "value": self.rng.randrange(3),
        }

    def hypothesis(self, claim: dict[str, Any]) -> dict[str, Any]:
        code = self.rng.choice(
            ["recon", "exploit", "authorised_test", "tool_attack", "blocked", "account_misuse", *PAYLOADS]
        )
        basis = self.rng.sample(
            ["c0", "c1", "c2", "c3", "C0", "zz", claim.get("id", "c0")], self.rng.randrange(0, 4)
        )
        return {
            "id": claim.get("id", "h"),
            "kind": "hypothesis",
            "code": code,
            "stance": self.rng.choice(["supports", "weakens", "proves"]),
            "basis": basis,
        }

    def offsets(self, claim: dict[str, Any]) -> dict[str, Any]:
        start, end = (
            self.rng.choice([-1, 0, 1, 10**30, True, "0", 1.5, None]),
            self.rng.choice([0, 1, 5, 10**30, -5, False, "9"]),
        )
        return claim | {"start": start, "end": end}
