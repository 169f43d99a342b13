# ruff: noqa: T201 - the table of families is part of the result
"""False claims are never verified; true ones are; two implementations agree on all of them.

An ordinary run puts more than ten thousand mutants to the verifier. COUNTERSIGN_FULL=1 makes it sixty.
`-s` prints the tables of families and of schemas.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

import pytest
from mutants import (
    FACT_KINDS,
    FAMILIES,
    Tally,
    Trial,
    all_mutants,
    all_truths,
    oracle,
    schema_mutants,
    schema_of,
    schema_truths,
)
from oracle import Answer
from oracle_records import Record
from product import check, dictionary, evidence_of, snapshot, to_json
from worlds import bases, build, each_schema, records_of, samples

from countersign.core.claims.verify import CheckedClaim
from countersign.core.records.views import view

FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
WANTED = 1200 if FULL else 300
TRUTHS = 1000 if FULL else 200
BY_SCHEMA = (40, 4) if FULL else (12, 1)
TRUTHS_BY_SCHEMA = 6 if FULL else 1
BATCH = 500

Outcome = tuple[Trial, CheckedClaim]


def put(trials: Iterable[Trial]) -> list[Outcome]:
    """Put every trial to the product, world by world, in documents of many claims."""
    by_world: defaultdict[str, list[Trial]] = defaultdict(list)
    for trial in trials:
        by_world[trial.world].append(trial)
    made = []
    for world, rows in by_world.items():
        seen = snapshot(oracle(world))
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            checked = check(document(batch), seen)
            answers = {row.id: row for row in checked}
            made += [(trial, answers[f"c{number}"]) for number, trial in enumerate(batch)]
    return made


def document(batch: Sequence[Trial]) -> bytes:
    """One claims document; ids made unique, also those that a hypothesis names."""
    claims: list[dict[str, object]] = []
    for number, trial in enumerate(batch):
        claims.extend(renamed(support, number) for support in trial.support)
        claims.append(renamed(trial.claim, number) | {"id": f"c{number}"})
    return to_json({"claims": claims}).encode()


def renamed(claim: dict[str, object], number: int) -> dict[str, object]:
    names = {"id": f"{claim['id']}x{number}"}
    if isinstance(claim.get("basis"), list):
        names["basis"] = [f"{name}x{number}" for name in claim["basis"]]  # type: ignore[assignment, attr-defined]
    return claim | names


@lru_cache(maxsize=1)
def mutants() -> tuple[Tally, list[Outcome]]:
    tally, more = all_mutants(list(bases()), WANTED), schema_mutants(each_schema(), *BY_SCHEMA)
    both = Tally(tally.trials + more.trials, tally.accidents + more.accidents)
    return both, put(both.trials)


@lru_cache(maxsize=1)
def truths() -> list[Outcome]:
    return put(all_truths(list(bases()), TRUTHS) + schema_truths(each_schema(), TRUTHS_BY_SCHEMA))


def wrong(trial: Trial, checked: CheckedClaim) -> bool:
    """The product vouches for something that is not so, or for more of it than is so."""
    if trial.answer is None:
        return checked.status in ("verified", "interpretation")
    if checked.status == "interpretation":
        return True
    return checked.status == "verified" and (trial.answer.status, trial.answer.scope) != (
        "verified",
        checked.scope,
    )


def opposed(answer: Answer, theirs: str) -> bool:
    """The two say things of which only one can be right; a claim refused as invalid says nothing."""
    if theirs == "verified" or (answer.status, theirs) == ("verified", "contradicted"):
        return True
    return answer.clear and (answer.status == "verified" or "invalid" not in (answer.status, theirs))


def tell(outcomes: Iterable[Outcome], most: int = 12) -> str:
    """The first few outcomes in words, each enough to repeat it by hand."""
    rows = [
        f"{trial.family} in {trial.world}: product {checked.status}/{checked.scope}, oracle {trial.answer}, "
        f"{[(o.check, o.reason) for o in checked.objections]}\n    {to_json(trial.claim)[:700]}"
        for trial, checked in outcomes
    ]
    return f"{len(rows)} in all\n" + "\n".join(rows[:most])


def test_there_are_at_least_ten_thousand_mutants_and_no_family_is_empty() -> None:
    tally, _ = mutants()

    per_family = Counter(trial.family for trial in tally.trials)

    assert {*FAMILIES, "(k) older_snapshot", "(l) hypothesis_without_shape"} == set(per_family)
    assert min(per_family.values()) >= 40
    assert len(tally.trials) >= (50_000 if FULL else 10_000) or set(bases()) == {"demo"}


def test_no_schema_is_without_mutants_and_truths() -> None:
    """Every schema that the dictionary knows, by golden records or by a shipped mapping."""
    false, true = (
        Counter(map(schema_of, found)) for found in (mutants()[0].trials, [t for t, _ in truths()])
    )
    names = sorted({base.partition(":")[2] for base in each_schema()} | set(false) - {""})
    print(f"\n{'schema':34}{'mutants':>8}{'truths':>8}")
    for name in names:
        print(f"{name:34}{false[name]:8}{true[name]:8}")

    assert {name for name in dictionary().schemas if not name.startswith(("csv.", "json.s"))} <= set(names)
    assert [name for name in names if not false[name] or not true[name]] == []


def test_no_false_claim_is_verified() -> None:
    tally, outcomes = mutants()
    total = Counter(trial.family for trial, _ in outcomes)
    verified = Counter(trial.family for trial, checked in outcomes if wrong(trial, checked))
    print(f"\n{'family':38}{'mutants':>8}{'verified':>10}")
    for family, number in total.items():
        print(f"{family:38}{number:8}{verified[family]:10}")
    print(
        f"{'all':38}{total.total():8}{verified.total():10}   ({tally.accidents} mutants were true by accident and left out)"
    )

    failures = [(trial, checked) for trial, checked in outcomes if wrong(trial, checked)]

    assert not failures, tell(failures)


def test_true_claims_are_verified_with_the_scope_they_have() -> None:
    outcomes = truths()
    rejected = [
        (t, c) for t, c in outcomes if t.answer and (c.status, c.scope) != ("verified", t.answer.scope)
    ]

    kinds = Counter(trial.family for trial, _ in outcomes)
    print(f"\n{len(outcomes)} true claims, {len(rejected)} not accepted; {dict(kinds)}")

    assert {f"true {kind}" for kind in FACT_KINDS} == set(kinds)
    assert len(outcomes) - len(rejected) >= 0.995 * len(outcomes), tell(rejected)


def test_a_verified_claim_is_tainted_exactly_when_an_outsider_could_have_chosen_what_it_rests_on() -> None:
    """Taint decides what may close a case: both readings of the dictionary must give the same."""
    plain = [
        (t, c)
        for t, c in truths()
        if c.status == "verified" and t.claim["kind"] not in ("order", "reference")
    ]

    failures = [(t, c) for t, c in plain if c.tainted != oracle(t.world).tainted(t.claim)]

    assert {True, False} == {checked.tainted for _, checked in plain}
    assert not failures, tell(failures)


def test_two_implementations_agree_on_every_claim() -> None:
    """Also on contradicted against unsupported, wherever the specification leaves no room."""
    outcomes = [(trial, checked) for trial, checked in mutants()[1] + truths() if trial.answer is not None]
    differ = [(t, c) for t, c in outcomes if t.answer and t.answer.status != c.status]
    table = Counter((t.family, t.answer.status, c.status, t.answer.clear) for t, c in differ if t.answer)
    print(f"\n{'family':38}{'oracle':14}{'product':14}{'clear':7}{'claims':>6}")
    for (family, ours, theirs, clear), number in sorted(table.items()):
        print(f"{family:38}{ours:14}{theirs:14}{clear!s:7}{number:6}")

    failures = [(t, c) for t, c in differ if t.answer and opposed(t.answer, c.status)]

    assert not failures, tell(failures)


def test_hypotheses_without_a_sound_basis_get_the_status_that_says_so() -> None:
    outcomes = [(trial, checked) for trial, checked in mutants()[1] if trial.answer is None]

    failures = [(trial, checked) for trial, checked in outcomes if checked.status not in trial.expected]

    assert outcomes
    assert not failures, tell(failures)


@pytest.mark.parametrize("base", list(bases()))
def test_two_readers_find_the_same_time_and_source_in_every_record(base: str) -> None:
    for variant in ("full", "stripped", "timeless", "close"):
        same_time_and_source(build(base, variant).oracle.records)
    same_time_and_source(samples()[base])


@pytest.mark.parametrize("base", each_schema())
def test_two_readers_agree_on_golden_records(base: str) -> None:
    for variant in ("full", "stripped", "close"):
        same_time_and_source(build(base, variant).oracle.records)


@pytest.mark.parametrize("base", ["scenario-lsass-procdump", "wazuh-alerts-ait", "ait-ads", *each_schema()])
def test_two_readers_read_the_same_in_lines_and_tables(base: str) -> None:
    """What the oracle's readers find, the product's parsers find; they may find more."""
    records = records_of(base) if base.startswith("schema:") else samples().get(base, [])
    for record in (r for r in records if r.parser not in ("json/1", "eml/1")):
        assert part_of(record.view, view(record.raw, record.parser)), record.raw[:300]


def part_of(ours: object, theirs: object) -> bool:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(key in theirs and part_of(value, theirs[key]) for key, value in ours.items())
    return ours == theirs


def same_time_and_source(records: Iterable[Record]) -> None:
    for record in records:
        kept = evidence_of(record.raw, record.schema, record.parser, 1)

        assert (record.event_ns, record.source.lower()) == (kept.event_ns, kept.source.lower()), record.raw[
            :300
        ]
