"""`countersign demo`: the bundled scenario, triaged and printed."""

from countersign.cli import reference, triage
from countersign.cli.places import Places
from countersign.demo import COVERAGE, EVIDENCE, REGISTERS


def demo(places: Places) -> int:
    """Pin the scenario's registers, triage its evidence, print its cases."""
    reference.add(places, [str(REGISTERS)])
    return triage.triage(places, [str(EVIDENCE)], coverage=[str(COVERAGE)])
