"""Closed vocabularies: the sections of a brief, and what a hypothesis may be called.

What basis each word demands stands in `core/claims/hypotheses.py`. Techniques are ATT&CK's and ATLAS's numbers.
"""

from typing import Literal

import msgspec

SECTIONS = ("what_happened", "disagreement", "indicators", "unusual", "readings")
"""The sections of a brief, in reading order."""

Polarity = Literal["malicious", "policy", "benign", "defect", "neutral"]
ATTACK_VERSION = "18"
CODE_ONLY = frozenset({"tool_attack", "visibility_gap"})
"""Words that no drafter may use: nobody who gains from them may choose them."""


class Code(msgspec.Struct, frozen=True):
    """One word of the vocabulary."""

    polarity: Polarity
    strong: bool
    meaning: str
    attack: tuple[str, ...]


def _malicious(meaning: str, attack: str, *, strong: bool = False) -> Code:
    return Code("malicious", strong, meaning, tuple(attack.split()))


VOCABULARY: dict[str, Code] = {
    "recon": _malicious("scanning or probing from outside", "T1595 T1046"),
    "brute_force": _malicious("guessing, spraying or repeated prompts", "T1110 T1621"),
    "phish_delivery": _malicious("a lure reached a mailbox", "T1566"),
    "suspicious_exec": _malicious("a program was run oddly", "T1059 T1204 T1218"),
    "persistence": _malicious("something was set up to come back", "T1053 T1136 T1505 T1543 T1547"),
    "priv_gain": _malicious("rights were raised", "T1068 T1098 T1134 T1548"),
    "discovery": _malicious("someone looked around inside", "T1018 T1082 T1087 T1580"),
    "cloud_exposure": _malicious("a control-plane change opens access or data", "T1098 T1530 T1578"),
    "account_misuse": _malicious(
        "a valid account was used by someone else", "T1078 T1550 T1606", strong=True
    ),
    "exploit": _malicious("an exposed service or client was exploited", "T1190 T1203", strong=True),
    "credential_theft": _malicious("secrets were read from a store", "T1003 T1552 T1555 T1558", strong=True),
    "impair_defence": _malicious("logs were cleared or a sensor stopped", "T1070 T1562", strong=True),
    "lateral_move": _malicious("movement from one inside host to another", "T1021 T1550 T1570", strong=True),
    "command_control": _malicious("a host talks to a controller", "T1071 T1219 T1572 T1573", strong=True),
    "exfiltration": _malicious("data was collected or sent out", "T1041 T1114 T1537 T1567", strong=True),
    "impact": _malicious("encryption, deletion or hijacking", "T1485 T1486 T1490 T1496", strong=True),
    "tool_attack": _malicious(
        "the evidence carries text aimed at the assistant", "AML.T0051.001", strong=True
    ),
    "policy_breach": Code("policy", False, "the right person, a forbidden action", ()),
    "authorised_test": Code("benign", False, "a registered test covers it", ()),
    "approved_change": Code("benign", False, "an approved change explains it", ()),
    "known_automation": Code("benign", False, "a scheduled job doing its usual work", ()),
    "owner_confirmed": Code("benign", False, "the owner confirmed it out of band", ()),
    "rule_defect": Code("defect", False, "the rule matched what it was not meant for", ()),
    "stale_intel": Code("defect", False, "the indicator is old, shared or allow-listed", ()),
    "blocked": Code("neutral", False, "the control stopped it and nothing succeeded after", ()),
    "no_follow_on": Code("neutral", False, "nothing further from the same actor", ()),
    "duplicate": Code("neutral", False, "the same activity as another case", ()),
    "visibility_gap": Code("neutral", False, "a decisive source cannot be trusted here", ()),
}
