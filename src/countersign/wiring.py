"""Settings to ports: the only place that knows both."""

import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from countersign import config
from countersign.adapters import cedar, clock, dictionaries, keyfiles, ssh_agent
from countersign.adapters.drafters.rules import RulesDrafter
from countersign.adapters.keys import HomeSealer
from countersign.adapters.log_files import FolderFiles
from countersign.adapters.log_signer import HomeSigner
from countersign.adapters.sources import mapping_shelf, read
from countersign.adapters.sources.following import Following
from countersign.adapters.sources.following import Look as Seen
from countersign.adapters.sources.mapping import RecordMapping
from countersign.adapters.sources.unwrapping import follow_mapped, read_mapped
from countersign.adapters.sql import roles
from countersign.adapters.sql.engine import sqlite_url
from countersign.adapters.sql.store import is_written, open_store
from countersign.adapters.witness_client import HttpWitness
from countersign.adapters.witness_server import Logs, WitnessServer
from countersign.adapters.witness_server import Witness as OwnWitness
from countersign.core.facts.signals import Signals
from countersign.core.log.note import VerifierKey
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.fields import Dictionary
from countersign.errors import ConfigError
from countersign.ports import Drafter, PolicyEngine, Ports, Position, Witness
from countersign.ports.people import SigningKey
from countersign.steps.publish import LogPublisher

LOG_FOLDER = "log"  # in the home: what any web server can host

Outcome = Incoming | Quarantined | Skipped
Tail = Following
Look = Seen
new_key, file_key, public_key = keyfiles.make, keyfiles.unlock, keyfiles.read_public
read_secret, read_passphrase = keyfiles.read_private, keyfiles.read_passphrase
Mappings = tuple[RecordMapping, ...]


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return clock.now_ns()


class SystemEntropy:
    """The operating system's randomness."""

    def draw(self, count: int) -> bytes:
        """So many fresh random bytes."""
        return secrets.token_bytes(count)


def signals() -> Signals:
    """The bundled signals."""
    return dictionaries.bundled_signals()


def dictionary(mappings: Iterable[RecordMapping] = ()) -> Dictionary:
    """The bundled field dictionary, and what these mappings say."""
    return dictionaries.with_files({f"{one.name}.toml": one.dictionary for one in mappings})


def mappings(names: Iterable[str], folder: Path | None = None) -> Mappings:
    """The mapping files that were named: paths, names that the home knows, or names of shipped ones."""
    return mapping_shelf.named(names, folder, dictionaries.bundled_files())


def _known_mappings(folder: Path, given: Iterable[RecordMapping]) -> Mappings:
    """Those that the home has used before, with the given ones, which it keeps from now on."""
    known = mapping_shelf.kept(folder, dictionaries.bundled_files())
    for one in given:
        mapping_shelf.keep(folder, one, known.get(one.name))
        known[one.name] = one
    return tuple(known.values())


def drafter(name: str) -> Drafter:
    """The drafter of that name."""
    if name == "rules":
        return RulesDrafter()
    raise ConfigError(
        f"there is no drafter {name!r}",
        hint="This version has the drafter `rules`; language models are planned.",
    )


def make_home(folder: Path) -> Path:
    """Make the home if it is not there, for its owner only."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"the home {folder} cannot be made: {error.strerror}", hint="Choose another with --home."
        ) from error
    return folder


def database_url(folder: Path, settings: config.Settings) -> str:
    """SQLite in the home unless the settings name a database."""
    return settings.database_url or sqlite_url(folder / "countersign.db")


def open_ports(
    folder: Path,
    settings: config.Settings,
    drafter_name: str | None = None,
    mapped: Mappings = (),
) -> Ports:
    """Everything a step needs, over one home."""
    make_home(folder)
    known = _known_mappings(folder, mapped)
    url = database_url(folder, settings)
    _ensure_seeded(folder, url)
    sealer = HomeSealer.open(folder)
    store, time = open_store(url, sealer), SystemClock()
    signer, files = HomeSigner(folder, settings.log_origin), FolderFiles(folder / LOG_FOLDER)
    return Ports(
        store,
        time,
        sealer,
        drafter(drafter_name or settings.drafter),
        dictionary(known),
        signals(),
        dictionaries.bundled_decisive(),
        dictionaries.bundled_echoes(),
        relying=settings.passkeys,
        entropy=SystemEntropy(),
        publisher=LogPublisher(store, time, signer, files),
        policy=cedar.open_policies(folder),
    )


def _ensure_seeded(folder: Path, url: str) -> None:
    """A new seed beside an old log would leave every commitment in it without a key."""
    seed = folder / "seed.key"
    if seed.exists():
        return
    if (
        is_written(url) and not seed.exists()
    ):  # asked again: another process may have begun this home just now
        raise ConfigError(
            f"{seed} is missing, and the log in this store was written with it",
            hint="Restore seed.key from a backup; without it nothing that was logged can be shown to be what it was.",
        )


def checked_policies(home: Path, folder: Path | None) -> tuple[PolicyEngine, str, int]:
    """A policy set as a starting process would take it: from the folder, else the home, else as bundled.

    With it, where it is from, and how many tests of its own it meets. `ConfigError` when it cannot be used.
    """
    own = folder or (home / cedar.FOLDER if (home / cedar.FOLDER).exists() else None)
    found = cedar.check_policies(own)
    return found, str(own) if own else "the bundled policy", found.tests


def grants(schema: str) -> Iterator[str]:
    """SQL that makes PostgreSQL's roles and gives each exactly what it may do."""
    return roles.statements(schema)


def agent_keys() -> tuple[ssh_agent.Identity, ...]:
    """The Ed25519 keys that this terminal's ssh-agent holds; `KeyUnusable` when there is none."""
    return ssh_agent.identities(ssh_agent.socket_path())


def agent_key(public: bytes) -> SigningKey:
    """The agent's key of these 32 public bytes; `KeyUnusable` when it does not hold it."""
    return ssh_agent.held(ssh_agent.socket_path(), public)


def witness(url: str, key: VerifierKey) -> Witness:
    """A witness somewhere else."""
    return HttpWitness(url, key, now_s)


def new_witness(folder: Path, name: str) -> VerifierKey:
    """Make a witness of one's own in a folder that has none; its verifier key."""
    return OwnWitness.make(folder, name)


def witness_server(folder: Path, logs: Logs, host: str, port: int) -> WitnessServer:
    """The witness of a folder, ready to serve; `OSError` when the address cannot be had."""
    return WitnessServer(OwnWitness(folder, logs, now_s), host, port)


def now_s() -> int:
    """The machine's clock, in seconds since 1970."""
    return clock.now_ns() // 1_000_000_000


def incoming(
    paths: Iterable[str], fmt: str, stdin: BinaryIO | None, mapped: Mappings = ()
) -> Iterator[Outcome]:
    """Records out of files, folders and standard input."""
    return read_mapped(paths, fmt, stdin, mapped) if mapped else read(paths, fmt, stdin)


def check_format(fmt: str, mapped: Mappings = ()) -> None:
    """Raises `ValueError` for a format that nobody reads."""
    incoming((), fmt, None, mapped)


def following(path: str, fmt: str, position: Position | None, mapped: Mappings = ()) -> Tail:
    """A file of lines, followed; raises `OSError`, or `ValueError` for what cannot be followed."""
    return follow_mapped(path, fmt, mapped, position)
