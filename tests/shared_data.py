"""Where real data lies that nobody here wrote: read by path when present, never copied."""

import os
from pathlib import Path

import pytest


def shared_folder(name: str) -> Path:
    """A folder of real records; the test is skipped on a machine that has none, and fails there under `CI`."""
    beside = Path(__file__).resolve().parents[1].parent / "shared"
    folder = Path(os.environ.get("COUNTERSIGN_SHARED") or beside) / "data" / name
    if not folder.is_dir():
        reason = f"no shared data: {name}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
