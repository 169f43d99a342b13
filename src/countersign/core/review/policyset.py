"""A policy set: who may do what (Cedar), what decisions ask for (friction), and the tests that say what is meant.

Every file counts towards the digest that rulings and decisions carry. A set is taken whole or not at all, and a file
that nobody reads is refused, so that nothing lies beside the policy and looks as if it were in force.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

import msgspec

from countersign.core.identity.people import Role
from countersign.core.ids import canonical, digest
from countersign.core.review.friction import Friction, parse
from countersign.core.review.ruling import Denied, Permitted, Ruling

SCHEMA, FRICTION, TESTS, POLICIES = "schema.cedarschema", "friction.toml", "tests.toml", ".cedar"
MAX_FILE = 256 * 1024
Expected = Literal["permit", "deny"]


class PolicyTest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sentence about the policy: these roles (or a service) ask for an action, and this is the answer."""

    name: str
    action: str
    expect: Expected
    roles: tuple[Role, ...] = ()
    service: str = ""  # a service's id, in place of a person
    tier: int = 1
    context: dict[str, bool | int | str] = {}
    rule: str = ""  # the policy or rule that must have answered; any when empty


class _Allowed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One action of the matrix: who may, everybody else may not, and a service never."""

    permit: tuple[Role, ...]
    context: dict[str, bool | int | str] = {}


class _Tests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    may: dict[str, _Allowed] = {}
    test: tuple[PolicyTest, ...] = ()


class PolicySet(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a set, read strictly. `document` holds every one of them, `digest` is over it."""

    schema: str
    policies: str
    friction: Friction
    tests: tuple[PolicyTest, ...]
    document: bytes
    digest: str


def read_set(files: Mapping[str, bytes]) -> PolicySet:
    """The set that these files (name → content) are; `ValueError` in words when they are none."""
    texts = {name: _text(name, data) for name, data in sorted(files.items())}
    cedar = [name for name in texts if name.endswith(POLICIES)]
    if strange := sorted(texts.keys() - {SCHEMA, FRICTION, TESTS, *cedar}):
        raise ValueError(f"{', '.join(strange)} is no part of a policy set")
    if missing := [name for name in (SCHEMA, FRICTION) if name not in texts] + ([] if cedar else ["*.cedar"]):
        raise ValueError(f"{', '.join(missing)} is missing: a policy set is replaced whole")
    document = canonical({"files": texts, "v": 1})
    return PolicySet(
        schema=texts[SCHEMA],
        policies="\n".join(texts[name] for name in cedar),
        friction=parse(files[FRICTION]),
        tests=_tests(texts.get(TESTS, "")),
        document=document,
        digest=digest(document),
    )


def _text(name: str, data: bytes) -> str:
    if len(data) > MAX_FILE:
        raise ValueError(f"{name} is larger than {MAX_FILE // 1024} KiB")
    try:
        return data.decode()
    except UnicodeError as error:
        raise ValueError(f"{name} is not UTF-8") from error


def _tests(text: str) -> tuple[PolicyTest, ...]:
    try:
        read = msgspec.convert(tomllib.loads(text), _Tests)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError) as error:
        raise ValueError(f"{TESTS}: {error}") from error
    return (*(test for action in sorted(read.may) for test in _matrix(action, read.may[action])), *read.test)


def _matrix(action: str, allowed: _Allowed) -> Iterator[PolicyTest]:
    """Each role by itself, nobody's role, and a service."""
    for role in get_args(Role):
        expect: Expected = "permit" if role in allowed.permit else "deny"
        name = f"{action} by {role}"
        yield PolicyTest(name=name, action=action, expect=expect, roles=(role,), context=allowed.context)
    for name, service in (("nobody's role", ""), ("a service", "svc/test")):
        asked = f"{action} by {name}"
        yield PolicyTest(name=asked, action=action, expect="deny", service=service, context=allowed.context)


def failures(tests: tuple[PolicyTest, ...], ask: Callable[[PolicyTest], Ruling]) -> Iterator[str]:
    """The tests that a policy does not meet, in words."""
    for test in tests:
        ruling = ask(test)
        if isinstance(ruling, Denied) and test.expect == "permit":
            yield f"{test.name}: denied by {ruling}"
        elif isinstance(ruling, Permitted) and test.expect == "deny":
            yield f"{test.name}: permitted by {', '.join(ruling.by_rules)}"
        elif test.rule and test.rule not in rules_of(ruling):
            yield f"{test.name}: {test.rule} was to answer, and {', '.join(rules_of(ruling))} did"


def rules_of(ruling: Ruling) -> tuple[str, ...]:
    """The names of the rules that made a ruling."""
    return ruling.by_rules if isinstance(ruling, Permitted) else tuple(ruling.rule.split(", "))


AT_BEST: Mapping[str, Mapping[str, bool | int | str]] = {
    "decision.sign": {"fresh": True, "proposed": False},
    "decision.countersign": {"fresh": True, "proposed": False, "signed": False},
    "case.erase": {"people": 2},
}
"""What an action is asked with when everything that code found out speaks for it; other actions are asked with nothing."""
ACTIONS = (
    *("review.open", "review.see", "case.export"),
    *("decision.sign", "decision.countersign", "tier.lower"),
    *("action.propose", "case.erase"),
    *("person.add", "person.enrol", "person.revoke", "person.roles"),
)
"""Every action that code asks about."""
