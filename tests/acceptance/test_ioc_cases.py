"""The published cases of ioc-finder: what we pass, and the differences we mean to keep."""

import json

from countersign.core.records.texts import mentions
from shared_data import shared_folder

KINDS = {
    "urls": "url", "domains": "domain", "ipv4s": "ip", "md5s": "md5", "sha256s": "sha256", "imphashes": "imphash",
    "email_addresses": "email", "cves": "cve", "file_paths": "path", "registry_key_paths": "registry_key",
}  # fmt: skip
OURS = {
    # A file name in a URL's path is no domain, though `zip` is a suffix.
    ("domain-issue_104__domains_read_from_percent_encoded_url_query_params__with_options_false_2", "domain"),
    # An address of a chat service is written like a mail address, and told as one.
    ("xmpp_2", "email"),
}


def found(text, options):
    """Under the options of ioc-finder that name what its URLs and addresses also give."""
    left_out = {
        within
        for within, name in (("url", "parse_domain_from_url"), ("email", "parse_domain_from_email_address"))
        if not options.get(name, True)
    }
    return {(m.type, m.value) for m in mentions(text) if m.type != "domain" or m.within not in left_out}


def test_every_case_passes_for_every_type_but_two_that_we_read_otherwise():
    lines = (
        (shared_folder("ioc-extraction") / "ioc_finder_cases.jsonl").read_text(encoding="utf-8").splitlines()
    )
    failed, asked = set(), 0
    for case in map(json.loads, lines):
        got = found(case["text"], case["options"])
        for name, kind in KINDS.items():
            wanted = {(kind, value) for value in case["expected"].get(name, ())}
            asked += bool(wanted)
            if wanted != {one for one in got if one[0] == kind}:
                failed.add((case["id"], kind))

    assert 37 == len(lines)
    assert 32 == asked
    assert OURS == failed
