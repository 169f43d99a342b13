"""Names in DNS by the Public Suffix List: which of them somebody could have registered."""

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


@lru_cache(maxsize=4096)
def _is_suffix(label: str) -> bool:
    return _suffixes().publicsuffix(label) is not None


@lru_cache(maxsize=65_536)
def is_domain(name: str) -> bool:
    """Is the name, in lower case, one that can be registered, or below one?"""
    labels = name.split(".")
    if len(name) > 253 or not _is_suffix(labels[-1]) or labels[-1] == "arpa":
        return False
    if any(not label or len(label) > 63 or label[0] == "-" or label[-1] == "-" for label in labels):
        return False
    own = _suffixes().privatesuffix(name)
    return own is not None and "_" not in own
