"""replay: a brief made once more from the log and what is kept beside it, and every byte held against the record.

The drafter is not asked again: its reply is read from the record, except that the rules drafter, which is code, must
say the same again. Whatever was made by another version of the program cannot be made again; it is said, never shown
as success.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

import msgspec

from countersign.core.briefs.brief import parse_brief
from countersign.core.briefs.circumstances import Circumstances, asked_again, read
from countersign.core.briefs.concluding import Asked, Briefed, briefed, drafted
from countersign.core.briefs.redact import Prepared
from countersign.core.briefs.suggest import RULE_TABLE
from countersign.core.briefs.verified import Drafted, Fallback
from countersign.core.claims import verify
from countersign.core.claims.reference import Reference, parse_reference
from countersign.core.ids import digest
from countersign.core.log.auditlog import Blob, Entry
from countersign.errors import ContentErased, ContentNotKept, DraftError, TamperDetected, UsageError
from countersign.ports import CaseState, Drafter, Ports, Transaction
from countersign.steps.audit import MEDIA_TYPE

Outcome = Literal["same", "differs", "unchecked"]


class Compared(msgspec.Struct, frozen=True):
    """One thing made again: what it is, whether it is what was recorded, and both digests or why not."""

    what: str
    outcome: Outcome
    recorded: str = ""
    made: str = ""
    why: str = ""


class Link(msgspec.Struct, frozen=True):
    """One entry of the chain from evidence to decision: its kind, id, index in the log (None: not published) and time."""

    kind: str
    entry: str
    index: int | None
    at: str
    says: str


class Replay(msgspec.Struct, frozen=True):
    """A brief made again."""

    case: str
    brief: str
    drafter: str
    disposition: str
    compared: tuple[Compared, ...]
    chain: tuple[Link, ...]
    dossier: bytes
    reply: bytes

    @property
    def wrong(self) -> tuple[Compared, ...]:
        """What differs or could not be checked."""
        return tuple(one for one in self.compared if one.outcome != "same")


def replay(named: str, ports: Ports, rules: Drafter) -> Replay:
    """Make a brief again, named by its id or its case's (the latest then).

    `rules` is the drafter that is code. Raises `UsageError` for an unknown name, `ContentErased` for an erased case,
    `TamperDetected` when nothing logged speaks for the brief.
    """
    with ports.store.reading() as tx:
        state, told = _found(named, tx)
        return _Replaying(ports, tx, state, told, rules).done()


def _found(named: str, tx: Transaction) -> tuple[str, "_Told"]:
    """The case, and the entries that tell of the brief."""
    brief = tx.briefs.get(named)
    case_id = named if brief is None else brief.case_id
    latest = tx.cases.latest(case_id)
    if latest is None:
        raise UsageError(f"there is no brief or case {named}", hint="`countersign case list` shows cases.")
    wanted = brief.id if brief else _brief_id(latest)
    for blob_id in tx.contents.named(case_id, "brief"):
        verified = tx.log.read(blob_id.rpartition("/")[0])
        if verified is None or verified.kind != "brief.verified":
            continue
        state = _state_of(case_id, verified, tx)
        if state is not None and _brief_id(state) == wanted:
            return case_id, _Told.of(verified, state, tx)
    if not tx.contents.named(case_id, "brief"):
        raise ContentErased(f"the contents of {case_id} were erased", hint="Its proofs still hold.")
    raise TamperDetected(f"no entry tells of the brief {wanted}")


def _brief_id(state: CaseState) -> str:
    try:
        return str(msgspec.json.decode(state.document)["brief"]["id"])
    except (msgspec.DecodeError, LookupError, TypeError) as exc:
        raise TamperDetected(f"no entry tells of the brief that stands at {state.case_id}") from exc


def _state_of(case_id: str, verified: Entry, tx: Transaction) -> CaseState | None:
    """The stored document that a `brief.verified` entry binds."""
    blob = verified.blobs["brief"]
    for state in tx.cases.states(case_id):
        if tx.contents.holds(blob, MEDIA_TYPE, state.document):
            return state
    return None


class _Told(msgspec.Struct, frozen=True):
    """The entries of one drafting run, and the document that came of it."""

    verified: Entry
    reply: Entry
    request: Entry
    state: CaseState

    @classmethod
    def of(cls, verified: Entry, state: CaseState, tx: Transaction) -> "_Told":
        """The run that a `brief.verified` entry ended."""
        reply = _named(verified.refs.get("brief", ""), "brief.drafted", tx)
        request = _named(reply.refs.get("request", ""), "draft.requested", tx)
        return cls(verified, reply, request, state)


def _named(entry_id: str, kind: str, tx: Transaction) -> Entry:
    entry = tx.log.read(entry_id)
    if entry is None or entry.kind != kind:
        raise TamperDetected(f"the log has no {kind} entry {entry_id}")
    return entry


class _Replaying:
    """One replay, as it goes: each thing made is held against the record at once."""

    def __init__(self, ports: Ports, tx: Transaction, case_id: str, told: _Told, rules: Drafter) -> None:
        self._ports, self._tx, self._case, self._told, self._rules = ports, tx, case_id, told, rules
        self._compared: list[Compared] = []
        self._names = {one.id: one.name for one in tx.people.all()}

    def done(self) -> Replay:
        told, open_ = self._told, self._tx.contents.open
        self._versions()
        dossier = open_(told.request.blobs["dossier"].id)
        reply = open_(told.reply.blobs["reply"].id)
        circumstances = read(open_(told.request.blobs["circumstances"].id))
        question = self._question(circumstances)
        self._same("dossier", dossier, question.prepared.dossier.document)
        said = self._said(question, reply)
        made = briefed(question, said, self._again)
        document = msgspec.json.encode(made.document)
        self._same("case document and verified brief", told.state.document, document)
        return Replay(
            self._case,
            made.brief.id,
            made.brief.drafter,
            made.brief.suggestion.disposition,
            tuple(self._compared),
            tuple(self._chain(made)),
            dossier,
            reply,
        )

    def _versions(self) -> None:
        """The rules that the brief was made by are the rules that this program has."""
        ports, told = self._ports, self._told
        mine = {
            "dictionary": ports.dictionary.digest,
            "decisive": ports.decisive.digest,
            "verifier": digest(verify.VERSION.encode()),
            "rules": digest(RULE_TABLE.encode()),
            "signals": ports.signals.digest,
        }
        for name, recorded in sorted({**told.request.digests, **told.verified.digests}.items()):
            outcome: Outcome = "same" if mine.get(name) == recorded else "unchecked"
            why = "" if outcome == "same" else "made by another version: use that version to replay"
            self._compared.append(Compared(name, outcome, recorded, mine.get(name, ""), why))

    def _question(self, circumstances: Circumstances) -> Asked:
        held = self._tx.evidence.get(circumstances.evidence)  # raises DigestMismatch for changed bytes
        if lost := [eid for eid in circumstances.evidence if eid not in held]:
            raise TamperDetected(f"{len(lost)} records of the case are gone, the first is {lost[0]}")
        what = f"{len(held)} records by their digests"
        self._compared.append(Compared(what, "same", self._told.state.snapshot, self._told.state.snapshot))
        references = tuple(self._reference(*named) for named in circumstances.references)
        ports = self._ports
        question = asked_again(circumstances, held, references, ports.dictionary, ports.signals)
        recorded, made = self._told.state.snapshot, question.snapshot.id
        self._compared.append(
            Compared("evidence snapshot", "same" if recorded == made else "differs", recorded, made)
        )
        return question

    def _reference(self, kb: str, version: str, recorded: str) -> Reference:
        kept = self._tx.references.get(kb, version)
        if kept is None or kept.digest != recorded:
            raise TamperDetected(f"the reference {kb} {version} is not what it was")
        return parse_reference(kept.raw)

    def _said(self, question: Asked, reply: bytes) -> Drafted:
        """The reply as a brief; code that drafts must say the same again."""
        name = str(self._told.reply.data.get("drafter", ""))
        if name == self._rules.name:
            self._same(f"reply of {name}", reply, self._rules.draft(question.prepared.dossier))
        else:
            told = f"reply of {name}, opened by its commitment and not asked for again"
            self._compared.append(Compared(told, "same", digest(reply), digest(reply)))
        document = msgspec.json.decode(self._told.state.document)
        instead = document["brief"]["fallback"]
        fallback = None if instead is None else Fallback(instead["from"], instead["reason"])
        return drafted(question, reply, name, fallback)

    def _again(self, bare: Prepared) -> bytes:
        """The recorded reply to the masked dossier. `DraftError` where none was usable then."""
        asked = self._tx.log.read(f"{self._told.request.id}-masked")
        if asked is None:
            raise TamperDetected("no entry tells of the masked draft")
        self._same("masked dossier", self._open(asked.blobs["dossier"]), bare.dossier.document)
        said = self._tx.log.read(f"{self._told.reply.id}-masked")
        if said is None:
            raise DraftError("the drafter gave no reply to the masked dossier")
        reply = self._open(said.blobs["reply"])
        parse_brief(reply, bare.cites, bare.menu)
        return reply

    def _open(self, blob: Blob) -> bytes:
        try:
            return self._tx.contents.open(blob.id)
        except ContentNotKept as gone:
            raise TamperDetected(f"the content {blob.id} is gone") from gone

    def _same(self, what: str, recorded: bytes, made: bytes) -> None:
        outcome: Outcome = "same" if recorded == made else "differs"
        self._compared.append(Compared(what, outcome, digest(recorded), digest(made)))

    def _chain(self, made: Briefed) -> Iterator[Link]:
        """From the evidence to the decisions that were made over this brief's case."""
        told = self._told
        statuses = told.verified.data.get("statuses")
        counted = (
            ", ".join(f"{n} {name}" for name, n in statuses.items()) if isinstance(statuses, dict) else ""
        )
        yield self._link(told.request, f"dossier of {len(made.case.evidence)} records to the drafter")
        yield self._link(told.reply, f"reply of {told.reply.data.get('drafter')}")
        suggestion = made.brief.suggestion
        yield self._link(told.verified, f"{counted}; suggests {suggestion.disposition} ({suggestion.rule})")
        for entry in self._later():
            yield self._link(entry, _words(entry, self._names))

    def _later(self) -> Sequence[Entry]:
        """Reviews and decisions of the case, in the order of the log."""
        kinds = ("review.opened", "review.answered", "decision.countersigned", "decision.refused")
        log = self._ports.store.log
        found = [entry for kind in kinds for entry in log.of_case(self._case, kind)]
        return sorted(found, key=lambda entry: entry.ts)

    def _link(self, entry: Entry, says: str) -> Link:
        stored = self._ports.store.log.find(entry.id)
        return Link(entry.kind, entry.id, None if stored is None else stored.index, entry.ts, says)


def _words(entry: Entry, names: Mapping[str, str]) -> str:
    """What an entry of a person says; the log has the pseudonym, the name is the store's."""
    told = {k: v for k, v in entry.data.items() if isinstance(v, str | int) and not isinstance(v, bool)}
    who = f"{names.get(entry.actor.id, 'nobody known')} ({entry.actor.id})"
    return f"{who}: " + ", ".join(f"{name} {value}" for name, value in sorted(told.items()))
