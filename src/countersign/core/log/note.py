"""Signed notes and verifier keys (C2SP signed-note 1.0.0), read strictly.

    <text: UTF-8, ends with a newline, no other control characters>
    <one empty line>
    — <key name> <base64(4-byte key ID || signature)>     one such line or more

1. Text and signatures part at the *last* empty line; a note has at most 128 KiB and 64 signatures.
2. Base64 is standard, padded, and the only spelling of its bytes.
3. A signature counts only under a name, a key ID and a type that the reader named beforehand.
4. Unknown keys are ignored. A known key whose signature does not hold rejects the whole note, and so does
   a note without a good signature.

Making signatures happens elsewhere; what cosigners sign is in `core/log/cosign`.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from countersign.errors import MalformedNote, NoteNotVerified

MAX_NOTE_BYTES: Final = 128 * 1024
MAX_SIGNATURES: Final = 64  # the format asks for 16 at least
MAX_NAME: Final = 255

LOG_KEY: Final = 0x01  # Ed25519 over the text
COSIGNER_KEY: Final = 0x04  # Ed25519 over the time and the text
COSIGNER_ML_DSA_KEY: Final = 0x06
KEY_BYTES: Final = {LOG_KEY: 32, COSIGNER_KEY: 32, COSIGNER_ML_DSA_KEY: 1312}

_MARK = "— "
_KEY_ID = re.compile(r"[0-9a-f]{8}")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")
_MAX_NUMBER = 2**63 - 1
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class VerifierKey(msgspec.Struct, frozen=True):
    """Whose signatures count: a key name, a signature type, and the public key's bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || 0x0A || type || public key)."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encoded(bytes([self.kind]) + self.public)}"


class Signature(msgspec.Struct, frozen=True):
    """One signature line: who says to have signed, with which key, and the signature field."""

    name: str
    key_id: bytes
    field: bytes

    def line(self) -> bytes:
        """The line with its newline."""
        return f"{_MARK}{self.name} {encoded(self.key_id + self.field)}\n".encode()


class Note(msgspec.Struct, frozen=True):
    """A note as it was read. Nothing is known of its text until `opened` has returned it."""

    text: bytes
    signatures: tuple[Signature, ...]

    def raw(self) -> bytes:
        """The note's bytes."""
        return self.text + b"\n" + b"".join(signature.line() for signature in self.signatures)


Holds = Callable[[VerifierKey, bytes, bytes], bool]
"""Does this key's signature field hold over this text?"""


def verifier_key(text: str) -> VerifierKey:
    """The key that `<name>+<8 hex digits>+<base64(type || public key)>` spells, or `MalformedNote`."""
    name, key_id, key = (*text.split("+", 2), "", "")[:3]
    _ensure_name(name)
    if _KEY_ID.fullmatch(key_id) is None:
        raise MalformedNote("a verifier key is NAME+8 HEX DIGITS+BASE64; its key ID cannot be read")
    raw = decoded(key, "the verifier key")
    found = VerifierKey(name, raw[0] if raw else 0, raw[1:])
    if KEY_BYTES.get(found.kind) != len(found.public):
        raise MalformedNote(f"a key of type {found.kind:#04x} with {len(found.public)} bytes cannot be used")
    if found.id.hex() != key_id:
        raise MalformedNote(f"the key ID {key_id} does not belong to this name, type and key")
    return found


def parse_note(raw: bytes) -> Note:
    """Text and signature lines, or `MalformedNote`. No signature has been checked."""
    if len(raw) > MAX_NOTE_BYTES:
        raise MalformedNote(f"a note has at most {MAX_NOTE_BYTES} bytes; this has {len(raw)}")
    whole = plain_text(raw, "the note")
    # The text may hold empty lines itself: only the last one parts it from the signatures.
    at = whole.rfind("\n\n")
    if at < 1:
        raise MalformedNote("the note has no empty line between text and signatures")
    lines = whole[at + 2 :].split("\n")[:-1]
    if not 0 < len(lines) <= MAX_SIGNATURES:
        raise MalformedNote(f"a note has 1 to {MAX_SIGNATURES} signature lines; this has {len(lines)}")
    return Note(whole[: at + 1].encode(), tuple(map(_signature, lines)))


def parse_signature_lines(raw: bytes) -> tuple[Signature, ...]:
    """Signature lines alone, as a witness answers them; `MalformedNote` unless every line is one."""
    lines = plain_text(raw, "the answer").split("\n")[:-1]
    if not 0 < len(lines) <= MAX_SIGNATURES:
        raise MalformedNote(f"there are {len(lines)} signature lines; 1 to {MAX_SIGNATURES} are read")
    return tuple(map(_signature, lines))


def is_log_signature(key: VerifierKey, text: bytes, field: bytes) -> bool:
    """Does an Ed25519 signature (type 0x01) hold over the text? False for keys of every other type."""
    return key.kind == LOG_KEY and is_ed25519(key.public, field, text)


def is_ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Does this Ed25519 signature hold?"""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def opened(raw: bytes, keys: Iterable[VerifierKey], holds: Holds = is_log_signature) -> Note:
    """The note with only the signatures that hold, under keys the reader named.

    `MalformedNote`; `NoteNotVerified` when a known key's signature is bad, or no signature is by a known key.
    """
    note, known = parse_note(raw), tuple(keys)
    good = good_signatures(note.text, note.signatures, known, holds)
    if not good:
        names = ", ".join(sorted({key.name for key in known})) or "nobody"
        raise NoteNotVerified(f"the note is not signed by {names} with the key that was given")
    return Note(note.text, good)


def good_signatures(
    text: bytes, signatures: Iterable[Signature], keys: Iterable[VerifierKey], holds: Holds
) -> tuple[Signature, ...]:
    """One signature of each known key that signed; `NoteNotVerified` when any line of a known key is bad."""
    known = {(key.name, key.id): key for key in keys}
    good: dict[tuple[str, bytes], Signature] = {}
    for signature in signatures:
        key = known.get((signature.name, signature.key_id))
        if key is None:
            continue
        if not holds(key, text, signature.field):
            raise NoteNotVerified(f"a signature of {key.name} does not hold for this text")
        good.setdefault((key.name, key.id), signature)
    return tuple(good.values())


def plain_text(raw: bytes, what: str) -> str:
    """UTF-8 that ends with a newline and holds no other control character."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        raise MalformedNote(f"{what} is not UTF-8") from exc
    if not text.endswith("\n"):
        raise MalformedNote(f"{what} does not end with a newline")
    if found := _FORBIDDEN.search(text):
        raise MalformedNote(f"{what} holds the control character U+{ord(found[0]):04X}")
    return text


def encoded(raw: bytes) -> str:
    """Standard base64 with padding."""
    return b64encode(raw).decode()


def decoded(text: str, what: str) -> bytes:
    """The bytes that standard, padded base64 spells; another spelling of the same bytes is refused."""
    try:
        raw = b64decode(text, validate=True)
    except ValueError as exc:
        raise MalformedNote(f"{what} is not standard padded base64") from exc
    if encoded(raw) != text:
        raise MalformedNote(f"{what} is not the canonical base64 of its bytes")
    return raw


def decimal(text: str, what: str) -> int:
    """A whole number from 0 to 2^63-1, without sign or leading zeros."""
    if _DECIMAL.fullmatch(text) is None or (number := int(text)) > _MAX_NUMBER:
        raise MalformedNote(f"{what} is not a decimal number without sign or leading zeros")
    return number


def hash_of(text: str, what: str) -> bytes:
    """The 32 bytes that base64 spells."""
    raw = decoded(text, what)
    if len(raw) != 32:
        raise MalformedNote(f"{what} has {len(raw)} bytes, not 32")
    return raw


def is_name(name: str) -> bool:
    """May a key or a log be called so? Not empty, no space of any script, no `+`, no control character."""
    fits = 0 < len(name) <= MAX_NAME and name.isprintable()
    return fits and not any(character.isspace() or character == "+" for character in name)


def _ensure_name(name: str) -> None:
    if not is_name(name):
        raise MalformedNote("a key name is empty, or holds a space or `+`")


def _signature(line: str) -> Signature:
    if not line.startswith(_MARK):
        raise MalformedNote("a signature line does not start with an em dash and a space")
    name, _, field = line.removeprefix(_MARK).partition(" ")
    _ensure_name(name)
    raw = decoded(field, "a signature")
    if len(raw) < 5:
        raise MalformedNote("a signature has no room for a key ID and a signature")
    return Signature(name, raw[:4], raw[4:])
