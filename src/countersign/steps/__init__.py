"""One file per arrow of the line: read, ask the core, write, and stage the audit entry."""
