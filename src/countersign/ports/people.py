"""The store of persons, keys, sessions and challenges."""

from typing import Protocol

from countersign.core.identity.people import Key, Person, Role, Session


class PeopleStore(Protocol):
    """Who there is. Everything is appended; what was said last counts."""

    def lock(self) -> None:
        """Until the transaction ends nobody else who holds this changes who there is. Before asking what must stay so."""
        ...

    def add(self, person: Person, by: str, at_ns: int) -> None:
        """A new person. `AlreadyStored` when the name or id is taken."""
        ...

    def roles(self, person: str, roles: tuple[Role, ...], by: str, at_ns: int) -> None:
        """From now on the person has these roles."""
        ...

    def get(self, person: str) -> Person | None:
        """The person of this id."""
        ...

    def named(self, name: str) -> Person | None:
        """The person of exactly this name."""
        ...

    def all(self) -> tuple[Person, ...]:
        """Everybody, oldest first."""
        ...

    def enrol(self, key: Key) -> None:
        """Keep a key. `AlreadyStored` when it is enrolled, to whomever."""
        ...

    def revoke(self, key: str, by: str, at_ns: int, reason: str) -> None:
        """From `at_ns` on the key signs nothing more. Once revoked, always revoked."""
        ...

    def key(self, key: str) -> Key | None:
        """The key of this id, revoked or not."""
        ...

    def keys_of(self, person: str) -> tuple[Key, ...]:
        """The person's keys, oldest first, revoked ones too."""
        ...

    def open_session(self, session: Session, token_digest: bytes) -> None:
        """Keep who signed in."""
        ...

    def session(self, token_digest: bytes) -> Session | None:
        """The session of this token, unless it was ended. Whether it has expired is the caller's to ask."""
        ...

    def end_session(self, session: str, at_ns: int) -> None:
        """Nobody is signed in by it any more."""
        ...

    def challenge(self, nonce: bytes, person: str, subject: bytes, expires_ns: int) -> None:
        """Keep a challenge that was handed out."""
        ...

    def use_challenge(self, nonce: bytes, person: str, subject: bytes, at_ns: int) -> bool:
        """Use it up, if it was handed out to this person for this subject, has not expired and was not used; else False."""
        ...


class SigningKey(Protocol):
    """An Ed25519 key that can be asked to sign: out of an unlocked file, or held by an agent."""

    @property
    def public(self) -> bytes:
        """Its 32 public bytes."""
        ...

    def sign(self, data: bytes) -> bytes:
        """64 bytes. `KeyUnusable` when it does not sign."""
        ...
