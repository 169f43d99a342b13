"""Who is signed in at this terminal: a token in a file that only its owner reads, one for each home.

`$XDG_CONFIG_HOME/countersign/sessions/…` (by default under `~/.config`) holds the token and where the key is, never the
key or its passphrase. What a person does with more than looking is signed anew, so the key is asked for each time.
"""

import os
import secrets
import sys
from getpass import getpass
from hashlib import sha256
from pathlib import Path

import msgspec

from countersign import config, wiring
from countersign.cli.places import Places
from countersign.core.identity.signatures import Signature, challenge, key_id
from countersign.errors import IdentityError, KeyUnusable, NotSignedIn, UsageError
from countersign.ports import Ports
from countersign.ports.people import SigningKey
from countersign.steps import people

AGENT = "agent"
CONFIG_VARIABLE = "XDG_CONFIG_HOME"


class Badge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the file holds: the session's token in hex, and the key: `agent`, or the file it lies in."""

    home: str
    token: str
    person: str
    public: str  # the key's public bytes, in hex
    key: str

    @property
    def secret(self) -> bytes:
        """The token."""
        return bytes.fromhex(self.token)


def folder() -> Path:
    """Where a person's own things are, apart from any home."""
    named = os.environ.get(CONFIG_VARIABLE, "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".config") / "countersign"


def _path(home: Path) -> Path:
    return folder() / "sessions" / f"{sha256(str(home).encode()).hexdigest()[:32]}.json"


def _home(places: Places) -> Path:
    return config.home(places[0]).resolve()


def read(places: Places) -> Badge:
    """Who signed in here, for this home. `NotSignedIn` when nobody did, `KeyUnusable` when others may read the file."""
    path = _path(_home(places))
    if not path.exists():
        raise NotSignedIn
    try:
        badge = msgspec.json.decode(wiring.read_secret(path), type=Badge)
        bytes.fromhex(badge.token), bytes.fromhex(badge.public)
    except (msgspec.MsgspecError, ValueError) as exc:
        raise NotSignedIn(f"{path} cannot be read") from exc
    if badge.home != str(_home(places)):
        raise NotSignedIn
    return badge


def found(places: Places) -> Badge | None:
    """As `read`, or None."""
    try:
        return read(places)
    except IdentityError:
        return None


def write(places: Places, token: bytes, person: str, public: bytes, key: str) -> None:
    """Remember who signed in, for this home only."""
    home = _home(places)
    badge = Badge(home=str(home), token=token.hex(), person=person, public=public.hex(), key=key)
    path = _path(home)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.parent.chmod(0o700)
        fresh = path.with_name(f".{secrets.token_hex(8)}")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(badge))
        fresh.replace(path)
    except OSError as exc:
        raise UsageError(f"{path} cannot be written: {exc.strerror}") from exc


def forget(places: Places) -> None:
    """Nobody is signed in here any more."""
    _path(_home(places)).unlink(missing_ok=True)


# ---- keys ------------------------------------------------------------------------------------------------------


def ask(what: str, file: str | None, *, twice: bool = False) -> str:
    """A passphrase: the first line of a file that only its owner may read, or asked for on the terminal."""
    if file is not None:
        return wiring.read_passphrase(Path(file))
    if not sys.stdin.isatty():
        raise KeyUnusable(
            f"{what}: there is no terminal to ask on",
            hint="--passphrase-file names a file that holds it, readable by you only; or use --agent.",
        )
    words = getpass(f"{what}: ")
    if twice and getpass(f"{what}, again: ") != words:
        raise UsageError("the two are not the same", hint="Nothing was made. Try again.")
    return words


def key_at(where: str, public: bytes, passphrase_file: str | None) -> SigningKey:
    """The key of these public bytes: from the agent, or out of its file, whose passphrase is asked for."""
    if where == AGENT:
        return wiring.agent_key(public)
    key = wiring.file_key(Path(where), ask(f"Passphrase of {where}", passphrase_file))
    if key.public != public:
        raise KeyUnusable(f"{where} holds another key than the one you signed in with", hint="Sign in again.")
    return key


def own_key(badge: Badge, passphrase_file: str | None = None) -> SigningKey:
    """The key that was signed in with, to sign something."""
    return key_at(badge.key, bytes.fromhex(badge.public), passphrase_file)


def signature(ports: Ports, person: str, key: SigningKey, subject: bytes) -> Signature:
    """This person's signature over a subject (32 bytes), for a nonce fetched now."""
    nonce = people.challenge(ports, person, subject)
    return Signature(
        person=person,
        key=key_id(key.public),
        kind="software",
        nonce=nonce,
        signature=key.sign(challenge(person, subject, nonce)),
    )
