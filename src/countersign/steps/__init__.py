"""One file for each arrow of the line: read, ask the core, write, log, in one transaction."""
