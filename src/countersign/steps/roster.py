"""roster: who there is, in which role, with which keys. Each change is an entry, by the pseudonym of whoever made it.

Trust in a key is a chain: the first admin of an empty home enrols themself, once; every other enrolment is signed by
an admin whose own key was enrolled before. A name never enters the log.
"""

from collections.abc import Collection

import msgspec

from countersign.core.canonical import skeleton
from countersign.core.identity import ed25519
from countersign.core.identity.people import Assurance, Key, Person, SignedIn, combined, well_named
from countersign.core.identity.signatures import Signature, challenge, verified
from countersign.core.identity.signed import signature_json
from countersign.core.identity.subjects import (
    Enrolment,
    enrolled_key,
    enrolment_bytes,
    enrolment_digest,
    enrolment_subject,
    registration_subject,
)
from countersign.core.ids import canonical, digest
from countersign.core.log.auditlog import Actor
from countersign.errors import NotPermitted, SignatureRefused, UsageError
from countersign.ports import Ports, Transaction
from countersign.steps.audit import stage
from countersign.steps.people import accepted, actor, ensure_asked, ensure_permitted, session_of


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """A new passkey: the browser's answer (RegistrationResponseJSON) to a challenge over `registration_subject`."""

    nonce: bytes
    answer: bytes


# ---- persons and roles ---------------------------------------------------------------------------------------


def new_person_id(ports: Ports) -> str:
    """A pseudonym that says nothing of its person."""
    return f"p_{ports.entropy.draw(8).hex()}"


def add(name: str, roles: Collection[str], token: bytes, ports: Ports) -> Person:
    """A new person, by an admin. `UsageError` for a name or roles that cannot be, `NotPermitted`, `NotSignedIn`."""
    person = _person(new_person_id(ports), name, roles)
    with ports.store.transaction() as tx:
        tx.people.lock()
        who = session_of(tx, ports, token)
        ensure_permitted(ports, who, "person.add")
        _ensure_tellable(tx, person.name)
        tx.people.add(person, who.person.id, ports.clock.now_ns())
        _record_roles(tx, ports, person, (), actor(who))
    return person


def set_roles(person: str, roles: Collection[str], token: bytes, ports: Ports) -> Person:
    """From now on the person has exactly these roles; by another person, who is an admin. Raises as `add`."""
    with ports.store.transaction() as tx:
        tx.people.lock()
        who = session_of(tx, ports, token)
        ensure_permitted(ports, who, "person.roles")
        was = _known(tx, person)
        # Or an admin would decide today and be admin again tomorrow.
        if who.person.id == person:
            raise NotPermitted("nobody changes their own roles", hint="Another admin does it.")
        now = _person(was.id, was.name, roles)
        tx.people.roles(person, now.roles, who.person.id, ports.clock.now_ns())
        _ensure_administered(tx, ports)
        _record_roles(tx, ports, now, was.roles, actor(who))
    return now


def _person(person: str, name: str, roles: Collection[str]) -> Person:
    try:
        return Person(id=person, name=well_named(name), roles=combined(roles))
    except ValueError as exc:
        raise UsageError(str(exc)) from exc


def _known(tx: Transaction, person: str) -> Person:
    found = tx.people.get(person)
    if found is None:
        raise UsageError("there is no such person", hint="`countersign person list` shows who there is.")
    return found


def _ensure_tellable(tx: Transaction, name: str) -> None:
    """Whoever reads a name must know who is meant: `Аda` with a Cyrillic letter is not a second Ada."""
    for one in tx.people.all():
        if skeleton(one.name) == skeleton(name):
            raise UsageError(
                f"{name!r} is taken, or reads like {one.name!r}", hint="Add what tells the two apart."
            )


def _ensure_administered(tx: Transaction, ports: Ports) -> None:
    """Somebody can still administer: an admin who holds a key in force."""
    now_ns = ports.clock.now_ns()
    for person in tx.people.all():
        if "admin" in person.roles and any(key.signs_at(now_ns) for key in tx.people.keys_of(person.id)):
            return
    raise NotPermitted(
        "nobody could administer this home any more", hint="Enrol a key for another admin first."
    )


def _record_roles(tx: Transaction, ports: Ports, person: Person, was: Collection[str], by: Actor) -> None:
    def fixed(roles: Collection[str]) -> str:
        return digest(canonical({"person": person.id, "roles": [*roles]}))

    name = f"roles-{ports.entropy.draw(8).hex()}"
    digests = {"new": fixed(person.roles)} | ({"old": fixed(was)} if was else {})
    data = {"kind": "roles", "person": person.id, "roles": [*person.roles], "was": [*was]}
    stage(tx, ports, "registry.changed", name, actor=by, data=data, digests=digests)


# ---- keys ----------------------------------------------------------------------------------------------------


def prepared(ports: Ports, person: str, registration: Registration, by: str) -> Enrolment:
    """The enrolment that an admin signs for a new passkey; the registration is checked, and used only by `enrol`."""
    # Imported here: it costs every command a tenth of a second, and only passkeys need it.
    from countersign.core.identity import passkeys  # noqa: PLC0415 - as said above

    expected = _expected(person, registration)
    found = passkeys.registered(registration.answer, expected, ports.relying)
    return Enrolment(
        person=person,
        kind="passkey",
        public=found.public.hex(),
        credential=found.credential.hex(),
        device_bound=found.device_bound,
        by=by,
    )


def _expected(person: str, registration: Registration) -> bytes:
    try:
        return challenge(person, registration_subject(person), registration.nonce)
    except ValueError as exc:
        raise SignatureRefused(str(exc)) from exc


def enrol(
    enrolment: Enrolment,
    signature: Signature,
    token: bytes,
    ports: Ports,
    registration: Registration | None = None,
) -> Key:
    """From now on this key is this person's: an admin who is signed in signed the enrolment.

    A passkey comes with its registration. Raises `SignatureRefused`, `NotPermitted`, `NotSignedIn`, `UsageError`,
    or `AlreadyStored` for a key that is enrolled, to whomever.
    """
    with ports.store.transaction() as tx:
        tx.people.lock()
        who = session_of(tx, ports, token)
        ensure_permitted(ports, who, "person.enrol")
        _known(tx, enrolment.person)
        if enrolment.by != who.person.id:
            raise SignatureRefused("the enrolment names another admin than the one who is signed in")
        subject = enrolment_subject(enrolment)
        key, assurance = accepted(tx, ports, who.person.id, signature, subject)
        _ensure_made(tx, ports, enrolment, registration)
        admin = f"enrolled-{key.id[7:39]}"
        return _keep(tx, ports, enrolment, signature, assurance=assurance, by=actor(who), admin=admin)


def begin(
    name: str,
    enrolment: Enrolment,
    signature: Signature,
    ports: Ports,
    registration: Registration | None = None,
) -> Key:
    """The first admin of an empty home enrols themself, with the very key they sign the enrolment with.

    Only while nobody is there: of several who try at once, one does. `NotPermitted` for everybody after.
    """
    person = _person(enrolment.person, name, ("admin",))
    with ports.store.transaction() as tx:
        tx.people.lock()
        if tx.people.all():
            raise NotPermitted(
                "this home has people already", hint="An admin adds you with `countersign person add`."
            )
        if not enrolment.person == enrolment.by == signature.person:
            raise SignatureRefused("the first admin enrols themself, and nobody else")
        now_ns = ports.clock.now_ns()
        key, subject = _made(enrolment, now_ns), enrolment_subject(enrolment)
        assurance = verified(signature, key, subject, ports.relying)
        ensure_asked(tx, signature, subject, now_ns)
        _ensure_made(tx, ports, enrolment, registration)
        by = Actor(type="analyst", id=person.id)
        tx.people.add(person, person.id, now_ns)
        _record_roles(tx, ports, person, (), by)
        return _keep(tx, ports, enrolment, signature, assurance=assurance, by=by)


def _made(enrolment: Enrolment, at_ns: int) -> Key:
    try:
        return enrolled_key(enrolment, at_ns)
    except ValueError as exc:
        raise SignatureRefused(str(exc)) from exc


def _ensure_made(
    tx: Transaction, ports: Ports, enrolment: Enrolment, registration: Registration | None
) -> None:
    """The key can sign what it will be asked to, and a passkey was made here, for this person, just now."""
    if enrolment.kind == "software":
        if enrolment.credential or enrolment.device_bound or registration is not None:
            raise SignatureRefused("a software key is bound to no device")
        ed25519.ensure_usable(_made(enrolment, 0).public)
        return
    if registration is None:
        raise SignatureRefused("a passkey is enrolled with what the browser answered when it was made")
    if prepared(ports, enrolment.person, registration, enrolment.by) != enrolment:
        raise SignatureRefused("the enrolment says something else of the passkey than its registration")
    subject = registration_subject(enrolment.person)
    now_ns = ports.clock.now_ns()
    if not tx.people.use_challenge(registration.nonce, enrolment.person, subject, now_ns):
        raise SignatureRefused("the passkey was not made for a challenge of ours, or too long ago")


def _keep(
    tx: Transaction,
    ports: Ports,
    enrolment: Enrolment,
    signature: Signature,
    *,
    assurance: Assurance,
    by: Actor,
    admin: str = "",
) -> Key:
    """`admin`: the entry that enrolled the admin's own key; none for the first."""
    key = _made(enrolment, ports.clock.now_ns())
    tx.people.enrol(key)
    data = {
        "assurance": assurance,
        "bootstrap": not admin,
        "device_bound": key.device_bound,
        "kind": key.kind,
        "person": key.person,
    }
    stage(
        tx,
        ports,
        "person.enrolled",
        f"enrolled-{key.id[7:39]}",
        actor=by,
        data=data,
        digests={"key": key.id, "enrolment": enrolment_digest(enrolment)},
        contents={"enrolment": enrolment_bytes(enrolment), "signature": signature_json(signature)},
        refs={"admin": admin} if admin else {},
    )
    return key


def revoke(key: str, reason: str, token: bytes, ports: Ports) -> Key:
    """From now on the key signs nothing more, and its sessions end; what it signed before holds.

    By its owner or an admin. `UsageError` for no such key or no reason, `NotPermitted` for everybody else, and where
    nobody could administer any more. Revoking twice changes nothing.
    """
    if not reason.strip():
        raise UsageError("a reason is missing", hint="Say why with --reason; it is kept.")
    with ports.store.transaction() as tx:
        tx.people.lock()
        who = session_of(tx, ports, token)
        found = tx.people.key(key)
        if found is None:
            raise UsageError("no such key is enrolled", hint="`countersign person list` shows keys.")
        if found.person != who.person.id:
            ensure_permitted(ports, who, "person.revoke")
        if found.revoked_ns is not None:
            return found
        now_ns = ports.clock.now_ns()
        tx.people.revoke(key, who.person.id, now_ns, reason)
        _ensure_administered(tx, ports)
        _record_revoked(tx, ports, found, reason, who)
    return msgspec.structs.replace(found, revoked_ns=now_ns)


def _record_revoked(tx: Transaction, ports: Ports, key: Key, reason: str, who: SignedIn) -> None:
    short = key.id[7:39]
    stage(
        tx,
        ports,
        "person.revoked",
        f"revoked-{short}",
        actor=actor(who),
        data={"kind": key.kind, "own": key.person == who.person.id, "person": key.person},
        digests={"key": key.id},
        contents={"reason": canonical({"reason": reason})},
        refs={"enrolled": f"enrolled-{short}"},
    )
