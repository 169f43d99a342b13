"""GitHub audit log: web events, Git events and API requests of an organisation or an enterprise."""

import re

SCHEMAS = ("github.audit",)

_ACTION = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_.]*")
_WHO = ("actor", "actor_id", "external_identity_nameid")
_WHERE = ("org", "repo", "business", "enterprise", "user", "repository", "_document_id")


def schema_of(record: dict[str, object]) -> str | None:
    """`action` is `category.operation`, and a name says who did it and where; webhooks hold objects there."""
    action = record.get("action")
    if not isinstance(action, str) or not _ACTION.fullmatch(action):
        return None
    who = any(isinstance(record.get(key), str | int) for key in _WHO)
    return "github.audit" if who and any(isinstance(record.get(key), str) for key in _WHERE) else None
