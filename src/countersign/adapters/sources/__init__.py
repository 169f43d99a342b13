"""Intake: records out of files, folders and standard input, each with its schema and its exact bytes.

- Nothing is lost and nothing is fatal: what is no record comes out as `Quarantined` with the reason,
  a file that holds none as `Skipped`.
- The format is detected from content, one file here per format; `fmt` overrides it.

What a record says is read elsewhere (`core/records/views`, `core/records/fields`).
"""

from countersign.adapters.sources.detect import SCHEMAS
from countersign.adapters.sources.files import read

__all__ = ["SCHEMAS", "read"]
