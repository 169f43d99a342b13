"""Names in DNS by the Public Suffix List: which of them somebody could have registered."""

import re
from collections import Counter
from functools import lru_cache

from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    """The list as the installed package holds it: never fetched, and its version is pinned like any other code."""
    return PublicSuffixList(accept_unknown=False, only_icann=True)


def top_levels() -> tuple[str, ...]:
    """The last labels of all suffixes, in lower case, sorted."""
    known = _suffixes()
    rules = {rule.rpartition(".")[2] for rule in known._publicsuffix}  # noqa: SLF001 (the list has no other way to be read)
    return tuple(sorted(rules - {"", "arpa", "*"}))


@lru_cache(maxsize=1)
def _shapes() -> tuple[frozenset[str], frozenset[str]]:
    """Last labels with a rule, and those among them whose only rule is the label itself: most, `com` among them."""
    last = [rule.rpartition(".")[2] for rule in _suffixes()._publicsuffix]  # noqa: SLF001 (as above)
    rules = Counter(last)
    known = frozenset(label for label in rules if label and _suffixes().publicsuffix(label) is not None)
    alone = frozenset(label for label in known if rules[label] == 1 and label in _suffixes()._publicsuffix)  # noqa: SLF001
    return known - {"arpa"}, alone - {"arpa"}


_ODD_LABEL = re.compile(r"(?:^|\.)(?:-|\.|$)|-(?:\.|$)|[^.]{64}")
"""An empty label, one with a hyphen at its edge, one too long."""


@lru_cache(maxsize=16_384)
def is_domain(name: str) -> bool:
    """Is the name, in lower case, one that can be registered, or below one?"""
    rest, dot, last = name.rpartition(".")
    known, alone = _shapes()
    if not dot or last not in known or len(name) > 253 or _ODD_LABEL.search(name):
        return False
    if last in alone:
        return "_" not in rest[rest.rfind(".") + 1 :]
    own = _suffixes().privatesuffix(name)
    return own is not None and "_" not in own
