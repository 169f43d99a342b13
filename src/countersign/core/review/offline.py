"""A decision outside: one file that a stranger can check without our store (`docs/formats/decisions.md`).

The file cannot say whose its keys are: whoever checks it names the keys they trust, by id. What a file by itself never
shows: that the policy permitted it, that nothing was stale, that the log holds it (`countersign log prove`).
"""

from collections.abc import Collection, Iterable
from typing import Literal

import msgspec

from countersign.core.canonical import format_time, parse_time
from countersign.core.identity.people import Assurance, Key
from countersign.core.identity.signatures import Relying, verified
from countersign.core.ids import canonical
from countersign.core.review.decision import (
    Decision,
    DecisionDocument,
    Signed,
    decision_bytes,
    read_document,
    subject,
    subject_text,
)
from countersign.errors import ReviewError, SignatureRefused

SCHEMA: Literal["countersign.decision/1"] = "countersign.decision/1"
MAX_BYTES = 4_000_000


class _Export(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: Literal["countersign.decision/1"]
    decision: str  # the canonical document, as text
    signatures: tuple[Signed, ...]
    keys: tuple[Key, ...]
    relying: Relying


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One signature of the file: whose it says it is, and what is wrong with it; nothing when it holds."""

    person: str
    key: str
    at_ns: int
    assurance: Assurance | None
    objection: str = ""
    trusted: bool = False  # the reader named the key


class OfflineCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a file came to: D, the document, and each signature."""

    digest: str
    document: DecisionDocument
    signatures: tuple[Checked, ...]

    @property
    def holds(self) -> bool:
        """There is a signature, and every one holds. Whose the keys are is another question."""
        return bool(self.signatures) and not any(one.objection for one in self.signatures)

    @property
    def trusted(self) -> bool:
        """It holds, by keys that the reader named and no others."""
        return self.holds and all(one.trusted for one in self.signatures)


def export_decision(decision: Decision, keys: Iterable[Key], relying: Relying) -> bytes:
    """The file: RFC 8785, with the document's bytes as text and other bytes in base64."""
    made = _Export(
        schema=SCHEMA,
        decision=decision_bytes(decision.document).decode(),
        signatures=decision.signed,
        keys=tuple(keys),
        relying=relying,
    )
    document = msgspec.to_builtins(made)
    # Nanoseconds do not fit the integers of RFC 8785.
    for one in document["signatures"]:
        one["at_ns"] = format_time(one["at_ns"])
    for one in document["keys"]:
        one["enrolled_ns"] = format_time(one["enrolled_ns"])
        one["revoked_ns"] = None if one["revoked_ns"] is None else format_time(one["revoked_ns"])
    return canonical(document)


def check_export(raw: bytes, trusted: Collection[str] = (), relying: Relying | None = None) -> OfflineCheck:
    """Check a file with nothing but itself, the key ids that the reader trusts, and where passkeys may be used.

    Without `relying` the file's own word on it counts. `ReviewError` when it is no such file; signatures that do not
    hold are no error but the answer.
    """
    export = _read(raw)
    document_raw = export.decision.encode()
    document = read_document(document_raw)
    keys = {key.id: key for key in export.keys}
    told = [
        _checked(one, keys.get(one.signature.key), document_raw, relying or export.relying, trusted)
        for one in export.signatures
    ]
    return OfflineCheck(
        digest=subject_text(document_raw), document=document, signatures=tuple(_each_once(told))
    )


def _read(raw: bytes) -> _Export:
    try:
        if len(raw) > MAX_BYTES:
            raise ReviewError("the file is too long to be a decision")
        document = msgspec.json.decode(raw)
        # A key told twice, or another spelling, would be another file to another reader.
        if canonical(document) != raw.rstrip(b"\n"):
            raise ReviewError("the file is not in canonical form")
        for one in document["signatures"]:
            one["at_ns"] = _ns(one["at_ns"])
        for one in document["keys"]:
            one["enrolled_ns"] = _ns(one["enrolled_ns"])
            one["revoked_ns"] = None if one["revoked_ns"] is None else _ns(one["revoked_ns"])
        return msgspec.convert(document, _Export, strict=True)
    except (msgspec.MsgspecError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ReviewError("the file is not an exported decision") from error


def _ns(text: str) -> int:
    ns = parse_time(text)
    if ns is None or format_time(ns) != text:
        raise ValueError(text)
    return ns


def _checked(one: Signed, key: Key | None, raw: bytes, relying: Relying, trusted: Collection[str]) -> Checked:
    found = Checked(
        person=one.signature.person,
        key=one.signature.key,
        at_ns=one.at_ns,
        assurance=None,
        trusted=one.signature.key in trusted,
    )
    if key is None:
        return msgspec.structs.replace(found, objection="the file does not hold its key")
    try:
        assurance = verified(one.signature, key, subject(raw), relying)
    except SignatureRefused as error:
        return msgspec.structs.replace(found, objection=str(error))
    found = msgspec.structs.replace(found, assurance=assurance)
    if assurance != one.assurance:
        return msgspec.structs.replace(found, objection=f"the file calls it {one.assurance}")
    if not key.signs_at(one.at_ns):
        return msgspec.structs.replace(found, objection="its key was not in force when it was made")
    return found


def _each_once(told: Iterable[Checked]) -> Iterable[Checked]:
    """Two signatures by one person are one."""
    seen: set[str] = set()
    for one in told:
        twice = one.person in seen and not one.objection
        seen.add(one.person)
        yield msgspec.structs.replace(one, objection="this person has signed already") if twice else one
