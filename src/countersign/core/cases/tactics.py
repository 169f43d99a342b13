"""How far along an attack a rule speaks of: steps from the first look to the damage.

A rule's words decide, by a short list of general attack vocabulary; ATT&CK tactic names are part of it. The
step is used to bridge a long silence when an expected next step follows, and in the score. It decides nothing.
"""

from functools import lru_cache

STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("look", ("scan", "nmap", "probe", "recon", "discovery", "enumerat", "sweep", "mapping")),
    ("delivery", ("web attack", "exploit", "injection", "phish", "malicious url", "forbidden", "suspicious url", "initial access")),
    ("execution", ("shell", "command", "malware", "process creation", "entropy", "payload", "execution")),
    ("credential", ("brute", "password", "credential", "mimikatz", "lsass", "token", "kerberos", "spray")),
    ("privilege", ("sudo", "root", "privilege", "changed uid", "uac", "escalat")),
    ("movement", ("lateral", "psexec", "remote", "overpass")),
    ("damage", ("exfil", "tunnel", "ransom", "backup", "tamper", "fraud", "inbox", "impact")),
)  # fmt: skip


@lru_cache(maxsize=65_536)
def step_of(rule: str) -> int:
    """1 (look) to 7 (damage): the furthest step that the rule's words speak of; 0 when they say nothing."""
    words = rule.lower()
    return max(
        (number for number, (_, said) in enumerate(STEPS, 1) if any(w in words for w in said)), default=0
    )


def step_name(number: int) -> str:
    """The name of a step."""
    return STEPS[number - 1][0] if number else ""
