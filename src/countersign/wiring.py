"""Settings to ports: the only place that knows both."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from countersign import config
from countersign.adapters import clock, dictionaries
from countersign.adapters.drafters.rules import RulesDrafter
from countersign.adapters.keys import HomeSealer
from countersign.adapters.sources import read
from countersign.adapters.sql.engine import sqlite_url
from countersign.adapters.sql.store import SqlStore, open_store
from countersign.core.evidence import Incoming, Quarantined, Skipped
from countersign.core.fields import Dictionary
from countersign.core.signals import Signals
from countersign.errors import ConfigError
from countersign.ports import Drafter, Ports

Outcome = Incoming | Quarantined | Skipped


class SystemClock:
    """The machine's clock."""

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        return clock.now_ns()


def signals() -> Signals:
    """The bundled signals."""
    return dictionaries.bundled_signals()


def dictionary() -> Dictionary:
    """The bundled field dictionary."""
    return dictionaries.bundled()


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


def open_ports(folder: Path, settings: config.Settings, drafter_name: str | None = None) -> Ports:
    """Everything a step needs, over one home."""
    make_home(folder)
    store: SqlStore = open_store(database_url(folder, settings))
    _ensure_seeded(folder, store)
    return Ports(
        store,
        SystemClock(),
        HomeSealer.open(folder),
        drafter(drafter_name or settings.drafter),
        dictionary(),
        signals(),
    )


def _ensure_seeded(folder: Path, store: SqlStore) -> None:
    """A new seed beside an old log would leave every commitment in it without a key."""
    seed = folder / "seed.key"
    if seed.exists():
        return
    written = store.log.head().size or next(store.log.of_kind("evidence.received"), None)
    if written and not seed.exists():  # asked again: another process may have begun this home just now
        raise ConfigError(
            f"{seed} is missing, and the log in this store was written with it",
            hint="Restore seed.key from a backup; without it nothing that was logged can be shown to be what it was.",
        )


def incoming(paths: Iterable[str], fmt: str, stdin: BinaryIO | None) -> Iterator[Outcome]:
    """Records out of files, folders and standard input."""
    return read(paths, fmt, stdin)
