"""`countersign review …`"""

from typing import Annotated

import typer

from countersign.cli.commands.shared import AsJson, Config, Home, PassphraseFile, made, places, run

app = made("Cases in front of an analyst: look, say, decide, sign.")

Review = Annotated[
    str, typer.Argument(help="Review id, as `review open` printed it; or a case: your latest review of it.")
]
Confirm = Annotated[
    str | None,
    typer.Option("--confirm", help="The digest of what you read; without it you are asked on the terminal."),
]
Several = Annotated[list[str] | None, typer.Option(help="May be repeated.")]


@app.command("queue")
def review_queue(as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """What awaits you: signatures, closed cases with new evidence, cases that nobody decided."""
    from countersign.cli import review as door

    run(door.waiting, places(home, config), as_json)


@app.command("open")
def review_open(
    case: Annotated[str, typer.Argument(help="Case id, or the start of one.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Open a case for yourself and print it; everything you do then is about exactly this text."""
    from countersign.cli import desk as door

    run(door.opened, places(home, config), case)


@app.command("show")
def review_show(
    review: Review,
    claim: Several = None,
    panel: Several = None,
    action: Several = None,
    suggestion: Annotated[bool, typer.Option("--suggestion", help="The page with the suggestion.")] = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """The evidence of claims, entries of the panel (3 or 3-9), proposed actions, or the suggestion."""
    from countersign.cli import review as door

    run(door.show, places(home, config), review, claim or [], panel or [], action or [], suggestion)


@app.command("commit")
def review_commit(
    review: Review,
    disposition: Annotated[str, typer.Argument(help="What you think, before you see the suggestion.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Say what you think before the suggestion is shown; it is said once."""
    from countersign.cli import review as door

    run(door.commit, places(home, config), review, disposition)


@app.command("answer")
def review_answer(
    review: Review,
    objections: Annotated[list[str], typer.Argument(help="Objections by their names: c3#17 h1#18.")],
    value: Annotated[str, typer.Argument(help="uphold or overrule.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; overruling needs one.")] = "",
    home: Home = None,
    config: Config = None,
) -> None:
    """Uphold or overrule objections."""
    from countersign.cli import review as door

    run(door.answer, places(home, config), review, objections, value, reason)


@app.command("propose")
def review_propose(
    review: Review,
    kind: Annotated[str, typer.Option("--kind", help="block_address, disable_account, isolate_host …")],
    target: Annotated[str, typer.Option("--target", help="What it acts on.")],
    payload: Annotated[str, typer.Option("--payload", help="Exactly what would be sent.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Ask for an action; whoever asks never signs it."""
    from countersign.cli import review as door

    run(door.propose, places(home, config), review, kind, target, payload, reason)


@app.command("decide")
def review_decide(
    named: Annotated[list[str], typer.Argument(help="Reviews, or cases: your latest review of each.")],
    disposition: Annotated[
        str | None,
        typer.Option("--disposition", help="Your word; without it those that there are are listed."),
    ] = None,
    act: Annotated[
        list[str] | None, typer.Option("--act", help="escalate, contain, close or reopen.")
    ] = None,
    action: Annotated[
        list[str] | None, typer.Option("--action", help="A proposal that contain authorises.")
    ] = None,
    rests_on: Annotated[list[str] | None, typer.Option("--rests-on", help="A claim it rests on.")] = None,
    unknown: Annotated[list[str] | None, typer.Option("--unknown", help="What is not known.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", help="Reason code; without it those that fit are listed.")
    ] = None,
    text: Annotated[str, typer.Option("--text", help="The reason in words.")] = "",
    confirm: Confirm = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Draw a decision up, read what it changes, sign it. Several cases at once only at a low tier."""
    from countersign.cli import deciding as door

    def said() -> int:
        if disposition is None or reason is None:
            return door.unsaid(disposition, act or [])
        choice = door.choice_of(
            disposition=disposition,
            acts=act or [],
            actions=action or [],
            rests_on=rests_on or [],
            unknowns=unknown or [],
            reason=reason,
            text=text,
        )
        return door.decided(places(home, config), named, choice, door.How(confirm, passphrase_file))

    run(said)


@app.command("sign")
def review_sign(
    digest: Annotated[str, typer.Argument(help="The decision's digest, sha256:…")],
    confirm: Confirm = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Sign a decision that was drawn up, after reading what it changes."""
    from countersign.cli import deciding as door

    run(door.sign, places(home, config), digest, door.How(confirm, passphrase_file))


@app.command("history")
def review_history(
    case: Annotated[str, typer.Argument(help="Case id, or the start of one.")],
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """What was decided of a case, by whom, and what the assistant had suggested."""
    from countersign.cli import review as door

    run(door.history, places(home, config), case, as_json)
