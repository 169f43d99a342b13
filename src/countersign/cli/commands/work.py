"""Commands that stand alone: triage, verify, replay, doctor, demo."""

from typing import Annotated

import typer

from countersign.cli.commands.shared import (
    AsJson,
    AsMarkdown,
    Config,
    Coverage,
    Format,
    Home,
    Mappings,
    Out,
    Paths,
    References,
    form,
    places,
    run,
)

app = typer.Typer(rich_markup_mode=None)


@app.command("triage")
def triage_command(
    paths: Paths,
    fmt: Format = "auto",
    as_json: AsJson = False,
    as_markdown: AsMarkdown = False,
    out: Out = None,
    drafter: Annotated[
        str | None, typer.Option("--drafter", help="rules, or a drafter of the settings.")
    ] = None,
    as_case: Annotated[
        str | None, typer.Option("--as-case", help="Put everything in one case of this title.")
    ] = None,
    coverage: Coverage = None,
    mapping: Mappings = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=64, help="Processes that read.")] = 1,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on reading one file of lines as it grows, until Ctrl-C.")
    ] = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Read files, make cases, draft, verify, print, and keep."""
    if follow:
        from countersign.cli import follow as tail

        shown_as = form(as_json, as_markdown)
        given = {"fmt": fmt, "form": shown_as, "out": out, "drafter": drafter, "title": as_case}
        run(tail.follow, places(home, config), paths, **given, coverage=coverage, mapping=mapping)
    from countersign.cli import triage as door

    run(
        door.triage,
        places(home, config),
        paths,
        fmt=fmt,
        form=form(as_json, as_markdown),
        out=out,
        drafter=drafter,
        title=as_case,
        coverage=coverage,
        mapping=mapping,
        jobs=jobs,
    )


@app.command("verify")
def verify_command(
    claims: Annotated[str, typer.Argument(help='A JSON document {"claims": […]}; - for standard input.')],
    evidence: Annotated[list[str], typer.Option("--evidence", help="Records: files or folders.")],
    coverage: Coverage = None,
    reference: References = None,
    fmt: Format = "auto",
    as_json: AsJson = False,
    mapping: Mappings = None,
) -> None:
    """Check claims that anyone wrote against records that anyone has; no case, no store."""
    from countersign.cli import verify as door

    more = {"fmt": fmt, "as_json": as_json, "mapping": mapping}
    run(door.verify, claims, evidence, coverage, reference, **more)


@app.command("verify-decision")
def verify_decision_command(
    file: Annotated[
        str, typer.Argument(help="What `case export --format decision` wrote; - for standard input.")
    ],
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Id of a key that you trust (sha256:…); may be repeated."),
    ] = None,
    rp_id: Annotated[
        str | None, typer.Option("--rp-id", help="Domain of the passkeys, if not as the file says.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option("--origin", help="Page where passkeys may be used; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check one signed decision offline: no store, no network."""
    from countersign.cli import verify_decision as door

    run(door.verify_decision, file, key, rp_id, origin, as_json)


@app.command("replay")
def replay_command(
    brief: Annotated[str, typer.Argument(help="Brief id, or the case's: its latest brief.")],
    form: Annotated[str, typer.Option("--format", help="text, json or html.")] = "text",
    out: Out = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Make a brief again from the log, compare every digest, and show how it came to be."""
    from countersign.cli import replay as door

    run(door.replay, places(home, config), brief, form, out)


@app.command("doctor")
def doctor_command(
    as_json: AsJson = False,
    grants: Annotated[
        str,
        typer.Option(
            "--grants",
            metavar="SCHEMA",
            help="Print the SQL that gives PostgreSQL's roles their rights, and nothing else.",
        ),
    ] = "",
    home: Home = None,
    config: Config = None,
) -> None:
    """What works here, what does not, and what to do."""
    from countersign.cli import doctor as door

    if grants:
        run(door.grants, grants)
    run(door.doctor, places(home, config), as_json)


@app.command("demo")
def demo_command(home: Home = None, config: Config = None) -> None:
    """Triage the bundled scenario and print its cases."""
    from countersign.cli import demo as door

    run(door.demo, places(home, config))


@app.command("version")
def version_command() -> None:
    """Print the version."""
    from countersign import __version__

    typer.echo(__version__)
