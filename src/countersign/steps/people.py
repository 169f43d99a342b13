"""people: who somebody is. A challenge is handed out, a key signs it, and for eight hours a token stands for that.

A session lets a person look and ask; whatever changes anything by a person's word asks for a signature of its own.
Nothing here believes a request: the person is whose the key is, the key is what was enrolled, the nonce is what was
handed out.
"""

from hashlib import sha256

from countersign.core.canonical import NANOSECONDS
from countersign.core.identity.people import Assurance, Key, Session, SignedIn
from countersign.core.identity.signatures import NONCE_BYTES, SUBJECT_BYTES, Signature, verified
from countersign.core.identity.subjects import sign_in_subject
from countersign.core.log.auditlog import Actor
from countersign.core.review.ruling import Denied
from countersign.errors import NotPermitted, NotSignedIn, SignatureRefused
from countersign.ports import Ports, Transaction

SESSION_NS = 8 * 3600 * NANOSECONDS
TOKEN_BYTES = 32
MAX_PERSON = 64  # characters of a person's id


def challenge(ports: Ports, person: str, subject: bytes) -> bytes:
    """A fresh nonce for this person to sign this subject with (32 bytes each); good once, for five minutes at most.

    It proves nothing by itself, so anybody may ask for one, for any person. `SignatureRefused` for what is no id.
    """
    if len(subject) != SUBJECT_BYTES:
        raise ValueError("a subject has 32 bytes")
    if not (0 < len(person) <= MAX_PERSON and person.isascii() and person.isprintable()):
        raise SignatureRefused("this is nobody's id")
    nonce = ports.entropy.draw(NONCE_BYTES)
    expires_ns = ports.clock.now_ns() + ports.policy.friction.challenge_seconds * NANOSECONDS
    with ports.store.transaction() as tx:
        tx.people.challenge(nonce, person, subject, expires_ns)
    return nonce


def accepted(
    tx: Transaction, ports: Ports, person: str, signature: Signature, subject: bytes
) -> tuple[Key, Assurance]:
    """The key with which this person signed this subject just now, and how sure that makes us.

    `person` is whom the caller knows to be there, never what a request says. Uses the nonce up with the transaction.
    `SignatureRefused` says exactly what is wrong.
    """
    now_ns = ports.clock.now_ns()
    # (1) It is this person's word. A signature that names another is another's, however good it is.
    if signature.person != person:
        raise SignatureRefused(f"it is signed as {signature.person}, not as {person}")
    # (2) The key was enrolled, and is in force.
    key = _enrolled(tx, signature.key, now_ns)
    # (3) The signature holds. Asked before the nonce is used: nobody burns another's challenge.
    assurance = verified(signature, key, subject, ports.relying)
    # (4) The nonce was handed out to this person, for this, not long ago, and was never used.
    ensure_asked(tx, signature, subject, now_ns)
    return key, assurance


def ensure_asked(tx: Transaction, signature: Signature, subject: bytes, now_ns: int) -> None:
    """Use the signature's nonce up; `SignatureRefused` unless it was handed out for this and is unused and in time."""
    if not tx.people.use_challenge(signature.nonce, signature.person, subject, now_ns):
        raise SignatureRefused(
            "its nonce was not handed out to this person for this, has expired, or was used",
            hint="Sign again: each signature takes a fresh challenge, within five minutes.",
        )


def _enrolled(tx: Transaction, name: str, now_ns: int) -> Key:
    key = tx.people.key(name)
    if key is None:
        raise SignatureRefused(
            "no such key is enrolled", hint="An admin enrols it with `countersign person enrol`."
        )
    if not key.signs_at(now_ns):
        raise SignatureRefused(
            "the key was revoked", hint="Sign with another key, or have a new one enrolled."
        )
    return key


# ---- sessions ------------------------------------------------------------------------------------------------


def sign_in(ports: Ports, signature: Signature) -> bytes:
    """The token (32 bytes) of a new session of whoever signed `sign_in_subject`; only its digest is kept.

    `SignatureRefused` says what is wrong.
    """
    token = ports.entropy.draw(TOKEN_BYTES)
    subject = sign_in_subject(signature.person, signature.key)
    with ports.store.transaction() as tx:
        key, _ = accepted(tx, ports, signature.person, signature, subject)
        now_ns = ports.clock.now_ns()
        session = Session(
            id=f"s_{ports.entropy.draw(8).hex()}",
            person=key.person,
            key=key.id,
            opened_ns=now_ns,
            expires_ns=now_ns + SESSION_NS,
        )
        tx.people.open_session(session, token_digest(token))
    return token


def sign_out(ports: Ports, token: bytes) -> bool:
    """End the token's session; False when there was none."""
    with ports.store.transaction() as tx:
        session = tx.people.session(token_digest(token))
        if session is not None:
            tx.people.end_session(session.id, ports.clock.now_ns())
    return session is not None


def signed_in(ports: Ports, token: bytes) -> SignedIn:
    """Who this token stands for, now. `NotSignedIn` says why it stands for nobody."""
    with ports.store.reading() as tx:
        return session_of(tx, ports, token)


def session_of(tx: Transaction, ports: Ports, token: bytes) -> SignedIn:
    """As `signed_in`, from inside a transaction: roles and keys are as this transaction sees them."""
    now_ns = ports.clock.now_ns()
    session = tx.people.session(token_digest(token))
    if session is None:
        raise NotSignedIn
    if not session.opened_ns <= now_ns < session.expires_ns:
        raise NotSignedIn("the session has expired")
    person, key = tx.people.get(session.person), tx.people.key(session.key)
    if person is None or key is None or not key.signs_at(now_ns):
        raise NotSignedIn(
            "the key that the session was opened with was revoked",
            hint="Sign in with another key, or have a new one enrolled.",
        )
    return SignedIn(person=person, session=session)


def ensure_permitted(ports: Ports, who: SignedIn, action: str) -> None:
    """`NotPermitted` unless the policy lets this person do it in this home; `action` is `person.…`."""
    ruling = ports.policy.rule_on(who.person.roles, who.person.id, action, 0, {})
    if isinstance(ruling, Denied):
        raise NotPermitted(f"{ruling.rule}: {ruling.reason}", hint=ruling.satisfy)


def actor(who: SignedIn) -> Actor:
    """The person as the log knows them: a pseudonym, never a name."""
    return Actor(type="analyst", id=who.person.id, session=who.session.id)


def token_digest(token: bytes) -> bytes:
    """What the store keeps of a token. A token has 256 random bits: a plain hash keeps it."""
    return sha256(b"countersign/session/v1\n" + token).digest()
