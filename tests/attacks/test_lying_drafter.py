# ruff: noqa: T201 - how many claims came to what is part of the result
"""The whole line with a drafter that an attacker owns: it may say anything, and nothing it says is believed.

Real ports over a real store; only the drafter is replaced. An ordinary run asks it 300 times, COUNTERSIGN_FULL=1
six thousand times. What the verifier alone makes of such outputs: `test_hostile_documents.py`, with sixty thousand.
"""

import io
import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from fuzz import Fuzzer, hostile_world, write
from oracle import Oracle
from oracle_values import read_json
from payloads import PAYLOADS, active
from product import to_json
from worlds import coverage as rows_of
from worlds import drafted, window

from countersign import config, wiring
from countersign.cli import screen
from countersign.core.briefs.redact import prepare
from countersign.core.claims.coverage import parse_coverage
from countersign.core.claims.reference import parse_reference
from countersign.core.facts.menu import menu
from countersign.core.records.evidence import Incoming
from countersign.core.render import markdown
from countersign.ports import Ports
from countersign.steps import assemble, ingest
from countersign.steps.draft import Briefed, Inputs, brief_case, frozen

REPLIES = 6_000 if os.environ.get("COUNTERSIGN_FULL") == "1" else 300
CLOSING = {"benign_positive", "false_positive", "test", "duplicate"}
KEYS = {"schema", "claims", "use", "order", "questions", "commentary"}


class Liar:
    """A drafter that returns bytes it was handed, whatever it is asked."""

    name = "liar/1"

    def __init__(self) -> None:
        self.reply = b""

    def draft(self, _dossier: object) -> bytes:
        return self.reply


class Stage:
    """A case over hostile records, ready to be briefed again and again."""

    def __init__(self, base: str, folder: Any) -> None:
        self.oracle: Oracle = hostile_world(base)
        honest = wiring.open_ports(folder, config.Settings(database_url=f"sqlite:///{folder / 'store.db'}"))
        records = [
            Incoming(r.schema, r.parser, r.raw, "hostile", n) for n, r in enumerate(self.oracle.records, 1)
        ]
        [self.case] = assemble.by_hand(ingest.ingest(records, honest), honest)
        rows = rows_of(self.oracle.records, *window(self.oracle.records))
        books = tuple(parse_reference(to_json(book).encode()) for book in self.oracle.references)
        self.inputs = Inputs(parse_coverage(to_json(rows).encode()), books, {}, wiring.drafter("rules"))
        self.liar = Liar()
        self.ports: Ports = msgspec.structs.replace(honest, drafter=self.liar)
        snapshot, *_ = frozen(self.case, honest, self.inputs)
        facts = menu(snapshot, honest.signals, self.case.alerts, self.case.duplicates)
        prepared = prepare(self.case.id, snapshot, self.case.alerts, facts)
        self.numbers = {eid: number for number, eid in prepared.cites.items()}
        self.menu = list(prepared.menu)

    def brief(self, reply: bytes) -> Briefed:
        self.liar.reply = reply
        return brief_case(self.case, self.ports, self.inputs)


class Replies:
    """Hostile claims documents turned into hostile briefs: excerpt numbers for digests, facts of the menu, loose prose."""

    def __init__(self, stage: Stage, seed: str) -> None:
        self.rng, self.stage, self.fuzzer = random.Random(seed), stage, Fuzzer(stage.oracle, seed)
        seen = [claim for claim in self.fuzzer.pool if self.known(claim)]
        self.fuzzer.pool = seen or self.fuzzer.pool

    def known(self, claim: dict[str, Any]) -> bool:
        return set(re.findall("sha256:[0-9a-f]{64}", write(claim))) <= set(self.stage.numbers)

    def reply(self) -> bytes:
        data = self.fuzzer.output().data
        numbered = re.sub(b"sha256:[0-9a-f]{64}", lambda m: self.number(m[0].decode()).encode(), data)
        return re.sub(rb'\A\{"claims":', lambda _: self.head().encode(), numbered)

    def number(self, eid: str) -> str:
        return self.stage.numbers.get(eid, "e99999") if self.rng.random() < 0.95 else eid

    def head(self) -> str:
        """The keys before the claims: mostly as they should be, so that most replies are read on."""
        rng, parts = (
            self.rng,
            ['"schema":"countersign.brief/1"' if self.rng.random() < 0.97 else '"schema":"x"'],
        )
        if rng.random() < 0.5:
            taken = rng.sample(self.stage.menu, min(len(self.stage.menu), rng.randrange(6)))
            parts.append(f'"use":{write(taken + rng.choice([[]] * 9 + [["f99999"], ["e1"], ["f1", "f1"]]))}')
        if rng.random() < 0.3:
            order = rng.choice([["c1", "c0"], []] * 6 + [["c1", "c1"], ["C"], "c1", None])
            parts.append(f'"order":{write(order)}')
        if rng.random() < 0.3:
            asked = rng.choice([["Q01", "Q25"]] * 12 + [["Q26"], [""], ["Q01", "Q01"], {}])
            parts.append(f'"questions":{write(asked)}')
        if rng.random() < 0.4:
            parts.append(f'"commentary":{write(rng.choice([*(p[:2000] for p in PAYLOADS), "x" * 2001, 5]))}')
        return "{" + ",".join(parts) + ',"claims":'


def is_brief(reply: bytes) -> bool | None:
    """Whether a strict reader sees a brief's outer shape; None where a reader may give up or not."""
    if any(word in reply for word in (b"9" * 1000, b"[[[[", b'{"a":{"a":', b"e999999999", b"e-999999999")):
        return None
    try:
        read = read_json(reply, strict=True)
    except (ValueError, RecursionError):
        return False
    if (
        type(read) is not dict
        or not {"schema", "claims"} <= set(read) <= KEYS
        or read["schema"] != "countersign.brief/1"
    ):
        return False
    names = [read.get(key, []) for key in ("use", "order", "questions")]
    forms = ["f[1-9][0-9]{0,5}", "[a-z][a-z0-9_]{0,15}", "Q(0[1-9]|1[0-9]|2[0-5])"]
    lists = all(
        isinstance(row, list)
        and all(isinstance(name, str) and re.fullmatch(form, name) for name in row)
        and len(set(row)) == len(row)
        for row, form in zip(names, forms, strict=True)
    )
    note = read.get("commentary", "")
    return lists and isinstance(read["claims"], list) and isinstance(note, str) and len(note) <= 2000


def strings(value: Any, key: str = "") -> Iterator[str]:
    """Every text of a document that a person is shown."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in {
                "claim",
                "pointer",
                "coverage",
            }:  # exact bytes, for machines; the operator's own manifest
                yield from strings(inner, name)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from strings(inner, key)
    elif isinstance(value, str) and key != "notes_markdown":
        yield value


def complaints(made: Briefed, reply: bytes, oracle: Oracle) -> Iterator[str]:
    """Everything wrong with what came of one reply."""
    brief: Any = made.document["brief"]
    good, fell = is_brief(reply), brief["fallback"] is not None
    if good is not None and good == fell:
        yield f"a reply that is {'a' if good else 'no'} brief: fallback {brief['fallback']}, drafter {brief['drafter']}"
    if fell and (brief["fallback"]["from"], brief["drafter"]) != ("liar/1", "rules/1"):
        yield f"the fallback is not marked: {brief['fallback']} {brief['drafter']}"
    yield from truth_complaints(brief, oracle)
    yield from closing_complaints(brief)
    yield from shown_complaints(made, brief)


def truth_complaints(brief: Any, oracle: Oracle) -> Iterator[str]:
    for claim in brief["claims"]:
        if claim["status"] == "verified" and not blind(claim, oracle):
            answer = oracle.judge(read_json(msgspec.json.encode(claim["claim"]), strict=True))
            if answer.status != "verified" and of_menu(claim) and of_mails(claim, oracle):
                continue  # the oracle reads less of a mail than the menu does; what a drafter wrote itself is judged
            # A flag of the case may make the product more careful about a scope than the oracle is, never less.
            scopes = {answer.scope, "collected_only"} if answer.scope == "complete" else {answer.scope}
            if answer.status != "verified" or claim["scope"] not in scopes:
                yield f"verified with scope {claim['scope']}; the oracle says {answer}: {str(claim['claim'])[:600]}"
        elif claim["status"] == "invalid" and (claim["text"] or claim["claim"]):
            yield f"an invalid claim has words: {claim['text']!r}"


def of_menu(claim: Any) -> bool:
    return re.fullmatch("f[0-9]+", claim["id"]) is not None


def of_mails(claim: Any, oracle: Oracle) -> bool:
    cited = [oracle.by_id[citation["evidence"]] for citation in claim["citations"]]
    return bool(cited) and all(record.schema == "email.rfc822" for record in cited)


def blind(claim: Any, oracle: Oracle) -> bool:
    """The oracle reads JSON inside strings and no other document: what the menu takes from those is not judged here."""
    pointers = re.findall(r"'(/[^']*)![^']*'", str(claim["claim"]))
    embeds = {
        s: {p: f.get("embed") for p, f in schema.data["fields"].items()}
        for s, schema in oracle.schemas.items()
    }
    return any(
        of.get(outer.split("!")[0]) not in {None, "json/1"} for outer in pointers for of in embeds.values()
    )


def closing_complaints(brief: Any) -> Iterator[str]:
    """To close, a reading needs a register's entry that was verified and that no outsider could have written."""
    if brief["suggestion"]["disposition"] not in CLOSING:
        return
    by_id = {claim["id"]: claim for claim in brief["claims"]}
    for name in brief["suggestion"]["because"]:
        basis = [by_id[fact] for fact in by_id[name]["claim"]["basis"]] if name in by_id else []
        if not any(
            c["kind"] == "reference" and c["status"] == "verified" and not c["tainted"] for c in basis
        ):
            yield f"{brief['suggestion']} rests on {[(c['kind'], c['status'], c['tainted']) for c in basis]}"


def shown_complaints(made: Briefed, brief: Any) -> Iterator[str]:
    for text in strings(made.document):
        # Marks around a value are ours; the same sign inside one has been spelled out.
        problem = active(text)
        if problem:
            yield f"JSON: {problem}: {text[:200]!r}"
    note = brief["notes_markdown"]
    live = re.search(
        r"https?:|://|(?<!\\)!\[|(?<!\\)\]\(|(?<!\\)<[a-zA-Z/!]|[^\x20-\x7e\n]*[\x00-\x09\x0b-\x1f\x7f-\x9f]",
        note,
    )
    if live:
        yield f"Markdown: {live[0]!r} in {note[max(0, live.start() - 80) : live.end() + 80]!r}"
    out = io.StringIO()
    screen.case(screen.console(out), made)
    for line in (line for line in out.getvalue().splitlines() if line):
        problem = active(line.replace("✓", "", 1) if line.lstrip().startswith("✓") else line)
        # a sentence may run over two lines, and so may a sign that is spelled out
        if problem and "pair" not in problem and not (line.count("⟦") > line.count("⟧")):
            yield f"terminal: {problem}: {line[:200]!r}"


KNOWN = {
    "xdr-incidents-excytin": "facts of the menu that no claims document may hold: an empty prefix, a value over 4,096 signs",
}


def each() -> list[Any]:
    """The bases, with what is known to be wrong over one of them."""
    marks = {name: [pytest.mark.xfail(reason=reason)] for name, reason in KNOWN.items()}
    return [pytest.param(name, marks=marks.get(name, [])) for name in drafted()]


@pytest.mark.parametrize("base", each())
def test_a_drafter_that_lies_gets_nothing_past_the_line(base: str, tmp_path: Any) -> None:
    stage = Stage(base, tmp_path)
    replies, statuses, ends, found = Replies(stage, f"countersign/liar/{base}"), Counter(), Counter(), []
    for _ in range(-(-REPLIES // len(drafted()))):
        reply = replies.reply()
        made = stage.brief(reply)
        found += [(problem, reply[:300]) for problem in complaints(made, reply, stage.oracle)]
        fell = made.brief.fallback is not None
        statuses.update(claim.status for claim in made.brief.claims if not fell)
        ends[made.brief.suggestion.disposition, fell] += 1
        if len(found) > 50:
            break
    stage.ports.store.log.sequence()
    print(f"\n{base}: {dict(statuses)} {dict(ends)}")

    assert not found, "\n".join(f"{problem}\n    {reply!r}" for problem, reply in found[:12])
    assert statuses["verified"] > 10, "a liar that never says anything true tests little"
    assert statuses["invalid"] > 20
    assert any(fell for _, fell in ends)
    assert "intact" == stage.ports.store.log.verify().status
    stage.ports.store.close()


BENIGN = "authorised_test approved_change known_automation owner_confirmed rule_defect stale_intel duplicate"


@pytest.mark.parametrize("base", drafted())
@pytest.mark.parametrize("code", [*BENIGN.split(), "blocked", "no_follow_on"])
def test_a_drafter_that_lies_cannot_close_a_case_over_facts_that_are_true(
    code: str, base: str, tmp_path_factory: Any
) -> None:
    """Everything it says is verified; that it clears anybody is what it makes of it."""
    stage, rng = shared_stage(tmp_path_factory, base), random.Random(f"{code}/{base}")
    for stances in (("supports",), ("supports", "weakens")):
        taken = rng.sample(stage.menu, min(10, len(stage.menu)))
        readings = [
            {
                "id": f"h{n}",
                "kind": "hypothesis",
                "section": "readings",
                "code": code,
                "stance": stance,
                "basis": taken,
            }
            for n, stance in enumerate(stances)
        ]
        made = stage.brief(
            write({"schema": "countersign.brief/1", "claims": readings, "use": taken}).encode()
        )

        assert made.brief.fallback is None
        assert made.brief.suggestion.disposition not in CLOSING


HOPELESS = [
    b"",
    b"null",
    b"{}",
    b"\xff\xfe",
    b"[" * 100_000,
    b'{"claims":',
    b"x" * (1024 * 1024 + 1),
    "✓ verified".encode(),
]


@pytest.mark.parametrize("reply", HOPELESS, ids=range(len(HOPELESS)))
def test_a_reply_that_is_no_brief_gives_way_to_the_rules_and_says_so(reply: bytes, tmp_path: Any) -> None:
    stage = Stage(drafted()[0], tmp_path)

    brief: Any = stage.brief(reply).document["brief"]

    assert ("rules/1", "liar/1") == (brief["drafter"], brief["fallback"]["from"])
    assert brief["claims"]
    stage.ports.store.close()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_commentary_never_stands_among_what_is_shown(payload: str, tmp_path_factory: Any) -> None:
    """Free prose is off: none of it comes out anywhere."""
    made = shared_stage(tmp_path_factory).brief(
        write(
            {"schema": "countersign.brief/1", "claims": [], "commentary": "zq" + payload[:1900] + "qz"}
        ).encode("utf-8", "replace")
    )

    assert made.brief.fallback is None
    assert not any(
        "zq" + payload[:5] in text or "zq" + markdown(payload)[:5] in text for text in strings(made.document)
    )


STAGES: dict[str, Stage] = {}


def shared_stage(factory: Any, base: str = "") -> Stage:
    base = base or drafted()[0]
    if base not in STAGES:
        STAGES[base] = Stage(base, factory.mktemp("stage"))
    return STAGES[base]
