"""Who may write which table, as PostgreSQL roles. Machines hold nothing on what persons decide, not even a look.

Four group roles without login; a process logs in with a role of its own that is a member of what it needs:

- *drafter*: reads evidence, writes briefs and what belongs to them. It stages entries and gives them no index.
- *worker*: intake and grouping, and the order of the log.
- *reviewer*: where persons sign in, review and decide; it writes no evidence, no alert and no brief.
- *auditor*: reads everything but who is signed in.

The owner of the schema makes and migrates the tables, and is used for nothing else. What it could do past all of
this, the log and the signatures show.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import Table

from countersign.adapters.sql.tables import metadata

ROLES = ("drafter", "worker", "reviewer", "auditor")

_SELECT, _INSERT = ("SELECT",), ("SELECT", "INSERT")
_KEPT, _QUEUE = ("SELECT", "INSERT", "UPDATE"), ("SELECT", "INSERT", "DELETE")
_LOCKED = ("SELECT", "INSERT", "UPDATE (id)")  # SELECT … FOR UPDATE asks for it; the trigger refuses updates

_RECORDS = (
    "evidence",
    "provenance",
    "quarantine",
    "alert",
    "origin",
    "source_file",
    "observable",
    "sighting",
)
_INPUTS = ("reference_file", "coverage")
_GROUPS = ("burst", "member", "standing", "grouping_state", "waiting", "drafted")
_BRIEFS = ("case_snapshot", "brief")
_STAGED = ("log_entry", "content")
_ORDERED = ("log_sequence", "log_head", "log_checkpoint", "log_cosignature")
_ERASED = ("erasure", "content_erased")
_SIGNED_IN = ("session", "session_end", "challenge", "challenge_used")
_PERSONS = ("person", "person_state", "person_key", "key_revoked")
_DECIDED = (
    *("policy", "review", "review_event", "action_proposal"),
    *("decision_document", "decision_signature", "decision"),
)
_STORE = ("alembic_version", "meta")

NO_MACHINE = frozenset({*_SIGNED_IN, *_PERSONS, *_DECIDED})
"""Tables that neither drafter nor worker may read or write."""

Grants = Mapping[str, tuple[str, ...]]


def _given(privileges: tuple[str, ...], *tables: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(tables, privileges)


_DRAFTER: Grants = {
    **_given(_SELECT, *_STORE, *_RECORDS, *_INPUTS, *_GROUPS, *_ORDERED, *_ERASED, "regrouping"),
    **_given(_INSERT, *_BRIEFS, *_STAGED, "log_staged"),
    **_given(_LOCKED, "cases"),
    **_given(_KEPT, "drafted"),
}
GRANTS: Mapping[str, Grants] = {
    "drafter": _DRAFTER,
    "worker": {
        **_DRAFTER,
        **_given(_INSERT, *_RECORDS, *_INPUTS, *_ORDERED),
        **_given(("SELECT", "INSERT", "UPDATE", "DELETE"), *_GROUPS),
        **_given(_QUEUE, "log_staged", "follow_position"),
        **_given(("SELECT", "DELETE"), "unlearn"),
    },
    "reviewer": {
        **_given(_SELECT, *_STORE, *_RECORDS, *_INPUTS, *_BRIEFS, "grouping_state", "waiting", "drafted"),
        **_given(_INSERT, *_STAGED, *_ORDERED, *_SIGNED_IN, *_PERSONS, *_DECIDED, *_ERASED, "regrouping"),
        **_given(_KEPT, "burst", "member", "standing"),  # a person may regroup
        **_given(("SELECT", "UPDATE (id)"), "cases"),
        **_given(_INSERT, "unlearn"),  # what a person found malicious, for the grouping to forget
        **_given(_QUEUE, "log_staged"),
    },
    "auditor": _given(_SELECT, *(name for name in metadata.tables if name not in _SIGNED_IN)),
}


def statements(schema: str, prefix: str = "countersign") -> Iterator[str]:
    """SQL that makes the roles `prefix_drafter` … and gives them exactly this on the tables of a schema.

    Run it as the schema's owner with the right to make roles; running it again changes nothing.
    """
    for role in ROLES:
        name = f"{prefix}_{role}"
        yield (
            f"DO $$ BEGIN CREATE ROLE {name} NOLOGIN; "
            f"EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {name}"
        yield f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {schema} FROM {name}"
        yield f"GRANT USAGE ON SCHEMA {schema} TO {name}"
        for table, privileges in sorted(GRANTS[role].items()):
            yield f"GRANT {', '.join(privileges)} ON {schema}.{table} TO {name}"
            if "INSERT" in privileges and (counter := _counter(metadata.tables[table])):
                yield f"GRANT USAGE ON SEQUENCE {schema}.{counter} TO {name}"


def _counter(table: Table) -> str:
    """The sequence that numbers the table's rows; empty when nothing does."""
    column = table.autoincrement_column
    return "" if column is None else f"{table.name}_{column.name}_seq"
