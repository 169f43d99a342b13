"""Decisions: the document that is signed, and what makes it a decision (`docs/formats/decisions.md`).

The bytes that count are the RFC 8785 form of `DecisionDocument`. It names no signer, so that two people sign one
document; it names the case's last decision, so that none is overwritten; it holds commitments where there is content.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Literal

import msgspec
import rfc8785

from countersign.core.briefs.suggest import Disposition
from countersign.core.identity.people import Assurance
from countersign.core.identity.signed import Signature
from countersign.core.review import lifecycle
from countersign.core.review.lifecycle import Act, Status
from countersign.errors import ReviewError, TamperDetected

DOMAIN = b"countersign/decision/v1\n"
_COMMIT = r"hmac-sha256:[0-9a-f]{64}"
_FORMS = {
    **dict.fromkeys(("brief", "evidence", "shown", "views", "answers", "reason_text"), re.compile(_COMMIT)),
    "unknowns": re.compile(f"({_COMMIT})?"),
    "policy": re.compile(r"sha256:[0-9a-f]{64}"),
    "after": re.compile(r"(sha256:[0-9a-f]{64})?"),
    "expires": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII),
    "salt": re.compile(r"[0-9a-f]{32}"),
}


class Action(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An action that a `contain` authorises: exactly what was shown."""

    kind: str
    target: str
    payload_digest: str  # sha256:… of the exact payload
    proposal: str  # id of the proposal, which says who asked for it


class DecisionDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed. Commitments are `hmac-sha256:…`, digests `sha256:…`, times RFC 3339 in milliseconds, UTC.

    Made in `core/review/drawing_up`, read back with `read_document`.
    """

    case: str
    after: str  # D of the case's decision before, as sha256:…; empty for the first
    brief: str  # commitment to the brief
    evidence: str  # commitment to the evidence snapshot
    policy: str  # digest of the policy set
    tier: int  # of the decision: what its acts ask for may be more than the case's own
    suggested: Disposition  # the assistant's first word, whatever the person said then
    disposition: Disposition
    acts: tuple[Act, ...]
    actions: tuple[Action, ...]
    shown: str  # commitment to the rendered text
    views: str  # commitment to the view log
    answers: str  # commitment to the answers to objections
    unknowns: str  # commitment to the stated unknowns; empty when none are stated
    rests_on: tuple[str, ...]  # claim ids
    reason: str  # a reason code
    reason_text: str  # commitment
    review: str
    expires: str
    salt: str  # 16 random bytes in hex
    v: Literal[1] = 1

    @property
    def overrides(self) -> bool:
        """Did the person say something else than the rule table suggested? It is the person's word then."""
        return self.disposition != self.suggested


def decision_bytes(document: DecisionDocument) -> bytes:
    """The canonical bytes."""
    return rfc8785.dumps(msgspec.to_builtins(document))


def read_document(raw: bytes) -> DecisionDocument:
    """The document that these bytes spell; `ReviewError` unless they are its own canonical bytes."""
    try:
        read = msgspec.json.decode(raw, type=DecisionDocument)
        same = decision_bytes(read) == raw
    except (msgspec.MsgspecError, UnicodeError, rfc8785.CanonicalizationError) as error:
        raise ReviewError("these bytes are not a decision document") from error
    # A duplicated key, a space or another spelling would give other bytes, and other bytes are what was signed.
    if not same:
        raise ReviewError("these bytes are not the canonical form of a decision document")
    # Where a digest or commitment belongs there is no room for text.
    for name, form in _FORMS.items():
        if form.fullmatch(getattr(read, name)) is None:
            raise ReviewError(f"the document's {name} is malformed")
    return read


def subject(raw: bytes) -> bytes:
    """D: the 32 bytes that signatures are over."""
    return sha256(DOMAIN + raw).digest()


def subject_text(raw: bytes) -> str:
    """D as `sha256:…`."""
    return "sha256:" + subject(raw).hex()


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A signature that was verified when it was given."""

    signature: Signature
    assurance: Assurance
    at_ns: int


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """A countersigned decision: enough people signed, nothing was stale.

    Made in `core/review/countersigning`, read back with `restored`.
    """

    digest: str  # D
    case: str
    number: int  # the case's first is 1
    document: DecisionDocument
    signed: tuple[Signed, ...]
    before: Status
    status: Status
    at_ns: int


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as rows tell of it, before anybody believed them."""

    number: int
    raw: bytes  # the canonical document
    signed: tuple[Signed, ...]
    status: str
    disposition: str
    at_ns: int


def restored(case: str, rows: Iterable[Kept]) -> tuple[Decision, ...]:
    """A case's decisions, oldest first, from the rows that were kept of them.

    `TamperDetected` unless they are numbered from 1 without a gap, each names the one before, and each row says what
    its signed document says. The signatures are verified where they matter: `core/review/countersigning`.
    """
    found: list[Decision] = []
    for row in rows:
        made = _restored(case, row, found[-1] if found else None)
        if (made.number, made.status, made.document.disposition) != (row.number, row.status, row.disposition):
            raise TamperDetected(f"decision {row.number} of {case} is not what was signed")
        found.append(made)
    return tuple(found)


def _restored(case: str, row: Kept, last: Decision | None) -> Decision:
    try:
        document = read_document(row.raw)
        before: Status = last.status if last else "open"
        status = lifecycle.after(before, document.disposition, document.acts)
    except (ReviewError, ValueError) as error:
        raise TamperDetected(f"decision {row.number} of {case} cannot have been signed") from error
    if (document.case, document.after) != (case, last.digest if last else "") or not row.signed:
        raise TamperDetected(f"decision {row.number} of {case} does not follow the one before it")
    return Decision(
        digest=subject_text(row.raw),
        case=case,
        number=last.number + 1 if last else 1,
        document=document,
        signed=row.signed,
        before=before,
        status=status,
        at_ns=row.at_ns,
    )
