"""Where a command works: the home and the settings it was given, or their defaults."""

from collections.abc import Sequence

from countersign import config, wiring
from countersign.ports import Ports

Places = tuple[str | None, str | None]
"""`--home` and `--config`, as given."""


def open_ports(places: Places, drafter: str | None = None, mapped: wiring.Mappings = ()) -> Ports:
    """Everything a step needs, over the home that was named."""
    folder = config.home(places[0])
    return wiring.open_ports(folder, config.load(folder, places[1]), drafter, mapped)


def mappings(places: Places, names: Sequence[str] | None) -> wiring.Mappings:
    """The mappings that `--mapping` names."""
    return wiring.mappings(names or (), config.home(places[0]))
