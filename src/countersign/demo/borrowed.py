"""The planted wrong suggestion: one approved change, and somebody else's work in its window.

CHG-2025-0317 lets the supplier install firmware on the door system, from the jump host, until 08:00. He does
it, and leaves. Six minutes later another account fetches the list of persons, with badge numbers and door
codes, from the same host. Actor, asset and time are those of the register; the work is not.
"""

from countersign.demo.endpoint import EDGE, connected
from countersign.demo.network import BROWSER, RULES, alert, eve, flow, http
from countersign.demo.world import (
    DOORS,
    DOORS_HOST,
    JUMP,
    JUMP_HOST,
    NETBIOS,
    STRANGER,
    SUPPLIER,
    Line,
    Record,
    after,
    at,
)

CURL = "C:\\Windows\\System32\\curl.exe"
LIST = "/api/persons/export.csv?fields=name,badge,code"
SESSIONS = ("07:31:04.210", "07:35:40.655", "07:44:51.030")
"""The supplier's sign-in, his upload, and the stranger's download."""


def connections() -> list[Line]:
    """Sysmon on the jump host: the supplier's browser twice, then a command of somebody else."""
    done = ((SUPPLIER, EDGE, "supplier"), (SUPPLIER, EDGE, "supplier-upload"), (STRANGER, CURL, "stranger"))
    found = []
    for clock, (account, image, mark) in zip(SESSIONS, done, strict=True):
        user, target = f"{NETBIOS}\\{account}", (DOORS, DOORS_HOST, 80)
        found.append(Line(at(clock), connected(at(clock), JUMP_HOST, user, image, target), mark))
    return found


def traffic() -> list[Line]:
    """Three alerts of the sensor, and the flow behind each."""
    rules, asked = list(RULES)[-3:], requests()
    moved = ((41.0, 9_310, 88_406), (190.5, 6_720_118, 12_944), (3.4, 1_204, 412_880))
    found = []
    for clock, rule, request, amounts in zip(SESSIONS, rules, asked, moved, strict=True):
        start, ends = at(clock), (JUMP, DOORS, 80)
        seen, ended = after(start, 0.9), after(start, amounts[0])
        raised = alert(rule, seen, *ends, session=clock, http=request)
        spent = flow(start, *amounts)
        ran = eve("flow", ended, *ends, session=clock, app_proto="http", flow=spent)
        number = SESSIONS.index(clock)
        found += [Line(seen, raised, f"doors-alert-{number}"), Line(ended, ran, f"doors-flow-{number}")]
    return found


def requests() -> tuple[Record, Record, Record]:
    """The `http` part of each alert: a sign-in, an upload, a download."""
    return (
        http(DOORS_HOST, "/admin/", BROWSER, 200, 4_812),
        {**http(DOORS_HOST, "/admin/firmware?version=4.2", BROWSER, 200, 96), "http_method": "POST"},
        http(DOORS_HOST, LIST, "curl/8.4.0", 200, 409_231),
    )
