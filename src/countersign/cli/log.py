"""`countersign log verify`: the whole log recomputed from its stored bytes."""

import json
import sys

from countersign import config, wiring
from countersign.cli import screen

Places = tuple[str | None, str | None]


def verify(places: Places, as_json: bool) -> int:
    """Print exactly one of intact, incomplete, altered, could not check; exit code 3 unless intact."""
    folder = config.home(places[0])
    ports = wiring.open_ports(folder, config.load(folder, places[1]))
    found = ports.store.log.verify()
    if as_json:
        document = {"schema": "countersign.log-check/1", "status": found.status, "size": found.size, "says": str(found)}
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        screen.line(screen.console(), str(found))
    return 0 if found.status == "intact" else 3
