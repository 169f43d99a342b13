"""What gives an observable weight: pinned lists that hold it, privilege, criticality, and where it was seen.

Works on the distinct values that one survey of the snapshot found. Source: `verification.md` section 7.
"""

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network

import msgspec

from countersign.core.claims.reference import Reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.panel.survey import Column
from countersign.core.records.fields import Field
from countersign.core.records.observable import kind_of, spell
from countersign.core.render import CLOSE, OPEN, neutralize, shown, value_text

_PRIVILEGED_SID = re.compile(r"S-1-5-21-[\d-]+-(500|512|518|519)|S-1-5-32-544", re.IGNORECASE)
_PRIVILEGED_NAME = re.compile(
    r"(.*\\)?(administrator|admin|root|krbtgt|domain admins|enterprise admins|schema admins|administrators|"
    r"(adm|admin|da)[-_.].+|.+[-_.](adm|admin))(@.*)?",
    re.IGNORECASE,
)
_YES = frozenset({"true", "yes", "1", "high", "critical", "tier0", "tier-0"})


class Named(msgspec.Struct):
    """One observable in its one spelling, and where it was seen."""

    type: str
    value: str
    count: int
    eid: str
    pointer: str
    shown_value: object
    tainted: bool
    alerted: bool
    schemas: set[str]
    spellings: set[str]


def plain(text: str) -> str:
    """A shown value without the marks that say an outsider chose it, in lower case."""
    return text.removeprefix(OPEN).removesuffix(CLOSE).lower()


def named(columns: Sequence[Column]) -> list[Named]:
    """The observables of the surveyed columns, in order of type and value."""
    found: dict[tuple[str, str], Named] = {}
    for column in columns:
        kind = kind_of(column.field, column.schema)
        for seen in column.values.values() if kind else ():
            if not isinstance(seen.value, str):
                continue
            for one in spell(kind, seen.value):
                at = found.get((one.type, one.value))
                if at is None:
                    at = found[one.type, one.value] = Named(
                        one.type,
                        one.value,
                        0,
                        seen.eid,
                        seen.pointer,
                        seen.value,
                        column.field.tainted,
                        False,
                        set(),
                        set(),
                    )
                at.count += seen.count
                at.alerted = at.alerted or seen.alerted
                at.schemas.add(column.schema)
                at.spellings.add(plain(shown(seen.value, tainted=False)))
    return [found[key] for key in sorted(found)]


def listed(snapshot: Snapshot, one: Named) -> Iterator[str]:
    """Why each pinned bad list or allow-list that holds the observable holds it, bad lists first."""
    for kind, words in (("indicator_list", "on the bad list"), ("allow_list", "on the allow-list")):
        for reference in snapshot.references.values():
            if reference.kind == kind and (key := _hit(reference, one)) is not None:
                version = f"{neutralize(reference.kb)} ({neutralize(reference.kb_version)})"
                yield f"{words} {version} as {neutralize(key)}"


def known(snapshot: Snapshot, rows: Sequence[Named]) -> Iterator[tuple[Named, str]]:
    """Each list of well-known values that holds observables of the case: the first of them, and how many."""
    for reference in snapshot.references.values():
        if reference.known is None:
            continue
        hits = [(one, key) for one in rows if (key := reference.known.hit(one.type, one.value))]
        if hits:
            one, key = hits[0]
            more = f", and {len(hits) - 1} more of the case" if len(hits) > 1 else ""
            version = f"{neutralize(reference.kb)} ({neutralize(reference.kb_version)})"
            yield (
                one,
                f"on a list of well-known values, {version}, as {neutralize(key)}{more}: context, not a verdict",
            )


def _hit(reference: Reference, one: Named) -> str | None:
    for candidate in _candidates(one):
        for key in (candidate, candidate.lower()):
            if key in reference.entries:
                return key
    if one.type == "ip":
        address = ip_address(one.value)
        for key in reference.entries:
            if "/" in key and _inside(address, key):
                return key
    return None


def _candidates(one: Named) -> list[str]:
    names = [value_text(one.shown_value), one.value]
    if one.type == "domain":
        labels = one.value.split(".")
        names += [".".join(labels[n:]) for n in range(1, len(labels) - 1)]
    return names


def _inside(address: object, key: str) -> bool:
    try:
        return address in ip_network(key, strict=False)
    except ValueError:
        return False


def weighs(field: Field) -> bool:
    """Can this field name a privileged account or a critical asset?"""
    return field.type in {"sid", "user", "host"} or (
        field.type == "enum" and field.pointer.endswith("/userIdentity/type")
    )


def privileged(field: Field, value: object) -> str:
    """Why this value is a privileged account, in words; empty when it is none."""
    text = value_text(value).strip()
    if field.type == "sid" and _PRIVILEGED_SID.fullmatch(text):
        return "privileged account or group (by SID)"
    if field.type == "user" and _PRIVILEGED_NAME.fullmatch(text):
        return "privileged account (by name)"
    if field.type == "arn" and text.endswith(":root"):
        return "root of a cloud account"
    if field.pointer.endswith("/userIdentity/type") and text == "Root":
        return "root of a cloud account"
    return ""


def critical(snapshot: Snapshot, field: Field, value: object) -> bool:
    """Does a pinned list call this host, account or address critical (`critical`, `criticality`, `crown_jewel`)?"""
    if not isinstance(value, str) or field.type not in {"host", "user", "ip", "arn", "domain", "email"}:
        return False
    text = value.lower()
    for reference in snapshot.references.values():
        for key, entry in reference.entries.items() if reference.known is None else ():
            if any(
                value_text(entry.get(name, "")).lower() in _YES
                for name in ("critical", "criticality", "crown_jewel")
            ):
                names = {key.lower(), value_text(entry.get("asset", key)).lower()}
                if text in names or text.split(".", 1)[0] in names:
                    return True
    return False
