"""Every exception of the project, in one tree.

The docstring of a class is its default message; `.hint` tells a person what to do next. A claim that
does not hold is not here: it is an objection, and an ordinary day.
"""

from inspect import getdoc


class CountersignError(Exception):
    """Countersign could not go on."""

    default_hint = ""

    def __init__(self, message: str = "", *, hint: str = "") -> None:
        super().__init__(message or getdoc(type(self)) or "")
        self.hint = hint or self.default_hint


class ConfigError(CountersignError):
    """A setting is missing, or contradicts another."""


class UsageError(CountersignError):
    """The arguments cannot be used."""


class SourceError(CountersignError):
    """A source of records could not be read."""


class SourceUnavailable(SourceError):
    """The source cannot be read now; try again later."""


class MalformedRecord(SourceError):
    """The bytes are not a record; they are kept in quarantine."""


class EvidenceError(CountersignError):
    """Evidence could not be had."""


class EvidenceNotFound(EvidenceError):
    """No evidence has this id."""


class DigestMismatch(EvidenceError):
    """These are not the bytes that were stored."""

    default_hint = "The store was changed from outside. Stop, keep a copy, and run `countersign log verify`."


class DraftError(CountersignError):
    """There is no usable draft."""


class MalformedDraft(DraftError):
    """The reply is not a brief."""


class StoreError(CountersignError):
    """The store cannot be used."""


class StoreUnavailable(StoreError):
    """The store cannot be reached or written now."""

    default_hint = "Check free space and permissions of the home with `countersign doctor`."


class SchemaMismatch(StoreError):
    """The tables are not the ones this version needs."""

    default_hint = "Run `countersign doctor`; a store written by a newer version needs that version."


class AlreadyStored(StoreError):
    """Something else is stored under this name and version."""

    default_hint = "Versions are never reused: give the changed one a new version."


class AuditLogError(CountersignError):
    """The audit log cannot be kept; nothing more may be decided."""


class AuditLogUnavailable(AuditLogError):
    """The audit log cannot be written or read now."""


class AuditLogConflict(AuditLogError):
    """Another entry with this id says something else."""


class MalformedEntry(AuditLogError):
    """This is not an entry that the log takes."""


class TamperDetected(AuditLogError):
    """The log does not hold what it held before."""

    default_hint = "Keep a copy of the store as it is, and compare it with a backup and the last checkpoint."


class MalformedNote(AuditLogError):
    """These bytes are not what the log's format says: a note, checkpoint, key, proof or tile."""


class NoteNotVerified(AuditLogError):
    """No signature by a key that you named holds for this note."""

    default_hint = "Check that the key and the note are of the same log; the key comes from elsewhere, never with the note."


class ProofRefused(AuditLogError):
    """The proof does not lead to the signed root."""


class WitnessUnavailable(AuditLogError):
    """The witness cannot be reached, or its answer cannot be used."""


class WitnessRefused(AuditLogError):
    """The witness did not sign."""


class ContentErased(AuditLogError):
    """This content was erased; its proofs still hold."""


class ContentNotKept(AuditLogError):
    """This content is not kept beside the log."""


class IdentityError(CountersignError):
    """Who somebody is could not be shown."""


class NotSignedIn(IdentityError):
    """Nobody is signed in."""

    default_hint = "Sign in with `countersign person sign-in NAME`."


class SignatureRefused(IdentityError):
    """The signature does not hold for what it should be over."""


class KeyUnusable(IdentityError):
    """This key cannot be signed with."""


class ReviewError(CountersignError):
    """The case cannot be reviewed or decided so."""


class NotPermitted(ReviewError):
    """No rule permits it."""

    def __init__(self, message: str = "", *, hint: str = "", rules: tuple[str, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.rules = rules  # ids of the rules that refuse


class StaleReview(ReviewError):
    """What was shown is no longer what there is."""

    default_hint = "Open the review again."


class AlreadyDecided(ReviewError):
    """Somebody decided the case meanwhile."""

    default_hint = "Open the review again: it shows that decision."
