"""`countersign replay BRIEF`: a brief made again, and the chain from evidence to decision."""

import sys
from contextlib import suppress
from html import escape
from string import Template
from typing import Any

import msgspec
from rich.console import Console

from countersign import wiring
from countersign.cli import files, screen
from countersign.cli.case import find
from countersign.cli.places import Places, open_ports
from countersign.core.render import terminal, whole
from countersign.errors import UsageError
from countersign.ports import Ports
from countersign.steps.replay import Compared, Link, Replay
from countersign.steps.replay import replay as made_again

WORDS = {"same": "✓", "differs": "x", "unchecked": "?"}
SHORT = 26  # of a digest: "sha256:" and 19 digits
FORMS = ("text", "json", "html")

PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Replay of $brief</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1b1b1b }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } .bad { color: #a40000 } .good { color: #005a2b }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem;
border-bottom: 1px solid #ddd } code, pre { font: 13px/1.45 ui-monospace, monospace; overflow-wrap: anywhere }
pre { white-space: pre-wrap; background: #f6f6f4; padding: 1rem; max-height: 30rem; overflow: auto }
</style></head><body>
<h1>Replay of <code>$brief</code></h1>
<p>Case <code>$case</code>, drafted by $drafter, suggested $disposition. A suggestion decides nothing.</p>
<p class="$class">$verdict</p>
<h2>Made again</h2><table><tr><th></th><th>what</th><th>recorded</th><th>made</th></tr>$compared</table>
<h2>From evidence to decision</h2><table><tr><th>log index</th><th>entry</th><th>time</th><th>what</th></tr>$chain</table>
<h2>What the drafter was given</h2><pre>$dossier</pre>
<h2>What the drafter said</h2><pre>$reply</pre>
</body></html>
""")


def replay(places: Places, named: str, form: str, out: str | None) -> int:
    """Print what was made again, what differs first. Exit code 3 unless everything is the same."""
    if form not in FORMS:
        raise UsageError(f"there is no form {form!r}", hint=f"{', '.join(FORMS)} are known.")
    ports = open_ports(places)
    made = made_again(_whole(named, ports), ports, wiring.drafter("rules"))
    with files.sink(out) as sink:
        if form == "json":
            sink.write(files.as_json(msgspec.json.encode(_document(made))))
        elif form == "html":
            sink.write(_html(made))
        else:
            _text(screen.console(sink), made)
    if out:
        print(verdict(made), file=sys.stderr)
    return 3 if made.wrong else 0


def _whole(named: str, ports: Ports) -> str:
    """A brief's id as it is, or the whole id of the case that begins so."""
    return find(ports, named).case_id if named.startswith("case-") else named


def verdict(made: Replay) -> str:
    """One sentence: what failed before what passed."""
    same = len(made.compared) - len(made.wrong)
    if not made.wrong:
        return f"the same: all {same} things that were compared came out as recorded"
    differing = sum(one.outcome == "differs" for one in made.wrong)
    unchecked = len(made.wrong) - differing
    return f"NOT the same: {differing} differ, {unchecked} could not be checked, {same} came out as recorded"


def _text(out: Console, made: Replay) -> None:
    screen.line(out, f"{made.case} · {made.brief}", "bold")
    screen.line(out, f"drafted by {made.drafter}, suggested {made.disposition.replace('_', ' ')}")
    screen.line(out, verdict(made), "bold red" if made.wrong else "bold green")
    screen.heading(out, "Made again")
    for one in sorted(made.compared, key=lambda one: one.outcome == "same"):
        screen.line(out, _told(one), indent=2, lead=f"{WORDS[one.outcome]} ")
    screen.heading(out, "From evidence to decision")
    for link in made.chain:
        screen.line(out, f"{link.kind}: {link.says}", indent=2, lead=_lead(link))


def _told(one: Compared) -> str:
    if one.outcome == "same":
        return f"{one.what} {one.made[:SHORT]}"
    why = one.why or "what was recorded cannot be made again"
    return f"{one.what}: recorded {one.recorded[:SHORT]}, made {one.made[:SHORT] or 'nothing'}; {why}"


def _lead(link: Link) -> str:
    return f"{'not published' if link.index is None else link.index!s:>6}  {link.at[:19]}Z  "


def _document(made: Replay) -> dict[str, Any]:
    return {
        "schema": "countersign.replay/1",
        "case": made.case,
        "brief": made.brief,
        "drafter": made.drafter,
        "suggestion": made.disposition,
        "same": not made.wrong,
        "compared": [msgspec.structs.asdict(one) for one in made.compared],
        "chain": [msgspec.structs.asdict(one) for one in made.chain],
        "dossier": made.dossier.decode("utf-8", "replace"),
        "reply": made.reply.decode("utf-8", "replace"),
    }


def _html(made: Replay) -> str:
    return PAGE.substitute(
        brief=escape(made.brief),
        case=escape(made.case),
        drafter=escape(terminal(made.drafter)),
        disposition=escape(made.disposition.replace("_", " ")),
        verdict=escape(verdict(made)),
        **{"class": "bad" if made.wrong else "good"},
        compared="".join(map(_compared_row, sorted(made.compared, key=lambda one: one.outcome == "same"))),
        chain="".join(map(_chain_row, made.chain)),
        dossier=escape(_lines(made.dossier)),
        reply=escape(_lines(made.reply)),
    )


def _lines(content: bytes) -> str:
    """JSON over several lines, every character visible; what is no JSON as it stands."""
    text = content.decode("utf-8", "replace")
    with suppress(msgspec.MsgspecError):
        text = msgspec.json.format(content, indent=1).decode("utf-8", "replace")
    return "\n".join(whole(line) for line in text.split("\n"))


def _compared_row(one: Compared) -> str:
    style = "good" if one.outcome == "same" else "bad"
    cells = f"<td>{escape(one.what)} {escape(one.why)}</td>"
    cells += f"<td><code>{escape(one.recorded)}</code></td><td><code>{escape(one.made)}</code></td>"
    return f'<tr class="{style}"><td>{WORDS[one.outcome]}</td>{cells}</tr>'


def _chain_row(link: Link) -> str:
    index = "not published" if link.index is None else str(link.index)
    cells = (index, f"{link.kind} {link.entry}", link.at, terminal(link.says))
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
