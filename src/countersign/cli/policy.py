"""`countersign policy check|explain`: is a policy set sound, and what would it answer?"""

import json
import sys
from pathlib import Path

import msgspec
from rich.console import Console

from countersign import config, wiring
from countersign.cli import screen
from countersign.cli.places import Places, open_ports
from countersign.core.identity.people import Person
from countersign.core.review.friction import Friction, Row
from countersign.core.review.policyset import ACTIONS, AT_BEST, rules_of
from countersign.core.review.ruling import Denied, Permitted, Ruling
from countersign.errors import UsageError
from countersign.ports import PolicyEngine, Ports

Context = dict[str, bool | int | str]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the policy, and its answer."""

    person: Person
    action: str
    tier: int
    context: Context
    ruling: Ruling


def check(places: Places, folder: str | None, as_json: bool) -> int:
    """Validate a policy set as a starting process would, tests included; the one in force here when none is named."""
    found, where, tests = wiring.checked_policies(config.home(places[0]), Path(folder) if folder else None)
    if as_json:
        told = {"schema": "countersign.policy-check/1", "from": where, "digest": found.digest, "tests": tests}
        sys.stdout.write(json.dumps(told, indent=1) + "\n")
        return 0
    out = screen.console()
    screen.line(
        out,
        f"{where}: valid, and it meets its {tests} tests" if tests else f"{where}: valid; it brings no tests",
    )
    sys.stdout.write(found.digest + "\n")  # never wrapped: it is compared
    for tier in (1, 2, 3):
        screen.line(out, _asks(found.friction, tier), lead=f"tier {tier}  ")
    return 0


def _asks(friction: Friction, tier: int) -> str:
    """What a decision of this tier asks for, in a sentence."""
    row = friction.row(tier)
    people = "1 person signs" if row.signers == 1 else f"{row.signers} people sign"
    parts = [
        f"{people} with {' and '.join(dict.fromkeys(row.assurance))}",
        _first(row),
        f"opens the evidence of {row.open.replace('_', '-')} claims",
        f"sees {' '.join(row.see)}",
    ]
    parts += [f"says why in {row.text} characters"] if row.text else []
    parts += ["one keystroke where nothing is held against the brief"] if row.one_keystroke else []
    return "; ".join(parts)


def _first(row: Row) -> str:
    often = {0: "never", 1000: "always"}.get(row.commit_first_per_mille)
    return f"commits first {often or f'in {row.commit_first_per_mille / 10:g} % of reviews'}"


def explain(places: Places, name: str, action: str, case: str | None, given: list[str], as_json: bool) -> int:
    """What the policy answers this person now, by which rule; exit code 1 when it denies."""
    if action not in ACTIONS:
        raise UsageError(f"there is no action {action!r}", hint=f"One of: {', '.join(ACTIONS)}.")
    ports = open_ports(places)
    person, tier = _who(ports, name), _tier(ports, case, action)
    context: Context = {**AT_BEST.get(action, {}), **_given(given)}
    ruling = ports.policy.rule_on(person.roles, person.id, action, tier, context)
    asked = Asked(person=person, action=action, tier=tier, context=context, ruling=ruling)
    if as_json:
        sys.stdout.write(json.dumps(_document(asked), indent=1) + "\n")
    else:
        _print(screen.console(), asked, ports.policy)
    return 0 if isinstance(ruling, Permitted) else 1


def _who(ports: Ports, name: str) -> Person:
    with ports.store.reading() as tx:
        found = tx.people.named(name) or tx.people.get(name)
    if found is None:
        raise UsageError(
            f"nobody here is named {name!r}", hint="`countersign person list` shows who there is."
        )
    return found


def _tier(ports: Ports, case: str | None, action: str) -> int:
    """The tier of the case as it stands; persons are managed in the home, whatever case is named."""
    if action.startswith("person."):
        return 0
    if case is None:
        raise UsageError(f"{action} is asked about a case", hint="Name it with --case CASE.")
    with ports.store.reading() as tx:
        found = tx.cases.latest(case)
    if found is None:
        raise UsageError(
            f"there is no case {case!r}", hint="`countersign case list` shows the cases; ids are exact."
        )
    return found.tier


def _given(pairs: list[str]) -> Context:
    """What is supposed instead: `fresh=false`, `people=1`."""
    words: dict[str, bool] = {"true": True, "false": False}
    supposed: Context = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise UsageError(f"{pair!r} is not KEY=VALUE", hint="For example --given fresh=false.")
        whole = value.isascii() and value.isdigit() and len(value) < 10
        supposed[key] = words[value] if value in words else int(value) if whole else value
    return supposed


def _document(asked: Asked) -> dict[str, object]:
    ruling = asked.ruling
    told: dict[str, object] = {
        "schema": "countersign.ruling/1",
        "person": asked.person.id,
        "roles": list(asked.person.roles),
        "action": asked.action,
        "tier": asked.tier,
        "context": asked.context,
        "permitted": isinstance(ruling, Permitted),
        "rules": list(rules_of(ruling)),
    }
    return told | ({"reason": ruling.reason, "satisfy": ruling.satisfy} if isinstance(ruling, Denied) else {})


def _print(out: Console, asked: Asked, policy: PolicyEngine) -> None:
    who = f"{asked.person.name} ({', '.join(asked.person.roles) or 'no role'})"
    told = ", ".join(f"{key}={json.dumps(value)}" for key, value in asked.context.items())
    on = "" if asked.action.startswith("person.") else f" on a case of tier {asked.tier}"
    question = f"{asked.action} by {who}{on}" + (f", given {told}" if told else "")
    if isinstance(asked.ruling, Permitted):
        screen.line(out, f"permitted by {', '.join(asked.ruling.by_rules)}: {question}")
    else:
        screen.line(out, f"denied by {asked.ruling}")
        screen.line(out, f"asked: {question}", "dim")
    if asked.action.startswith("decision."):
        screen.line(out, f"the decision itself: {_asks(policy.friction, asked.tier)}", "dim")
    sys.stdout.write(policy.digest + "\n")
