"""Policy by Cedar: read and validated when a process starts, asked with its schema on every call.

The engine skips a policy whose condition fails, and answers `NoDecision` to a request that does not fit: so only a
clean Allow by named policies permits (`core/review/ruling.ruled`), and the schema goes along every time. Anything
wrong with the files, and any test of theirs that they do not meet, keeps the process from starting.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import cedarpy

from countersign.core.identity.people import Role
from countersign.core.review.friction import Friction
from countersign.core.review.policyset import PolicySet, PolicyTest, failures, read_set
from countersign.core.review.ruling import NO_ANSWER, Denied, Ruling, ruled
from countersign.errors import ConfigError

FOLDER = "policy"
"""Where a home may keep a policy set of its own."""
ON_THE_HOME = ("person.",)
"""Actions whose resource is the installation; all others are on a case."""
_HINT = "See docs/howto/policy.md, and run `countersign policy check DIR`."


class CedarPolicies:
    """`ports.PolicyEngine`."""

    def __init__(self, policy_set: PolicySet) -> None:
        """`ConfigError` unless every policy parses, has a name, fits the schema and meets the set's tests."""
        self._set = policy_set
        if wrong := [*_wrong(policy_set)]:
            raise ConfigError(f"the policy cannot be used: {'; '.join(wrong[:5])}", hint=_HINT)
        self._schema = cedarpy.Schema.from_str(policy_set.schema)
        self._policies = cedarpy.PolicySet.from_str(policy_set.policies)
        if failed := [*failures(policy_set.tests, self._test)]:
            raise ConfigError(f"the policy does not meet its tests: {'; '.join(failed[:5])}", hint=_HINT)

    @property
    def digest(self) -> str:
        """sha256:… of every file of the set."""
        return self._set.digest

    @property
    def document(self) -> bytes:
        """The whole set, as it is kept for replay."""
        return self._set.document

    @property
    def friction(self) -> Friction:
        """What decisions ask for by tier."""
        return self._set.friction

    @property
    def tests(self) -> int:
        """How many tests the set brings, all of which it meets."""
        return len(self._set.tests)

    def rule_on(
        self, roles: Collection[Role], person: str, action: str, tier: int, context: Mapping[str, object]
    ) -> Ruling:
        """A ruling on one action by a person (an id `p_…`) or a service (any other id). Never raises."""
        asked = f"{action} by {person} ({', '.join(sorted(roles)) or 'no role'})"
        try:
            answer = cedarpy.is_authorized(
                _request(person, action, dict(context)),
                self._policies,
                _entities(person, roles, tier),
                self._schema,
            )
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in the engine denies
            return Denied(NO_ANSWER, f"{asked}: the policy engine failed: {error}", _HINT)
        told = answer.diagnostics
        return ruled(
            answer.decision.value,
            errors=told.errors,
            rules=[told.id_annotations_by_reason.get(reason, "") for reason in told.reasons],
            policy=self.digest,
            asked=asked,
            satisfy=f"`countersign policy explain --action {action}` shows who may.",
        )

    def _test(self, test: PolicyTest) -> Ruling:
        return self.rule_on(test.roles, test.service or "p_test", test.action, test.tier, test.context)


def open_policies(home: Path | None = None) -> CedarPolicies:
    """The home's own policy set if it has one, whole; else the one that comes with the package."""
    folder = None if home is None else home / FOLDER
    return CedarPolicies(_read(_files(folder) if folder and folder.exists() else bundled_files()))


def check_policies(folder: Path | None) -> CedarPolicies:
    """The policy set of a folder, as it would be used; the bundled one for None."""
    return CedarPolicies(_read(bundled_files() if folder is None else _files(folder)))


def bundled_files() -> dict[str, bytes]:
    """The files under `core/review/policy/`, by name."""
    found = files("countersign.core").joinpath("review", "policy").iterdir()
    return {file.name: file.read_bytes() for file in found if not file.name.startswith((".", "__"))}


def _files(folder: Path) -> dict[str, bytes]:
    try:
        return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    except OSError as error:
        raise ConfigError(f"the policy in {folder} cannot be read: {error.strerror}", hint=_HINT) from error


def _read(found: Mapping[str, bytes]) -> PolicySet:
    try:
        return read_set(found)
    except ValueError as error:
        raise ConfigError(f"the policy cannot be used: {error}", hint=_HINT) from error


# --- what is asked --------------------------------------------------------------------------------------------------


def _request(person: str, action: str, context: dict[str, object]) -> dict[str, Any]:
    at_home = action.startswith(ON_THE_HOME)
    return {
        "principal": _principal(person),
        "action": {"type": "Action", "id": action},
        "resource": {"type": "Home", "id": "home"} if at_home else {"type": "Case", "id": "case"},
        "context": json.dumps(context, allow_nan=False),
    }


def _principal(person: str) -> dict[str, str]:
    """A person when the id is a person's; everything else is a service, whatever roles are claimed for it."""
    return {"type": "Person" if person.startswith("p_") else "Service", "id": person}


def _entities(person: str, roles: Collection[str], tier: int) -> list[dict[str, Any]]:
    held = [{"type": "Role", "id": role} for role in sorted(set(roles))] if person.startswith("p_") else []
    return [
        {"uid": _principal(person), "attrs": {}, "parents": held},
        *({"uid": role, "attrs": {}, "parents": []} for role in held),
        {"uid": {"type": "Case", "id": "case"}, "attrs": {"tier": tier}, "parents": []},
        {"uid": {"type": "Home", "id": "home"}, "attrs": {}, "parents": []},
    ]


# --- what is wrong with a set ------------------------------------------------------------------------------------------


def _wrong(policy_set: PolicySet) -> Iterator[str]:
    try:
        checked = cedarpy.validate_policies(policy_set.policies, policy_set.schema)
        read = json.loads(cedarpy.policies_to_json_str(policy_set.policies))
    except ValueError as error:
        yield str(error)
        return
    called = checked.id_annotations_by_policy_id
    yield from (f"{called.get(one.policy_id) or one.policy_id}: {one.error}" for one in checked.errors)
    if not checked.validation_passed and not checked.errors:
        yield "the policies do not fit the schema"
    if read.get("templates") or read.get("templateLinks"):
        yield "templates are not used here"
    names: set[str] = set()
    for policy in read["staticPolicies"].values():
        name = policy.get("annotations", {}).get("id") or ""
        if not name or name in names:
            yield f"two policies are named {name}" if name else "a policy has no @id"
        names.add(name)
        if policy["effect"] == "forbid" and any(one["kind"] == "unless" for one in policy["conditions"]):
            yield f"{name}: a forbid with unless is skipped when its condition fails; write a permit with when"
    if not names:
        yield "there is no policy"
