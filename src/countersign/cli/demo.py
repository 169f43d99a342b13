"""`countersign demo`: the bundled scenario, triaged and printed."""


from countersign.cli import reference, triage
from countersign.demo import COVERAGE, EVIDENCE, REGISTERS

Places = tuple[str | None, str | None]


def demo(places: Places) -> int:
    """Pin the scenario's registers, triage its evidence, print its cases."""
    reference.add(places, [str(REGISTERS)])
    return triage.triage(places, [str(EVIDENCE)], "auto", "text", None, None, None, [str(COVERAGE)])


