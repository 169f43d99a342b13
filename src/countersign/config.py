"""Settings, read once: where the home is, and what its `config.toml` says."""

import os
import tomllib
from pathlib import Path

import msgspec

from countersign.core.identity.signed import Relying
from countersign.errors import ConfigError

HOME_VARIABLE = "COUNTERSIGN_HOME"
DATABASE_VARIABLE = "COUNTERSIGN_DATABASE"
FOLDER = Path(".local") / "share" / "countersign"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be set in `config.toml`."""

    database_url: str = ""  # empty: SQLite in the home; else postgresql+psycopg://…
    drafter: str = "rules"
    log_origin: str = (
        ""  # the log's name: where its files are served, without https://; empty: one made of its key
    )
    passkeys: Relying = Relying()  # no origin: no passkey is accepted


def home(given: str | None) -> Path:
    """The home: `--home`, else `$COUNTERSIGN_HOME`, else the default under the user's own folder."""
    named = given or os.environ.get(HOME_VARIABLE)
    return Path(named).expanduser() if named else Path.home() / FOLDER


def load(folder: Path, config: str | None = None) -> Settings:
    """Read `--config FILE`, or `config.toml` in the home if there is one."""
    path = Path(config) if config else folder / "config.toml"
    if not path.exists():
        if config:
            raise ConfigError(f"there is no settings file {path}", hint="Check the path given to --config.")
        found: dict[str, object] = {}
    else:
        try:
            found = tomllib.loads(path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{path} cannot be read: {error}", hint="It is TOML; see docs/howto/settings.md."
            ) from error
    found.setdefault("database_url", os.environ.get(DATABASE_VARIABLE, ""))
    try:
        return msgspec.convert(found, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"{path}: {error}", hint="See docs/howto/settings.md for the settings there are."
        ) from error
