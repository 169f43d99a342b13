"""`countersign case …`"""

from typing import Annotated

import typer

from countersign.cli.commands.shared import (
    AsJson,
    AsMarkdown,
    By,
    Config,
    Coverage,
    Format,
    Home,
    Mappings,
    Out,
    PassphraseFile,
    Reason,
    form,
    made,
    places,
    run,
)

app = made("Cases: list, show, open by hand, export.")


@app.command("list")
def case_list(as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """Cases as they stand, newest first."""
    from countersign.cli import case as door

    run(door.listing, places(home, config), as_json)


@app.command("show")
def case_show(
    case: Annotated[str, typer.Argument(help="Case id, or the start of one.")],
    as_json: AsJson = False,
    as_markdown: AsMarkdown = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """One case with its brief."""
    from countersign.cli import case as door

    run(door.show, places(home, config), case, form(as_json, as_markdown))


@app.command("open")
def case_open(
    source: Annotated[list[str], typer.Option("--from", help="Files or folders.")],
    title: Annotated[str, typer.Option("--title", help="What the case is about.")],
    fmt: Format = "auto",
    as_json: AsJson = False,
    as_markdown: AsMarkdown = False,
    coverage: Coverage = None,
    mapping: Mappings = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Open a case by hand over any records."""
    from countersign.cli import triage as door

    shown_as = form(as_json, as_markdown)
    more = {"coverage": coverage, "mapping": mapping}
    run(door.triage, places(home, config), source, fmt=fmt, form=shown_as, title=title, **more)


@app.command("export")
def case_export(
    case: Annotated[str, typer.Argument(help="Case id, or the start of one.")],
    form: Annotated[str, typer.Option("--format", help="json, markdown, ocsf, or decision.")] = "json",
    out: Out = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """A case as a file that stands on its own."""
    from countersign.cli import case as door

    run(door.export, places(home, config), case, form, out)


@app.command("why")
def case_why(
    alert: Annotated[str, typer.Argument(help="Alert id or record id, or the start of one.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Why an alert stands where it stands, and what past hours say of it."""
    from countersign.cli import grouping as door

    run(door.why, places(home, config), alert)


@app.command("draft")
def case_draft(
    case: Annotated[str, typer.Argument(help="Case id, or the start of one.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Draft a case anew over what it holds now."""
    from countersign.cli import grouping as door

    run(door.redraft, places(home, config), case)


@app.command("erase")
def case_erase(
    case: Annotated[str, typer.Argument(help="Case id.")],
    ground: Annotated[str, typer.Option("--ground", help="Why: a short code, such as gdpr-art-17.")],
    consent_out: Annotated[
        str | None,
        typer.Option("--consent-out", help="As the first person: sign, and write it to this file."),
    ] = None,
    consent: Annotated[
        str | None,
        typer.Option("--consent", help="As the second person: the first one's file; sign and erase."),
    ] = None,
    confirm: Annotated[
        str | None, typer.Option("--confirm", help="The case id again, instead of typing it when asked.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Destroy a case's contents and records; two persons must sign it."""
    from countersign.cli import erasing as door

    files, more = (consent_out, consent), {"confirm": confirm, "passphrase_file": passphrase_file}
    run(door.erase_case, places(home, config), case, ground, files, **more)


@app.command("split")
def case_split(
    case: Annotated[str, typer.Argument(help="Case id, or the start of one.")],
    alerts: Annotated[list[str], typer.Option("--alert", help="An alert of the case; may be repeated.")],
    reason: Reason,
    by: By = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Make a case of some of a case's alerts."""
    from countersign.cli import grouping as door

    run(door.split, places(home, config), case, alerts, reason, by)


@app.command("merge")
def case_merge(
    case: Annotated[str, typer.Argument(help="The case that goes into the other.")],
    into: Annotated[str, typer.Option("--into", help="The case that takes it.")],
    reason: Reason,
    by: By = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Put a case into another."""
    from countersign.cli import grouping as door

    run(door.merge, places(home, config), case, into, reason, by)


@app.command("move")
def case_move(
    alert: Annotated[str, typer.Argument(help="Alert id or record id, or the start of one.")],
    into: Annotated[str, typer.Option("--into", help="The case that takes it.")],
    reason: Reason,
    by: By = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Put one alert into another case."""
    from countersign.cli import grouping as door

    run(door.move, places(home, config), alert, into, reason, by)
