"""Connected components with networkx: run by the peers' own Python, never by ours.

On stdin `place TAB second` of alerts in the order of time; for each size the CPU seconds on a line. An alert is joined to
the last at its place within the hour, which gives the components that joining all of them would.
"""

import sys
from time import process_time

import networkx as nx

SIZES = (25_000, 50_000)
HOUR_S = 3600


def main() -> None:
    """Time each size."""
    alerts = [
        (place, int(when)) for place, when in (line.split("\t") for line in sys.stdin.read().splitlines())
    ]
    for size in SIZES:
        before = process_time()
        graph = nx.Graph()
        last: dict[str, tuple[int, int]] = {}
        for number, (place, when) in enumerate(alerts[:size]):
            graph.add_node(number)
            if place in last and when - last[place][1] <= HOUR_S:
                graph.add_edge(last[place][0], number, because=f"same host within {when - last[place][1]} s")
            last[place] = (number, when)
        found = [sorted(one) for one in nx.connected_components(graph)]
        took = process_time() - before
        if sum(map(len, found)) != size:
            raise SystemExit("alerts are missing")
        sys.stdout.write(f"{took}\n")


if __name__ == "__main__":
    main()
