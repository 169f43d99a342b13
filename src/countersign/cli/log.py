"""`countersign log verify`: the whole log recomputed from its stored bytes."""

import json
import sys

from countersign.cli import screen
from countersign.cli.places import Places, open_ports


def verify(places: Places, as_json: bool) -> int:
    """Print exactly one of intact, incomplete, altered, could not check; exit code 3 unless intact."""
    ports = open_ports(places)
    found = ports.store.log.verify()
    if as_json:
        document = {
            "schema": "countersign.log-check/1",
            "status": found.status,
            "size": found.size,
            "says": str(found),
        }
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
    else:
        screen.line(screen.console(), str(found))
    return 0 if found.status == "intact" else 3
