"""Write the bundled scenario: `python -m countersign.demo.generate DIR`.

Standard library only. The same version writes the same bytes, on every machine: nothing is taken from
the clock, the environment or an unseeded generator.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from countersign.demo import borrowed, cloud, endpoint, identity, mail, network, registers, story
from countersign.demo.world import Line, compact

CUT_AT = 173  # bytes of the truncated line that were written before the sensor restarted
FORMATS = {
    "endpoint/windows.jsonl": "windows.event",
    "identity/security-events.jsonl": "ms.SecurityEvent",
    "identity/directory-events.jsonl": "ms.IdentityDirectoryEvents",
    "identity/audit-logs.jsonl": "ms.AuditLogs",
    "identity/office-activity.jsonl": "ms.OfficeActivity",
    "cloud/cloudtrail.json": "aws.cloudtrail",
    "cloud/guardduty.jsonl": "aws.guardduty",
    "network/eve.jsonl": "suricata.eve",
}


def sources() -> dict[str, list[Line]]:
    """File name to its lines, in time order."""
    made = (
        endpoint.lines() + borrowed.connections(),
        identity.logons(),
        identity.directory(),
        identity.audits(),
        identity.mailboxes(),
        cloud.calls(),
        cloud.guards(),
        network.lines() + borrowed.traffic(),
    )
    return {name: sorted(lines, key=lambda line: line.at) for name, lines in zip(FORMATS, made, strict=True)}


def rows(lines: Sequence[Line], name: str, first: int, places: dict[str, str]) -> list[str]:
    """One JSON text a row, repeats included; notes in `places` where each mark stands (lines from `first`)."""
    out: list[str] = []
    for line in lines:
        if line.mark:
            places[line.mark] = f"{name}:{first + len(out)}"
        out += [compact(line.record)] * line.copies
    return out


def text_of(name: str, lines: Sequence[Line], places: dict[str, str]) -> str:
    """The file: an envelope for CloudTrail, JSON Lines for the rest; the network file has its broken line."""
    if name.endswith(".json"):
        return '{"Records":[\n' + ",\n".join(rows(lines, name, 2, places)) + "\n]}\n"
    out = rows(lines, name, 1, places)
    if name == story.NET:
        place = len(out) * 3 // 4
        broken = rows(lines, name, 1, {})[place][:CUT_AT]
        out.append(broken)
        places["truncated"] = f"{name}:{len(out)}"
    return "\n".join(out) + "\n"


def scenario() -> dict[str, str]:
    """Relative path to text, for every file of the scenario."""
    places: dict[str, str] = {}
    files: dict[str, str] = {}
    counts: dict[str, tuple[str, int, int]] = {}
    for name, lines in sources().items():
        files[f"evidence/{name}"] = text_of(name, lines, places)
        repeats = sum(line.copies - 1 for line in lines)
        counts[name] = FORMATS[name], len(lines) + repeats + (name == story.NET), repeats
    for name, text in mail.mails().items():
        files[f"evidence/mail/{name}"] = text
    counts["mail/*.eml"] = "email.rfc822", len(mail.mails()), 0
    places |= {"lure": "mail/0841-travel-claim.eml", "genuine": "mail/0818-service-desk.eml"}
    documents: dict[str, object] = {f"registers/{name}": body for name, body in registers.registers().items()}
    documents["coverage.json"] = registers.coverage()
    files |= {name: json.dumps(body, indent=1, ensure_ascii=False) + "\n" for name, body in documents.items()}
    return files | {"STORY.md": story.tell(places, counts)}


def write(folder: Path) -> int:
    """Write every file under `folder`; gives the number of bytes."""
    total = 0
    for name, text in scenario().items():
        path, data = folder / name, text.encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        total += len(data)
    return total


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, or 2 when the folder is missing from the arguments."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m countersign.demo.generate DIR\n")
        return 2
    sys.stdout.write(f"{write(Path(arguments[0]))} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
