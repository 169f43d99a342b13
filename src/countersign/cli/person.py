"""`countersign person …`: who there is, with which keys, and who is signed in at this terminal."""

import json
import sys
from pathlib import Path

import msgspec

from countersign import wiring
from countersign.cli import badge, screen
from countersign.cli.places import Places, open_ports
from countersign.core.canonical import format_time
from countersign.core.identity.people import Key, Person
from countersign.core.identity.signatures import key_id
from countersign.core.identity.subjects import Enrolment, enrolment_subject, sign_in_subject
from countersign.errors import AlreadyStored, KeyUnusable, UsageError
from countersign.ports import Ports, Transaction
from countersign.ports.people import SigningKey
from countersign.steps import people, roster

SHORT = 19  # "sha256:" and twelve digits, as keys are shown


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Which key a command was given, and where its passphrase is."""

    file: str | None = None
    agent: bool = False
    passkey: bool = False
    passphrase_file: str | None = None
    new_passphrase_file: str | None = None


def add(places: Places, name: str, roles: list[str]) -> int:
    """A new person, by the admin who is signed in."""
    ports, mine = _ports(places), badge.read(places)
    person = roster.add(name, roles, mine.secret, ports)
    ports.publisher.publish()
    _say(f"{person.name} ({', '.join(person.roles) or 'no role'}) is {person.id}")
    _say(f"no key yet: `countersign person enrol '{person.name}' --key FILE.pub`")
    return 0


def change_roles(places: Places, name: str, roles: list[str]) -> int:
    """Exactly these roles from now on."""
    ports, mine = _ports(places), badge.read(places)
    person = roster.set_roles(_person(ports, name).id, roles, mine.secret, ports)
    ports.publisher.publish()
    _say(f"{person.name}: {', '.join(person.roles) or 'no role'}")
    return 0


# ---- keys ------------------------------------------------------------------------------------------------------


def enrol(places: Places, name: str, given: Given) -> int:
    """A key for a person, signed by the admin who is signed in; or the first admin's own, where nobody is yet."""
    if given.passkey:
        raise UsageError(
            "a terminal cannot talk to a passkey",
            hint="The workbench will enrol passkeys; it is not there yet. This enrols software keys: --key or --agent.",
        )
    ports = _ports(places)
    with ports.store.reading() as tx:
        nobody = not tx.people.all()
    return _begin(places, ports, name, given) if nobody else _enrol(places, ports, name, given)


def _begin(places: Places, ports: Ports, name: str, given: Given) -> int:
    person = roster.new_person_id(ports)
    key, where = _unlocked(given, person, given.passphrase_file)
    enrolment = Enrolment(person=person, kind="software", public=key.public.hex(), by=person)
    made = badge.signature(ports, person, key, enrolment_subject(enrolment))
    roster.begin(name, enrolment, made, ports)
    ports.publisher.publish()
    _say(f"{name} is the first admin of this home, with the key {key_id(key.public)[:SHORT]} ({where})")
    _enter(places, ports, person, key, where)
    return 0


def _enrol(places: Places, ports: Ports, name: str, given: Given) -> int:
    mine, person = badge.read(places), _person(ports, name)
    people.ensure_permitted(ports, people.signed_in(ports, mine.secret), "person.enrol")
    public, where = _public(given, person.id)
    enrolment = Enrolment(person=person.id, kind="software", public=public.hex(), by=mine.person)
    by = badge.own_key(mine, given.passphrase_file)
    made = badge.signature(ports, mine.person, by, enrolment_subject(enrolment))
    try:
        key = roster.enrol(enrolment, made, mine.secret, ports)
    except AlreadyStored as error:
        raise UsageError(str(error), hint=error.hint) from error
    ports.publisher.publish()
    _say(f"{key.id[:SHORT]} is a key of {person.name} now ({where})")
    _say("it is a software key: enough where one signature of a low tier is asked for, and no higher")
    return 0


def _public(given: Given, person: str) -> tuple[bytes, str]:
    """The public half of what is enrolled: of the agent's key, of a `.pub` file, of a key file, made if need be."""
    if given.file is not None and given.file.endswith(".pub"):
        return wiring.public_key(Path(given.file)), given.file
    key, where = _unlocked(given, person, given.new_passphrase_file)
    return key.public, where


def _unlocked(given: Given, person: str, passphrase_file: str | None) -> tuple[SigningKey, str]:
    """A key that can sign, and where it is; a file that is not there is made."""
    if given.agent:
        return _in_agent(given.file), badge.AGENT
    if given.file is not None and given.file.endswith(".pub"):
        raise UsageError(
            f"{given.file} is the public half, which does not sign",
            hint="Name the key itself, or use --agent.",
        )
    path = Path(given.file) if given.file else badge.folder() / "keys" / f"{person}.key"
    if path.exists():
        return wiring.file_key(path, badge.ask(f"Passphrase of {path}", passphrase_file)), str(path.resolve())
    words = badge.ask(f"A new passphrase for {path}", passphrase_file, twice=True)
    return wiring.new_key(path, words), str(path.resolve())


def _in_agent(file: str | None) -> SigningKey:
    """The agent's key that `--key FILE.pub` names, or the only one it holds."""
    if file is not None:
        return wiring.agent_key(wiring.public_key(Path(file if file.endswith(".pub") else f"{file}.pub")))
    held = wiring.agent_keys()
    if len(held) != 1:
        listed = ", ".join(f"{one.comment or 'without a name'}" for one in held) or "none"
        raise KeyUnusable(
            f"the agent holds {len(held)} Ed25519 keys: {listed}",
            hint="Say which with --agent --key FILE.pub.",
        )
    return wiring.agent_key(held[0].public)


def revoke(places: Places, key: str, reason: str) -> int:
    """From now on the key signs nothing more."""
    ports, mine = _ports(places), badge.read(places)
    with ports.store.reading() as tx:
        found = _key(tx, key)
    found = roster.revoke(found.id, reason, mine.secret, ports)
    ports.publisher.publish()
    _say(
        f"{found.id[:SHORT]} signs nothing from {_minute(found.revoked_ns or 0)} on; what it signed before holds"
    )
    return 0


def _key(tx: Transaction, named: str) -> Key:
    """A key by the start of its id, or a person's only key in force."""
    everybody = tx.people.all()
    keys = [key for one in everybody for key in tx.people.keys_of(one.id)]
    short = named.removeprefix("sha256:").lower()
    if len(short) >= 6 and (found := [key for key in keys if key.id[7:].startswith(short)]):
        if len(found) == 1:
            return found[0]
        raise UsageError(f"{len(found)} keys start with {named}", hint="Give more of the id.")
    owner = next((one for one in everybody if named in {one.name, one.id}), None)
    theirs = [key for key in keys if owner and key.person == owner.id and key.revoked_ns is None]
    if len(theirs) == 1:
        return theirs[0]
    why = f"{named} has {len(theirs)} keys in force" if owner else f"there is no key {named!r}"
    raise UsageError(why, hint="`countersign person list` shows the keys; six digits of one are enough.")


# ---- at this terminal --------------------------------------------------------------------------------------------


def sign_in(places: Places, name: str, given: Given) -> int:
    """Sign a challenge, and be known here for eight hours."""
    ports = _ports(places)
    person = _person(ports, name)
    path = Path(given.file) if given.file else badge.folder() / "keys" / f"{person.id}.key"
    if not given.agent and not path.exists():
        raise KeyUnusable(f"there is no key {path}", hint="Name yours with --key FILE, or use --agent.")
    key, where = _unlocked(given, person.id, given.passphrase_file)
    _enter(places, ports, person.id, key, where)
    return 0


def _enter(places: Places, ports: Ports, person: str, key: SigningKey, where: str) -> None:
    subject = sign_in_subject(person, key_id(key.public))
    token = people.sign_in(ports, badge.signature(ports, person, key, subject))
    if (before := badge.found(places)) is not None:  # nobody could end it once its token is gone
        people.sign_out(ports, before.secret)
    badge.write(places, token, person, key.public, where)
    who = people.signed_in(ports, token)
    _say(f"signed in as {who.person.name} until {_minute(who.session.expires_ns)}")


def sign_out(places: Places) -> int:
    """Nobody is signed in here any more."""
    mine = badge.read(places)
    ended = people.sign_out(_ports(places), mine.secret)
    badge.forget(places)
    _say("signed out" if ended else "the session was over already")
    return 0


def whoami(places: Places, as_json: bool) -> int:
    """Who is signed in at this terminal."""
    mine = badge.read(places)
    who = people.signed_in(_ports(places), mine.secret)
    if as_json:
        document = {
            "schema": "countersign.whoami/1",
            "person": who.person.id,
            "name": who.person.name,
            "roles": [*who.person.roles],
            "key": who.session.key,
            "until": format_time(who.session.expires_ns),
        }
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
        return 0
    _say(f"{who.person.name} ({', '.join(who.person.roles) or 'no role'}), {who.person.id}")
    _say(f"key {who.session.key[:SHORT]} ({mine.key}), until {_minute(who.session.expires_ns)}")
    return 0


def listing(places: Places, as_json: bool) -> int:
    """Everybody, with their roles and keys."""
    ports = open_ports(places)
    with ports.store.reading() as tx:
        rows = [(one, tx.people.keys_of(one.id)) for one in tx.people.all()]
    if as_json:
        document = {"schema": "countersign.people/1", "people": [_row(*row) for row in rows]}
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
        return 0
    names = {one.id: one.name for one, _ in rows}
    for one, keys in rows:
        _say(f"{one.name} · {', '.join(one.roles) or 'no role'} · {one.id}")
        for key in keys:
            _say(f"  {_in_words(key, names)}")
    if not rows:
        _say("nobody yet; the first admin enrols themself: `countersign person enrol NAME --key FILE`")
    return 0


def _in_words(key: Key, names: dict[str, str]) -> str:
    kind = (
        key.kind if key.kind == "software" else f"passkey, {'device-bound' if key.device_bound else 'synced'}"
    )
    by = "themself" if key.enrolled_by == key.person else names.get(key.enrolled_by, key.enrolled_by)
    told = f"{key.id[:SHORT]} · {kind} · enrolled by {by} {format_time(key.enrolled_ns)[:10]}"
    return told if key.revoked_ns is None else f"{told} · revoked {format_time(key.revoked_ns)[:10]}"


def _row(one: Person, keys: tuple[Key, ...]) -> dict[str, object]:
    listed = [
        {
            "id": key.id,
            "kind": key.kind,
            "device_bound": key.device_bound,
            "enrolled_by": key.enrolled_by,
            "enrolled": format_time(key.enrolled_ns),
            "revoked": None if key.revoked_ns is None else format_time(key.revoked_ns),
        }
        for key in keys
    ]
    return {"id": one.id, "name": one.name, "roles": [*one.roles], "keys": listed}


# ---- what they share ---------------------------------------------------------------------------------------------


def _ports(places: Places) -> Ports:
    """Ports of a log that can be written: told before anything is asked, not after."""
    ports = open_ports(places)
    ports.publisher.publish()
    return ports


def _person(ports: Ports, name: str) -> Person:
    """By exact name, or by id."""
    with ports.store.reading() as tx:
        found = tx.people.named(" ".join(name.split())) or next(
            (one for one in tx.people.all() if one.id == name), None
        )
    if found is None:
        raise UsageError(
            f"there is nobody called {name!r}",
            hint="`countersign person list` shows who there is; an admin adds people with `countersign person add`.",
        )
    return found


def _minute(ns: int) -> str:
    return f"{format_time(ns)[:16].replace('T', ' ')} UTC"


def _say(text: str) -> None:
    screen.line(screen.console(), text)
