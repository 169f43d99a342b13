"""Folders of real records, read a second time: which bytes are a record, of which schema, and what they say.

What is no record of a schema that these readers can tell is left out: claims are made of what both can read.
Records inside other documents are taken where the shipped mapping of the folder says that they stand.
"""

import gzip
import json
import os
import tomllib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from evtx import PyEvtxParser
from oracle_lines import read_syslog
from oracle_mail import read_mail
from oracle_records import Record, Schema, load_schemas, read_record
from oracle_slices import part, parts
from oracle_tables import csv_records, read_csv, read_zeek, zeek_records
from oracle_values import Broken, read_json

PROJECT = Path(__file__).resolve().parents[2]
DICTIONARY = Path(
    os.environ.get("COUNTERSIGN_ATTACKS_DICTIONARY", PROJECT / "src/countersign/core/records/dictionary")
)
MAPPINGS = PROJECT / "src/countersign/adapters/sources/mappings"
MAPPED = ("ait-ads", "sigma-regression")
"""Shipped mappings whose own documents are records; the others only say where records stand."""

FOLDERS = (
    "suricata-eve",
    "scenario-golden-saml",
    "aws-cloudtrail-invictus",
    "windows-otrf-atomic",
    "email-phishing",
    "zeek-wrccdc-2018",
    "scenario-lsass-procdump",
    "wazuh-alerts-ait",
    "xdr-incidents-excytin",
    "windows-sigma-regression",
    "detection-tests-panther",
    "ocsf-raw-pairs",
    "ait-ads",
)
PANTHER = {
    "AWS.CloudTrail": ("aws.cloudtrail", "eventVersion"),
    "Amazon.EKS.Audit": ("k8s.audit", "auditID"),
    "GCP.AuditLog": ("gcp.audit", "protoPayload"),
    "GitHub.Audit": ("github.audit", "action"),
    "Okta.SystemLog": ("okta.system", "eventType"),
    "MicrosoftGraph.SecurityAlertV2": ("ms.graph.alert", "id"),
}
EXACT = 2**53 - 1


@lru_cache(maxsize=1)
def dictionary_files() -> dict[str, bytes]:
    """Dictionary files by name."""
    return {path.name: path.read_bytes() for path in sorted(DICTIONARY.glob("*.toml"))}


@lru_cache(maxsize=1)
def schemas() -> dict[str, Schema]:
    """The field dictionary and what the shipped mappings say, read as data."""
    made = load_schemas(dictionary_files())
    for name in MAPPED:
        data = tomllib.loads((MAPPINGS / f"{name}.toml").read_text("utf-8"))
        data |= {"schema": f"{data['kind']}.{name}", "parser": f"{data['kind']}/1"}
        made[data["schema"]] = Schema(data)
    return made


def shared(name: str) -> Path | None:
    """A folder of real records, None on a machine that has none: the demo scenario then stands in."""
    folder = Path(os.environ.get("COUNTERSIGN_SHARED") or PROJECT.parent / "shared") / "data" / name
    return folder if folder.is_dir() else None


def schema_of(document: dict[str, Any]) -> str:
    """The schema of a JSON record, by the keys that give it away; json.unknown for the rest."""
    table = {"SecurityEvent": "ms.SecurityEvent", "Event": "ms.Event", "OfficeActivity": "ms.OfficeActivity"}
    if "event_type" in document and "timestamp" in document:
        return "suricata.eve"
    if "eventVersion" in document and "eventSource" in document:
        return "aws.cloudtrail"
    if "_path" in document:
        return f"zeek.{document['_path']}"
    if {"rule", "agent", "manager", "decoder"} <= document.keys():
        return "wazuh.alert"
    if {"SystemAlertId", "AlertSeverity"} <= document.keys():
        return "ms.SecurityAlert"
    if {"IncidentNumber", "AlertIds"} <= document.keys():
        return "ms.SecurityIncident"
    if "AADOperationType" in document:
        return "ms.AuditLogs"
    if isinstance(document.get("ActionType"), str):
        action = document["ActionType"]
        names = {
            "Directory Services replication": "ms.IdentityDirectoryEvents",
            "LdapSearch": "ms.DeviceEvents",
        }
        return names.get(action, "ms.CloudAppEvents")
    if document.get("Type") in table:
        return table[document["Type"]]
    if "TenantId" not in document and ("EventID" in document or "Event" in document):
        return "windows.event"
    return "json.unknown"


def read_as(raw: bytes, schema: str) -> Iterator[Record]:
    """The record in these bytes, if the dictionary knows the schema and both readers agree on what JSON is."""
    try:
        view = read_json(raw, strict=True)
    except ValueError:
        return
    known = schema in schemas().keys() - {"json.unknown"}
    if known and isinstance(view, dict) and not isinstance(view, Broken):
        yield read_record(raw, schemas()[schema], view)


def read_file(path: Path, some: Callable[[list[bytes]], list[bytes]]) -> Iterator[Record]:
    """The records of one file that these readers understand and the dictionary describes; `some` of its lines only."""
    if path.suffix == ".evtx":
        for raw in evtx_records(path):
            yield from read_as(raw, "windows.event")
        return
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if path.suffix == ".eml":
        mail = read_mail(data)
        if mail is not None and "email.rfc822" in schemas():
            yield read_record(data, schemas()["email.rfc822"], mail)
    elif path.name.endswith(".csv.gz"):
        for raw in some(list(csv_records(data))):
            yield read_record(raw, schemas()["csv.ait-ads"], read_csv(raw))
    elif path.suffix == ".log":
        for raw in some(list(zeek_records(data))):
            yield from zeek_record(raw)
    else:
        for line in some(data.splitlines()):
            yield from unwrapped(line, path.parent.name)


def zeek_record(raw: bytes) -> Iterator[Record]:
    """A line of a Zeek log with its header."""
    view = read_zeek(raw)
    if view is not None and f"zeek.{view.get('_path')}" in schemas():
        yield read_record(raw, schemas()[f"zeek.{view['_path']}"], view, "zeek-tsv/1")


def unwrapped(line: bytes, folder: str) -> Iterator[Record]:
    """The records in a line of JSON: itself, or what stands in it where the folder's mapping says."""
    if folder == "windows-sigma-regression":
        yield from read_as(line, "json.sigma-regression")
        for raw in parts(line, "events"):
            yield from read_as(raw, "windows.event")
    elif folder == "detection-tests-panther":
        schema, key = PANTHER.get(json.loads(line).get("log_type"), ("json.unknown", ""))
        raw = part(line, "log") or b"null"
        if key in (json.loads(raw) or {}):
            yield from read_as(raw, schema)
    elif folder == "ocsf-raw-pairs":
        for raw in parts(line, "ocsf"):
            name = ocsf_class(json.loads(raw))
            yield from read_as(raw, f"ocsf.{name}")
    else:
        try:
            seen = read_json(line, strict=True)
        except ValueError:
            return
        yield from read_as(line, schema_of(seen) if isinstance(seen, dict) else "json.unknown")
        if folder == "wazuh-alerts-ait" and isinstance(seen, dict):
            yield from syslog_line(seen)


def ocsf_class(document: dict[str, Any]) -> str:
    """The class of an OCSF record as a schema spells it."""
    return str(document.get("class_name", "")).lower().replace(" ", "_") if "class_uid" in document else ""


def syslog_line(alert: dict[str, Any]) -> Iterator[Record]:
    """The line that a Wazuh alert quotes, with the alert's time before it as rsyslog would have written it."""
    text = str(alert.get("full_log", ""))
    if not str(alert.get("location", "")).endswith(("/syslog", "auth.log")) or not text.isascii():
        return
    raw = f"{str(alert['timestamp'])[:-5]}+00:00 {text[16:]}".encode()
    view = read_syslog(raw) if "\n" not in text else None
    if view is not None:
        yield read_record(raw, schemas()["syslog.line"], view)


def evtx_records(path: Path) -> Iterator[bytes]:
    """The documented rendering of each record: sorted keys, no spaces, no whole number beyond 2^53 - 1."""
    for record in PyEvtxParser(str(path)).records_json():
        made = bounded(json.loads(record["data"]))
        yield json.dumps(made, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def bounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: bounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [bounded(inner) for inner in value]
    return str(value) if isinstance(value, int) and abs(value) > EXACT else value
