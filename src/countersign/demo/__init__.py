"""The bundled scenario: one invented intrusion across four sources, in noise.

Everything here was written by this project: every name, host, address and mail is invented, and only
domains and networks reserved for documentation are used. `countersign.demo.generate` makes the files;
they are also checked in, so that a demo needs no generator. `STORY.md` tells what happened.
"""

from pathlib import Path

SCENARIO = Path(__file__).parent / "scenario"
EVIDENCE = SCENARIO / "evidence"
COVERAGE = SCENARIO / "coverage.json"
REGISTERS = SCENARIO / "registers"
STORY = SCENARIO / "STORY.md"
