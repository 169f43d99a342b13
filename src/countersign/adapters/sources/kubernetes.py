"""Kubernetes audit records: as the server writes them, and inside records of Azure and of CloudWatch Logs."""

SCHEMAS = ("k8s.audit",)

_GROUP = "audit.k8s.io/"
_MARKS = ("verb", "objectRef", "requestURI", "responseStatus", "auditID", "stage", "sourceIPs")
_STREAMS = ("logStreamName", "logStream", "@logStream")
_EKS_STREAM = "kube-apiserver-audit"


def schema_of(record: dict[str, object]) -> str | None:
    """An audit `Event`, or a record of a cloud's log service that carries one as text."""
    return "k8s.audit" if _is_event(record) or _carries_one(record) else None


def _is_event(record: dict[str, object]) -> bool:
    """Its API group; a collector that drops the group leaves a verb and the server's own parts."""
    if record.get("kind") != "Event":
        return False
    version = record.get("apiVersion")
    if version is not None:
        return isinstance(version, str) and version.startswith(_GROUP)
    return isinstance(record.get("verb"), str) and sum(mark in record for mark in _MARKS) > 1


def _carries_one(record: dict[str, object]) -> bool:
    properties = record.get("properties")
    if str(record.get("category", "")).startswith("kube-audit") and isinstance(properties, dict):
        return isinstance(properties.get("log"), str)
    text = record.get("message", record.get("@message"))
    stream = next((record[key] for key in _STREAMS if key in record), "")
    from_eks = isinstance(stream, str) and stream.startswith(_EKS_STREAM)
    return isinstance(text, str) and text.lstrip().startswith("{") and (from_eks or _GROUP in text[:400])
