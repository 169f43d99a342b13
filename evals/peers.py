"""What a published extractor finds in texts: run by the peers' own Python, never by ours.

`peers.py TOOL FILE`: FILE is a JSON array of [text, options]; with the option `all` every type is asked for, else
those the tool names by default. Each line on stdin is answered by one on stdout:
`found` with what each text gave, anything else with the CPU seconds of one run over all texts.
"""

import gc
import json
import sys
from pathlib import Path
from time import process_time
from typing import Any

FINDER = {
    "urls": "url",
    "domains": "domain",
    "ipv4s": "ip",
    "ipv6s": "ip",
    "ipv4_cidrs": "cidr",
    "md5s": "md5",
    "sha1s": "sha1",
    "sha256s": "sha256",
    "sha512s": "sha512",
    "imphashes": "imphash",
    "email_addresses": "email",
    "cves": "cve",
    "file_paths": "path",
    "registry_key_paths": "registry_key",
}


def finder(text: str, options: dict[str, Any]) -> list[tuple[str, str]]:
    """As ioc-finder does."""
    asked = {name: value for name, value in options.items() if name != "all"}
    if "all" in options:
        asked["included_ioc_types"] = SUPPORTED_IOC_TYPES
    found = find_iocs(text, **asked)
    return [(kind, value) for name, kind in FINDER.items() for value in found.get(name, ())]


def extract(text: str, _: dict[str, Any]) -> list[tuple[str, str]]:
    """As iocextract does."""
    ways = (
        ("url", lambda t: iocextract.extract_urls(t, refang=True, strip=True)),
        ("ip", lambda t: iocextract.extract_ips(t, refang=True)),
        ("email", lambda t: iocextract.extract_emails(t, refang=True)),
        ("md5", iocextract.extract_md5_hashes),
        ("sha1", iocextract.extract_sha1_hashes),
        ("sha256", iocextract.extract_sha256_hashes),
        ("sha512", iocextract.extract_sha512_hashes),
    )
    return [(kind, value) for kind, way in ways for value in way(text)]


def main() -> None:
    """Answer until stdin ends."""
    gc.set_threshold(50_000, 20, 100)  # as for ours
    texts = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    tool = finder if sys.argv[1] == "ioc-finder" else extract
    for line in sys.stdin:
        before = process_time()
        found = [tool(text, options) for text, options in texts]
        took = process_time() - before
        answer = [sorted(set(map(tuple, one))) for one in found] if line.strip() == "found" else took
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "ioc-finder":
        from ioc_finder import find_iocs
        from ioc_finder.ioc_finder import SUPPORTED_IOC_TYPES
    else:
        import iocextract
    main()
