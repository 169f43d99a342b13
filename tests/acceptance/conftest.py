"""Lets the files of this folder import each other: they are no package."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
