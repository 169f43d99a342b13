"""What a decision costs at a desk whose store is large: from the signature handed in to the decision in effect.

The store holds as many alerts as the size says; each decision is on a case of its own, at tier 1, and ends published.
Wall time, as multiples of an fsync on the same disk, each measured right before its decision. `python evals/deciding.py`
runs it alone, FULL=1 with a million alerts.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter

from cases import INPUTS, home, scratch
from countersign import wiring
from countersign.core.identity.subjects import Enrolment, enrolment_subject, sign_in_subject
from countersign.core.ids import digest
from countersign.core.review.casefacts import read_case
from countersign.core.review.choice import Choice
from countersign.ports import Ports
from countersign.steps import assemble, decide, draft, group, ingest, people, review, roster
from countersign.testing import SoftwareSigner
from measure import Line, show
from whole import written

FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
ALERTS = 1_000_000 if FULL else 20_000
DECISIONS = 200 if FULL else 40


class Person:
    """Somebody with a software key."""

    def __init__(self, name: str) -> None:
        self.id, self.name, self.key, self.token = "", name, SoftwareSigner(), b""

    def enrolment(self, by: str) -> Enrolment:
        """Their key, as `by` signs it in."""
        return Enrolment(person=self.id, kind="software", public=self.key.public.hex(), by=by)

    def signs(self, subject: bytes, ports: Ports) -> object:
        """Their signature over a subject, for a nonce fetched now."""
        return self.key.sign(self.id, subject, people.challenge(ports, self.id, subject))

    def signed_in(self, ports: Ports) -> "Person":
        """The same, with a session."""
        subject = sign_in_subject(self.id, self.key.key(self.id).id)
        self.token = people.sign_in(ports, self.signs(subject, ports))
        return self


def staff(ports: Ports) -> Person:
    """An admin who begins the home, and the analyst who decides in it."""
    admin, analyst = Person("Ruth"), Person("Anna")
    admin.id = roster.new_person_id(ports)
    own = admin.enrolment(admin.id)
    roster.begin(admin.name, own, admin.signs(enrolment_subject(own), ports), ports)
    admin.signed_in(ports)
    analyst.id = roster.add(analyst.name, ("analyst",), admin.token, ports).id
    theirs = analyst.enrolment(admin.id)
    roster.enrol(theirs, admin.signs(enrolment_subject(theirs), ports), admin.token, ports)
    return analyst.signed_in(ports)


def drafted(ports: Ports, wanted: int) -> Iterator[str]:
    """So many cases of tier 1 with a brief."""
    with ports.store.reading() as tx:
        alerts = tx.alerts.between(None, None, wanted * 40)
        named = list(dict.fromkeys(tx.groups.cases_of([one.evidence for one in alerts]).values()))
    made = 0
    for name in named:
        one = assemble.assembled(name, ports)
        if one is not None and made < wanted:
            tier = draft.brief_case(one, ports, INPUTS).case.tier
            made += tier <= 1
            if tier <= 1:
                yield name


def prepared(case: str, analyst: Person, ports: Ports) -> decide.Prepared:
    """A decision on the case, looked at in full and drawn up."""
    with ports.store.reading() as tx:
        document = tx.cases.latest(case).document
    facts = read_case(document, digest(document))
    opened = review.open_review(case, analyst.token, ports).review
    for claim in facts.claims:
        review.open_claim(opened.id, claim, analyst.token, ports)
    if facts.parts:
        review.open_panel(opened.id, 1, len(facts.parts), analyst.token, ports)
    for claim in facts.claims.values():
        for objection in claim.objections:
            review.answer(opened.id, objection, "upheld", "", analyst.token, ports)
    choice = Choice(
        disposition="suspicious",
        acts=("escalate",),
        reason="needs_more",
        reason_text="It is looked at by another team.",
    )
    return decide.prepare(opened.id, choice, analyst.token, ports)


def fsync_s(descriptor: int) -> float:
    """One fsync of one page."""
    os.pwrite(descriptor, bytes(4096), 0)
    begun = perf_counter()
    os.fsync(descriptor)
    return perf_counter() - begun


def deciding() -> list[Line]:
    """Signing a decision until it is in effect."""
    _, ports = home()
    ingest.ingest(wiring.incoming([str(written(ALERTS))], "auto", None), ports)
    group.group(ports)
    ports.publisher.publish()
    analyst = staff(ports)
    waiting = [prepared(case, analyst, ports) for case in drafted(ports, DECISIONS)]
    descriptor = os.open(Path(scratch()) / "probe", os.O_WRONLY | os.O_CREAT)
    probes, took = [], []
    for one in waiting:
        probes.append(fsync_s(descriptor))
        signature = analyst.signs(one.subject, ports)
        begun = perf_counter()
        decide.sign(one.digest, signature, analyst.token, ports)
        took.append(perf_counter() - begun)
    os.close(descriptor)
    slow, fsync = sorted(took)[int(len(took) * 0.95)], median(probes)
    figure = f"{slow * 1e3:.1f} ms = {slow / fsync:.0f} fsyncs (p50 {median(took) * 1e3:.1f} ms, fsync {fsync * 1e3:.2f} ms)"
    return [
        Line(
            f"a decision in effect at {ALERTS:,} alerts, p95 of {len(took)}",
            figure,
            "≤ 20 fsyncs",
            slow <= 20 * fsync,
        )
    ]


if __name__ == "__main__":
    show(deciding())
