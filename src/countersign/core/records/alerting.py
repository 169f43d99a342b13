"""From record to alert: when a record is one, and what its source said fired.

The dictionary decides (`[alert]` of a schema). The severity is the source's claim in our four words; one
that we cannot read is `medium`, never nothing. What an alert is worth is decided elsewhere (`core/cases/tiers`).
"""

from decimal import Decimal

from countersign.core.ids import derived_id
from countersign.core.records.alert import SEVERITIES, Alert, Severity
from countersign.core.records.comparing import compare
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import MISSING, AlertRule, Clause, Path, Schema
from countersign.core.render import value_text

MAX_NAME = 300
_WORDS: dict[str, Severity] = {
    "informational": "low",
    "information": "low",
    "info": "low",
    "minor": "low",
    "moderate": "medium",
    "major": "high",
    "severe": "critical",
    **{name: name for name in SEVERITIES},
}


def alert_of(schema: Schema, record: Evidence, view: object) -> Alert | None:
    """The alert that a record carries, or None if it carries none."""
    rule = schema.alert
    if rule is None or not _fires(schema, rule.when, view):
        return None
    if rule.any_of and not any(_fires(schema, clauses, view) for clauses in rule.any_of):
        return None
    named = rule.rule_const or _text(schema, rule.rule, view) or _text(schema, rule.id, view)
    return Alert(
        derived_id("alert", record.id),
        record.id,
        record.schema,
        named or f"{schema.product} alert without a rule name",
        _text(schema, rule.category, view),
        severity_of(schema, rule, view),
        record.event_ns,
    )


def triggers(schema: Schema, view: object) -> tuple[str, ...]:
    """The pointers of the fields that the rule matched on, those this record holds."""
    if schema.alert is None:
        return ()
    return tuple(pointer for pointer in schema.alert.trigger if _value(schema, pointer, view) is not MISSING)


def severity_of(schema: Schema, rule: AlertRule, view: object) -> Severity:
    """The source's severity in our words; `medium` when it gives none that we know."""
    if rule.severity_const:
        return _WORDS.get(rule.severity_const.lower(), "medium")
    value = _claimed(schema, rule, view)
    if value is MISSING:
        return "medium"
    return _banded(rule, value) if rule.severity_bands else _mapped(rule, value)


def claims_severity(schema: Schema, rule: AlertRule, view: object) -> bool:
    """Does the source itself say how severe this is?"""
    return bool(rule.severity_const) or _claimed(schema, rule, view) is not MISSING


def _claimed(schema: Schema, rule: AlertRule, view: object) -> object:
    values = (_value(schema, pointer, view) for pointer in rule.severity.pointers)
    return next((value for value in values if value is not MISSING), MISSING)


def _mapped(rule: AlertRule, value: object) -> Severity:
    told = value_text(value).strip()
    mapping = dict(rule.severity.mapping)
    return _WORDS.get(mapping.get(told, mapping.get(told.lower(), told)).lower(), "medium")


def _banded(rule: AlertRule, value: object) -> Severity:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return "medium"
    return next(
        (_WORDS.get(name, "medium") for lowest, name in rule.severity_bands if value >= lowest), "medium"
    )


def _fires(schema: Schema, clauses: tuple[Clause, ...], view: object) -> bool:
    for pointer, op, wanted in clauses:
        path: Path | None = schema.path(pointer)
        value = MISSING if path is None else path.resolve(view)
        if path is None or value is MISSING or not compare(path, op, value, wanted):
            return False
    return True


def _value(schema: Schema, pointer: str, view: object) -> object:
    path = schema.path(pointer) if pointer else None
    return MISSING if path is None else path.resolve(view)


def _text(schema: Schema, pointer: str, view: object) -> str:
    value = _value(schema, pointer, view)
    return value_text(value)[:MAX_NAME] if isinstance(value, str | int | Decimal) else ""
