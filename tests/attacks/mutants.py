"""False claims: true ones with one thing made wrong, in the families of the specification's section 12.

Families 1 to 22 are the published ones, (a) to (l) the twelve that an early verifier passed over. Every
mutant is judged by the oracle; one that happens to be true is counted and thrown away. They are made over
samples of real folders, and over the golden records of every schema, so that no schema goes without.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache

from mutations import (
    absence_false,
    absence_with_hole,
    changed_value,
    count_off_by_one,
    count_total_instead,
    duration_plus,
    first_last_swapped,
    flipped,
    free_text,
    from_newer_snapshot,
    from_older_snapshot,
    homoglyph,
    inflated,
    inside_bound,
    invented_record,
    one_role_from_other_record,
    order_reversed,
    outside_window,
    pointer_without_a_type,
    quote_altered,
    quote_case,
    quote_offset,
    reversed_interval,
    role_of_nothing,
    role_swap,
    roles_of_two_records,
    same_differs,
    same_words_other_type,
    shortened,
    signed,
    tagged,
    timezone_dropped,
    timezone_shift,
    true_for_one,
    value_from_other_record,
    wrong_pointer,
    wrong_record_cited,
)
from oracle import Answer, Claim, Oracle
from truths import Maker
from worlds import build, older

FACT_KINDS = ("field", "quote", "relation", "same", "count", "time", "order", "absence", "reference")
UNMET = (
    "recon", "brute_force", "phish_delivery", "suspicious_exec", "persistence", "priv_gain", "discovery", "cloud_exposure",
    "account_misuse", "exploit", "credential_theft", "impair_defence", "lateral_move", "command_control", "exfiltration",
    "impact", "policy_breach", "authorised_test", "approved_change", "known_automation", "owner_confirmed", "rule_defect",
    "stale_intel", "blocked", "no_follow_on", "duplicate",
)  # fmt: skip


@dataclass(frozen=True)
class Trial:
    """A claim put to the product, and what it must not answer.

    `support` holds true claims that a hypothesis rests on; `answer` is None for hypotheses, which no oracle
    judges: their `expected` statuses are stated by the family.
    """

    family: str
    world: str
    claim: Claim
    answer: Answer | None
    support: tuple[Claim, ...] = ()
    expected: frozenset[str] = frozenset()


@dataclass
class Tally:
    """Trials and how many mutants were thrown away because they happened to be true."""

    trials: list[Trial] = field(default_factory=list)
    accidents: int = 0


@cache
def oracle(world: str) -> Oracle:
    """The oracle of a world `base/variant`, or of the snapshot `base/older`."""
    base, _, variant = world.partition("/")
    return older(base) if variant == "older" else build(base, variant).oracle


@cache
def maker(world: str) -> Maker:
    """The source of true claims of a world."""
    return Maker(oracle(world), f"countersign/{world}")


FAMILIES: dict[str, tuple[Callable[[Maker], Claim], str]] = {
    "1 char_flip": (changed_value(flipped), "full"),
    "2 value_from_other_record": (value_from_other_record, "full"),
    "3 wrong_record_cited": (wrong_record_cited, "full"),
    "4 wrong_pointer": (wrong_pointer, "full"),
    "5 homoglyph": (changed_value(homoglyph), "full"),
    "6 unicode_tag_suffix": (changed_value(tagged), "full"),
    "7 truncated": (changed_value(shortened, quotes=False), "full"),
    "8 invented_record": (invented_record, "full"),
    "9 quote_altered": (quote_altered, "full"),
    "10 quote_case": (quote_case, "full"),
    "11 quote_offset": (quote_offset, "full"),
    "12 role_swap": (role_swap, "full"),
    "13 rel_one_role_from_other_record": (one_role_from_other_record, "full"),
    "14 count_off_by_one": (count_off_by_one, "full partial"),
    "15 count_total_instead": (count_total_instead, "full none"),
    "16 first_last_swapped": (first_last_swapped, "full partial"),
    "17 timezone_shift_6h": (timezone_shift, "full none"),
    "18 timezone_dropped": (timezone_dropped, "full"),
    "19 duration_plus_60s": (duration_plus, "full none"),
    "20 order_reversed": (order_reversed, "full"),
    "21 absence_without_coverage": (Maker.absence, "partial limited"),
    "22 absence_false": (absence_false, "full"),
    "(a) interval_reversed": (reversed_interval, "full"),
    "(b) absence_beside_a_hole": (absence_with_hole, "stripped timeless"),
    "(c) outside_covered_window": (outside_window, "full"),
    "(d) free_text_in_filter": (free_text, "full"),
    "(e) our_signs_in_a_value": (changed_value(signed), "full"),
    "(f) narrower_query": (Maker.absence, "narrow"),
    "(g) true_for_one": (true_for_one, "full"),
    "(h) roles_of_two_records": (roles_of_two_records, "full"),
    "(i) order_inside_clock_bound": (inside_bound, "close"),
    "(j) duplicates_counted": (inflated, "doubled"),
    "pointer_without_a_type": (pointer_without_a_type, "full"),
    "role_of_nothing": (role_of_nothing, "full"),
    "same_words_other_type": (same_words_other_type, "full"),
    "same_differs": (same_differs, "full"),
}


def hypothesis(m: Maker) -> Trial:
    """(l) A reading that its basis does not carry, or that is none of the vocabulary."""
    fact, _ = m.true("quote")
    fact = {"id": "b1", **fact}
    weak = {"id": "b2", "kind": "hypothesis", "code": "exploit", "stance": "weakens", "basis": ["b1"]}
    unsound = {"id": "b3", **(m.true("quote")[0]), "text": "never in any record \u2603"}
    made = {"kind": "hypothesis", "code": m.rng.choice(UNMET), "stance": "supports", "basis": ["b1"]}
    no, never = frozenset({"unsupported"}), frozenset({"invalid"})
    code = m.rng.choice(
        ["pwned", "true_positive", "", "EXPLOIT", "benign", "tool_attack", "visibility_gap", "verified"]
    )
    choices: list[tuple[Claim, tuple[Claim, ...], frozenset[str]]] = [
        (made, (fact,), no),
        (made | {"code": code}, (fact,), never),
        (made | {"basis": ["b2"]}, (fact, weak), no | never),
        (made | {"basis": ["b1", "b2"]}, (fact, weak), no | never),
        (made | {"basis": ["b3"], "stance": "weakens"}, (unsound,), no),
        (made | {"basis": ["b9"]}, (fact,), no | never),
        (made | {"basis": []}, (fact,), never),
        (made | {"basis": ["b1", "b1"]}, (fact,), never),
        (made | {"stance": m.rng.choice(["proves", "", True, "SUPPORTS"])}, (fact,), never),
        (made | {"note": "clearly benign"}, (fact,), never),
    ]
    claim, support, expected = m.rng.choice(choices)
    return Trial("(l) hypothesis_without_shape", "", claim, None, support, expected)


def really_false(trial: Trial) -> bool:
    """The oracle does not call it verified; of collected records only is no falsehood, and is checked by scope."""
    if trial.answer is None:
        return True
    scoped = trial.family.startswith("(c)") and trial.answer.scope == "collected_only"
    return trial.answer.status != "verified" or scoped


def mutants_of(
    family: str, make: Callable[[Maker], Claim], worlds: list[str], wanted: int, tally: Tally, tries: int = 12
) -> None:
    """Fill the tally with different mutants of a family, from its worlds in turn; fewer where there are no more."""
    seen = set()
    for attempt in range(wanted * tries):
        if len(seen) >= wanted:
            return
        world = worlds[attempt % len(worlds)]
        try:
            claim = {"id": "c", **make(maker(world))}
        except (LookupError, ValueError):
            continue
        trial = Trial(family, world, claim, oracle(world).judge(claim))
        if (world, repr(claim)) in seen:
            continue
        if really_false(trial):
            seen.add((world, repr(claim)))
            tally.trials.append(trial)
        else:
            tally.accidents += 1


def schema_mutants(bases: list[str], families: int, each: int) -> Tally:
    """For each schema so many mutants of so many families, other ones for each schema."""
    tally = Tally()
    for base in bases:
        order = random.Random(base).sample(sorted(FAMILIES), len(FAMILIES))
        before = len(tally.trials)
        for family in order:
            if len(tally.trials) - before >= families * each:
                break
            make, variants = FAMILIES[family]
            names = [f"{base}/{variant}" for variant in variants.split()]
            worlds = [name for name in names if oracle(name).records]
            mutants_of(family, make, worlds, each if worlds else 0, tally, 4)
    return tally


def schema_truths(bases: list[str], each: int) -> list[Trial]:
    """For each schema so many true claims of each kind that its golden records allow."""
    made = []
    for base in bases:
        for kind in FACT_KINDS:
            for number in range(each):
                world = f"{base}/{('full', 'none', 'partial')[number % 3]}"
                try:
                    claim, answer = maker(world).true(kind, 20)
                except LookupError:
                    continue
                made.append(Trial(f"true {kind}", world, {"id": "c", **claim}, answer))
    return made


def schema_of(trial: Trial) -> str:
    """The schema that a trial is about; empty for one about lists and readings."""
    claim, seen = trial.claim, oracle(trial.world)
    if "filter" in claim:
        return str(claim["filter"]["schema"])
    named = [claim.get("cite"), claim.get("before"), claim.get("after"), claim.get("a", {}).get("cite")]
    found = [seen.by_id[name].schema for name in named if name in seen.by_id]
    base = trial.world.partition("/")[0]
    return found[0] if found else base.removeprefix("schema:") if base.startswith("schema:") else ""


def hypotheses(worlds: list[str], wanted: int) -> Iterator[Trial]:
    for number in range(wanted):
        world = worlds[number % len(worlds)]
        made = hypothesis(maker(world))
        yield Trial(made.family, world, {"id": "c", **made.claim}, None, made.support, made.expected)


def all_mutants(bases: list[str], wanted: int) -> Tally:
    """About `wanted` mutants of every family over all bases."""
    tally = Tally()
    for family, (make, variants) in FAMILIES.items():
        names = [f"{base}/{variant}" for variant in variants.split() for base in bases]
        mutants_of(family, make, [name for name in names if oracle(name).records], wanted, tally)
    for base in bases:
        old, new = f"{base}/older", f"{base}/grown"
        each, family = wanted // len(bases) // 2 + 1, "(k) older_snapshot"
        mutants_of(family, lambda m, old=old: from_older_snapshot(m, maker(old)), [new], each, tally)  # type: ignore[misc]
        mutants_of(family, lambda m, new=new: from_newer_snapshot(m, maker(new)), [old], each, tally)  # type: ignore[misc]
    tally.trials.extend(hypotheses([f"{base}/full" for base in bases], wanted))
    return tally


def all_truths(bases: list[str], wanted: int) -> list[Trial]:
    """About `wanted` true claims of each kind over all bases and the variants that allow them."""
    made = []
    variants = ("full", "full", "none", "partial", "doubled", "grown", "narrow")
    for kind in FACT_KINDS:
        for number in range(wanted):
            world = f"{bases[number % len(bases)]}/{variants[number // len(bases) % len(variants)]}"
            try:
                claim, answer = maker(world).true(kind, 20)
            except LookupError:
                continue
            made.append(Trial(f"true {kind}", world, {"id": "c", **claim}, answer))
    return made
