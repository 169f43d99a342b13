"""Now. The only place in the project that reads the clock."""

import time
from datetime import UTC, datetime


def now_ns() -> int:
    """UTC nanoseconds since 1970."""
    return time.time_ns()


def timestamp(ns: int) -> str:
    """RFC 3339 UTC with milliseconds, as audit entries spell times; `ns` since 1970."""
    return datetime.fromtimestamp(ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + (
        f".{ns // 1_000_000 % 1000:03d}Z"
    )
