"""What a record says came of an attempt: `failure`, `success` or nothing.

The dictionary says which fields tell (role `outcome`, role `action`, an outcome role of a relation); here
stands which of their values mean that something failed, was denied or was stopped.
"""

import re

from countersign.core.records.fields import MISSING, Field
from countersign.core.render import value_text

_FAILED = re.compile(
    r"fail|den(y|ied)|error|refus|reject|block|drop(ped)?$|quarantin|unauthori[sz]ed|invalid|not ?found|"
    r"forbidden|expired|locked|timeout|exception|nxdomain|servfail",
    re.IGNORECASE,
)
_ACTED = re.compile(r"(failed|failure|denied|blocked|dropped|rejected|quarantined|refused)$", re.IGNORECASE)
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,16}")
_HTTP_WELL = range(100, 400)
_NEUTRAL = frozenset(
    {"none", "neutral", "ok", "noerror", "success", "pass", "allowed", "true", "no error", ""}
)


def failed(field: Field, value: object) -> bool:
    """Does this value of an outcome or action field mean failure, denial or a block?"""
    if isinstance(value, dict | list) or value is MISSING:
        return False
    text, last = value_text(value).strip(), field.pointer.rsplit("/", 1)[-1].lower()
    if field.role == "action":
        return bool(_ACTED.search(text))
    if isinstance(value, bool):
        return value if "block" in last else not value
    if "status" in last and field.type == "int" and text.isdecimal():
        return int(text) >= 400
    if _HEX.fullmatch(text):
        return int(text, 16) != 0
    if text.isdecimal() and len(text) < 20:
        return int(text) != 0 and int(text) not in _HTTP_WELL and ("code" in last or "status" in last)
    if last == "errorcode":
        return bool(text)
    return text.lower() not in _NEUTRAL and bool(_FAILED.search(text))


def telling(field: Field) -> bool:
    """Does the dictionary say that this field tells an outcome, or the action of a control?"""
    return field.role in {"outcome", "action"}
