"""Lets the files of this folder import each other, and the readers of the verifier's oracle: they are no package."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "attacks")]
