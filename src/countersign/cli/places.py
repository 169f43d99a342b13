"""Where a command works: the home and the settings it was given, or their defaults."""

from countersign import config, wiring
from countersign.ports import Ports

Places = tuple[str | None, str | None]
"""`--home` and `--config`, as given."""


def open_ports(places: Places, drafter: str | None = None) -> Ports:
    """Everything a step needs, over the home that was named."""
    folder = config.home(places[0])
    return wiring.open_ports(folder, config.load(folder, places[1]), drafter)
