"""A small office: a home with people, keys and drafted cases, in which reviews are opened and decisions signed."""

import shutil
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import msgspec

from builders import eve, evidence
from countersign import config, wiring
from countersign.adapters.keys import HomeSealer
from countersign.adapters.log_files import FolderFiles
from countersign.adapters.log_signer import HomeSigner
from countersign.adapters.sql import open_store, sqlite_url
from countersign.core.canonical import NANOSECONDS
from countersign.core.cases.case import Assembled
from countersign.core.identity.signatures import challenge
from countersign.core.identity.subjects import (
    Enrolment,
    enrolment_subject,
    registration_subject,
    sign_in_subject,
)
from countersign.core.ids import digest
from countersign.core.records.alerting import alert_of
from countersign.core.records.views import view
from countersign.core.review import lifecycle
from countersign.core.review.casefacts import read_case
from countersign.core.review.choice import Choice
from countersign.core.review.dispositions import reasons_for
from countersign.steps import decide, draft, erase, people, review, roster
from countersign.steps.publish import LogPublisher
from countersign.testing import RELYING, SoftwareAuthenticator, SoftwareSigner

WORDS = "The records show it, and I asked the owner over another channel."
GROUND = "gdpr-art-17"
SIGNATURES = {1: "SCAN Nikto", 2: "SCAN Nikto", 3: "SCAN of a domain controller"}


class Clock:
    """A clock that a test turns; it never stands still."""

    def __init__(self, start=1_800_000_000):
        self.now = start * NANOSECONDS

    def now_ns(self):
        self.now += 1_000_000
        return self.now

    def pass_s(self, seconds):
        self.now += int(seconds * NANOSECONDS)


@dataclass
class Someone:
    """A person, their two keys, and the token they are signed in with."""

    id: str
    software: SoftwareSigner
    passkey: SoftwareAuthenticator
    token: bytes = b""

    def key(self, tier):
        return self.software if tier == 1 else self.passkey


@dataclass
class Office:
    """Ports, people by name, and the cases that were drafted, by tier."""

    ports: wiring.Ports
    clock: Clock
    people: dict[str, Someone] = field(default_factory=dict)
    cases: dict[int, list[str]] = field(default_factory=dict)
    folder: Path = Path()

    def close(self):
        self.ports.store.close()

    # ---- people ------------------------------------------------------------------------------------------

    def staff(self):
        """Ruth administers; Anna and Carl are analysts, Ben is a lead, Iris reads."""
        self._begin("Ruth")
        for name, role in (("Anna", "analyst"), ("Carl", "analyst"), ("Ben", "lead"), ("Iris", "auditor")):
            self._add(name, role)
        for one in self.people.values():
            self.sign_in(one)

    def _begin(self, name):
        one = Someone(roster.new_person_id(self.ports), seeded(name), SoftwareAuthenticator())
        enrolment = _software(one, one.id)
        roster.begin(
            name, enrolment, self.signed(one, one.software, enrolment_subject(enrolment)), self.ports
        )
        self.people[name] = one
        self.sign_in(one)
        self._enrol_passkey(one)

    def _add(self, name, role):
        admin = self.people["Ruth"]
        person = roster.add(name, (role,), admin.token, self.ports)
        one = self.people[name] = Someone(person.id, seeded(name), SoftwareAuthenticator())
        enrolment = _software(one, admin.id)
        signature = self.signed(admin, admin.software, enrolment_subject(enrolment))
        roster.enrol(enrolment, signature, admin.token, self.ports)
        self._enrol_passkey(one)

    def _enrol_passkey(self, one):
        admin = self.people["Ruth"]
        subject = registration_subject(one.id)
        nonce = people.challenge(self.ports, one.id, subject)
        answer = one.passkey.register(challenge(one.id, subject, nonce))
        registration = roster.Registration(nonce=nonce, answer=answer)
        enrolment = roster.prepared(self.ports, one.id, registration, admin.id)
        signature = self.signed(admin, admin.software, enrolment_subject(enrolment))
        roster.enrol(enrolment, signature, admin.token, self.ports, registration)

    def sign_in(self, one):
        subject = sign_in_subject(one.id, one.software.key(one.id).id)
        one.token = people.sign_in(self.ports, self.signed(one, one.software, subject))

    def signed(self, one, key, subject):
        return key.sign(one.id, subject, people.challenge(self.ports, one.id, subject))

    # ---- cases -------------------------------------------------------------------------------------------

    def drafted(self, case, tier=1, more=()):
        """Draft a case of this tier; `more` records make it another snapshot."""
        told = {"action": "allowed", "gid": 1, "signature_id": 7, "signature": SIGNATURES[tier]}
        told |= {"category": "Scan", "severity": 1 if tier == 2 else 3}
        first = eve("alert", 0, alert=told, flow_id=hash_of(case))
        held = [evidence(one) for one in (first, *more)]
        with self.ports.store.transaction() as tx:
            tx.evidence.add([(one, []) for one in held])
        schema = self.ports.dictionary.schemas["suricata.eve"]
        raised = alert_of(schema, held[0], view(held[0].raw, held[0].parser))
        one = Assembled(case, (raised,), tuple(held), (), (), ("because",))
        made = draft.brief_case(one, self.ports, draft.Inputs())
        if case not in self.cases.setdefault(made.case.tier, []):
            self.cases[made.case.tier].append(case)
        return made

    def facts(self, case):
        with self.ports.store.reading() as tx:
            raw = tx.cases.latest(case).document
        return read_case(raw, digest(raw))

    # ---- reviewing ---------------------------------------------------------------------------------------

    def opened(self, name, case):
        return review.open_review(case, self.people[name].token, self.ports).review

    def looked(self, name, case):
        """A review in which everything was opened, said and answered."""
        made, token, facts = self.opened(name, case), self.people[name].token, self.facts(case)
        if made.commit_first:
            review.commit(made.id, "true_positive", token, self.ports)
            review.reveal(made.id, token, self.ports)
        for claim in facts.claims:
            review.open_claim(made.id, claim, token, self.ports)
        if facts.parts:
            review.open_panel(made.id, 1, len(facts.parts), token, self.ports)
        for claim in facts.claims.values():
            for objection in claim.objections:
                review.answer(made.id, objection, "upheld", "", token, self.ports)
        return made

    def choice(self, case, disposition="true_positive", acts=("close",), **changes):
        facts = self.facts(case)
        sure = [name for name, claim in facts.claims.items() if claim.status == "verified"]
        clears = lifecycle.clears(disposition, acts)
        made = Choice(
            disposition=disposition,
            reason=reasons_for(disposition, acts)[0],
            reason_text=WORDS,
            acts=tuple(acts),
            rests_on=tuple(sure[:2]) if clears else (),
            unknowns=("who sat at the keyboard",) if clears else (),
        )
        return msgspec.structs.replace(made, **changes)

    def prepared(self, name, case, **chosen):
        made = self.looked(name, case)
        return decide.prepare(made.id, self.choice(case, **chosen), self.people[name].token, self.ports)

    def signs(self, name, prepared, key=None):
        one = self.people[name]
        signature = self.signed(one, key or one.key(prepared.tier), prepared.subject)
        return decide.sign(prepared.digest, signature, one.token, self.ports)

    def decided(self, name, case, **chosen):
        return self.signs(name, self.prepared(name, case, **chosen))

    def erased(self, case, *names):
        """These people sign that the case is erased, and it is."""
        subject = erase.subject(erase.looked_at(case, self.ports), GROUND)
        people_there = [self.people[name] for name in names]
        signatures = [self.signed(one, one.software, subject) for one in people_there]
        return erase.erase(case, signatures, GROUND, self.ports)

    def standing(self, case):
        with self.ports.store.reading() as tx:
            return tx.reviews.standing([case])[case]

    def entries(self, kind):
        return list(self.ports.store.log.of_kind(kind))


def _software(one, by):
    return Enrolment(person=one.id, kind="software", public=one.software.public.hex(), by=by)


def seeded(name):
    """The person's software key, the same in every process."""
    return SoftwareSigner(sha256(name.encode()).digest())


def hash_of(case):
    """A number that makes the case's first record its own."""
    return int.from_bytes(digest(case.encode())[-6:].encode(), "big")


SETTINGS = config.Settings(passkeys=RELYING)


def open_office(folder, url=""):
    """An office in a folder, over SQLite unless told otherwise; nobody is there yet."""
    clock = Clock()
    settings = config.Settings(database_url=url, passkeys=RELYING)
    ports = msgspec.structs.replace(wiring.open_ports(folder, settings), clock=clock)
    return Office(ports, clock, folder=folder)


def rejoined(folder, second, people, cases):
    """The same office in another process; `people` are names with (id, token), and the clock starts at `second`."""
    made = open_office(folder)
    made.clock.now = second * NANOSECONDS
    for name, (person, token) in people.items():
        made.people[name] = Someone(person, seeded(name), SoftwareAuthenticator(), token)
    made.cases[1] = [*cases]
    return made


def copied(office, folder):
    """The same people, keys, sessions and cases in a home of its own; SQLite, and the first office is closed."""
    shutil.copytree(office.folder, folder)
    sealer = HomeSealer.open(folder)
    store, clock = open_store(sqlite_url(folder / "countersign.db"), sealer), Clock()
    clock.now = office.clock.now
    signer, files = HomeSigner(folder, SETTINGS.log_origin), FolderFiles(folder / wiring.LOG_FOLDER)
    ports = msgspec.structs.replace(
        office.ports,
        store=store,
        clock=clock,
        sealer=sealer,
        publisher=LogPublisher(store, clock, signer, files),
    )
    people = {name: replace(one) for name, one in office.people.items()}
    return Office(ports, clock, people, {tier: [*cases] for tier, cases in office.cases.items()}, folder)
