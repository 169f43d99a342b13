"""The command line: it speaks to people and to pipelines, and decides nothing.

Exit codes: 0 done; 1 done, but something was quarantined or degraded; 2 unusable arguments; 3 an
invariant could not be kept. Commands import their work when they run, so that `--help` is quick.
"""

import gc
import sys
from typing import Annotated, Any

import typer

from countersign.errors import (
    AuditLogError,
    ConfigError,
    CountersignError,
    DigestMismatch,
    SourceError,
    StoreError,
    UsageError,
)

app = typer.Typer(
    name="countersign",
    help="The model proposes, an analyst countersigns, the log proves it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
case_app = typer.Typer(
    help="Cases: list, show, open by hand, export.", no_args_is_help=True, rich_markup_mode=None
)
reference_app = typer.Typer(
    help="Registers, baselines and lists.", no_args_is_help=True, rich_markup_mode=None
)
log_app = typer.Typer(help="The audit log.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(case_app, name="case")
app.add_typer(reference_app, name="reference")
witness_app = typer.Typer(
    help="Have the log cosigned elsewhere, or cosign another's.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(log_app, name="log")
log_app.add_typer(witness_app, name="witness")
person_app = typer.Typer(
    help="Who there is, with which keys, and who is signed in.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(person_app, name="person")
policy_app = typer.Typer(
    help="Who may do what, and what a decision asks for.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(policy_app, name="policy")

Home = Annotated[str | None, typer.Option("--home", help="Where cases are kept. [env: COUNTERSIGN_HOME]")]
Config = Annotated[
    str | None, typer.Option("--config", help="Settings file; default config.toml in the home.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsMarkdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown notes.")]
Out = Annotated[str | None, typer.Option("--out", help="Write there instead of standard output.")]
Paths = Annotated[list[str], typer.Argument(help="Files, folders, or - for standard input.")]
Format = Annotated[str, typer.Option("--format", help="Record schema; auto reads it from content.")]
Coverage = Annotated[
    list[str] | None,
    typer.Option("--coverage", help="Coverage manifest (JSON): what was read of each source."),
]
Mappings = Annotated[
    list[str] | None,
    typer.Option(
        "--mapping", help="Mapping file, or the name of one: how records of your own kind are read."
    ),
]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept and logged.")]
By = Annotated[str | None, typer.Option("--by", help="Who says so; your account's name unless given.")]
Name = Annotated[str, typer.Argument(help="A person's name as it was added, or id.")]
Roles = Annotated[
    list[str] | None, typer.Option("--role", help="analyst, lead, admin or auditor; may be repeated.")
]
KeyFile = Annotated[
    str | None, typer.Option("--key", help="Key file; made if it is not there. FILE.pub: its public half.")
]
Agent = Annotated[
    bool, typer.Option("--agent", help="The key is in your ssh-agent; --key FILE.pub says which.")
]
PassphraseFile = Annotated[
    str | None,
    typer.Option("--passphrase-file", help="The passphrase of the key that signs; a file only you may read."),
]
References = Annotated[list[str] | None, typer.Option("--reference", help="Pinned reference file or folder.")]


class State:
    """Options that stand before the command."""

    home: str | None = None
    config: str | None = None


@app.callback()
def options(home: Home = None, config: Config = None) -> None:
    """The model proposes, an analyst countersigns, the log proves it."""
    State.home, State.config = home, config


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

        form = _form(as_json, as_markdown)
        given = {"fmt": fmt, "form": form, "out": out, "drafter": drafter, "title": as_case}
        _run(tail.follow, _places(home, config), paths, **given, coverage=coverage, mapping=mapping)
    from countersign.cli import triage as door

    _run(
        door.triage,
        _places(home, config),
        paths,
        fmt=fmt,
        form=_form(as_json, as_markdown),
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
    _run(door.verify, claims, evidence, coverage, reference, **more)


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

    _run(door.verify_decision, file, key, rp_id, origin, as_json)


@case_app.command("list")
def case_list(as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """Cases as they stand, newest first."""
    from countersign.cli import case as door

    _run(door.listing, _places(home, config), as_json)


@case_app.command("show")
def case_show(
    case: Annotated[str, typer.Argument(help="Case id, or the start of one.")],
    as_json: AsJson = False,
    as_markdown: AsMarkdown = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """One case with its brief."""
    from countersign.cli import case as door

    _run(door.show, _places(home, config), case, _form(as_json, as_markdown))


@case_app.command("open")
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

    form = _form(as_json, as_markdown)
    more = {"coverage": coverage, "mapping": mapping}
    _run(door.triage, _places(home, config), source, fmt=fmt, form=form, title=title, **more)


@case_app.command("export")
def case_export(
    case: Annotated[str, typer.Argument(help="Case id, or the start of one.")],
    form: Annotated[str, typer.Option("--format", help="json, markdown, ocsf, or decision.")] = "json",
    out: Out = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """A case as a file that stands on its own."""
    from countersign.cli import case as door

    _run(door.export, _places(home, config), case, form, out)


@case_app.command("why")
def case_why(
    alert: Annotated[str, typer.Argument(help="Alert id or record id, or the start of one.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Why an alert stands where it stands, and what past hours say of it."""
    from countersign.cli import grouping as door

    _run(door.why, _places(home, config), alert)


@case_app.command("draft")
def case_draft(
    case: Annotated[str, typer.Argument(help="Case id, or the start of one.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Draft a case anew over what it holds now."""
    from countersign.cli import grouping as door

    _run(door.redraft, _places(home, config), case)


@case_app.command("erase")
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
    _run(door.erase_case, _places(home, config), case, ground, files, **more)


@case_app.command("split")
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

    _run(door.split, _places(home, config), case, alerts, reason, by)


@case_app.command("merge")
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

    _run(door.merge, _places(home, config), case, into, reason, by)


@case_app.command("move")
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

    _run(door.move, _places(home, config), alert, into, reason, by)


@reference_app.command("add")
def reference_add(
    files: Annotated[list[str], typer.Argument(help="Reference files or folders (JSON).")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Pin a version of a register, baseline or list."""
    from countersign.cli import reference as door

    _run(door.add, _places(home, config), files)


@reference_app.command("list")
def reference_list(as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """What is pinned, and whether it is stale."""
    from countersign.cli import reference as door

    _run(door.listing, _places(home, config), as_json)


@person_app.command("add")
def person_add(name: Name, role: Roles = None, home: Home = None, config: Config = None) -> None:
    """Add a person; an admin does it. They sign once a key is enrolled to them."""
    from countersign.cli import person as door

    _run(door.add, _places(home, config), name, role or [])


@person_app.command("roles")
def person_roles(name: Name, role: Roles = None, home: Home = None, config: Config = None) -> None:
    """Give a person exactly these roles; another person, who is an admin, does it."""
    from countersign.cli import person as door

    _run(door.change_roles, _places(home, config), name, role or [])


@person_app.command("enrol")
def person_enrol(
    name: Name,
    key: KeyFile = None,
    agent: Agent = False,
    passphrase_file: PassphraseFile = None,
    new_passphrase_file: Annotated[
        str | None,
        typer.Option("--new-passphrase-file", help="The passphrase of the key that is enrolled, if a file."),
    ] = None,
    passkey: Annotated[bool, typer.Option("--passkey", hidden=True)] = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Enrol a key to a person; an admin signs it. In an empty home the first admin enrols themself."""
    from countersign.cli import person as door

    given = door.Given(
        file=key,
        agent=agent,
        passkey=passkey,
        passphrase_file=passphrase_file,
        new_passphrase_file=new_passphrase_file,
    )
    _run(door.enrol, _places(home, config), name, given)


@person_app.command("revoke")
def person_revoke(
    key: Annotated[str, typer.Argument(help="The start of a key's id, or a person with one key in force.")],
    reason: Reason,
    home: Home = None,
    config: Config = None,
) -> None:
    """A key signs nothing more, and its sessions end; what it signed before holds."""
    from countersign.cli import person as door

    _run(door.revoke, _places(home, config), key, reason)


@person_app.command("list")
def person_list(as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """Everybody, with their roles and keys."""
    from countersign.cli import person as door

    _run(door.listing, _places(home, config), as_json)


@person_app.command("sign-in")
def person_sign_in(
    name: Name,
    key: KeyFile = None,
    agent: Agent = False,
    passphrase_file: PassphraseFile = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Be known at this terminal for eight hours."""
    from countersign.cli import person as door

    given = door.Given(file=key, agent=agent, passphrase_file=passphrase_file)
    _run(door.sign_in, _places(home, config), name, given)


@person_app.command("sign-out")
def person_sign_out(home: Home = None, config: Config = None) -> None:
    """Be known here no more."""
    from countersign.cli import person as door

    _run(door.sign_out, _places(home, config))


@person_app.command("whoami")
def person_whoami(as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """Who is signed in at this terminal."""
    from countersign.cli import person as door

    _run(door.whoami, _places(home, config), as_json)


@log_app.command("verify")
def log_verify(
    as_json: AsJson = False,
    head: Annotated[
        list[str] | None, typer.Option("--head", help="A head that you kept, SIZE:ROOT; may be repeated.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="A checkpoint that you kept (a file); needs --key.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="The verifier key as you kept it, not as the home has it.")
    ] = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Recompute the whole log: intact, incomplete, altered, or could not check."""
    from countersign.cli import log as door

    _run(door.verify, _places(home, config), as_json, head, since, key)


@log_app.command("key")
def log_key(home: Home = None, config: Config = None) -> None:
    """Print the verifier key of the log."""
    from countersign.cli import log as door

    _run(door.key, _places(home, config))


@log_app.command("checkpoint")
def log_checkpoint(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make missing or damaged files anew from the entries first.")
    ] = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Print the newest signed checkpoint; keep it elsewhere."""
    from countersign.cli import log as door

    _run(door.checkpoint, _places(home, config), rebuild)


@log_app.command("prove")
def log_prove(
    entry: Annotated[str, typer.Argument(help="Index or id of an entry.")],
    out: Annotated[
        str | None, typer.Option("--out", help="Write OUT.entry and OUT.tlog-proof; default entry-INDEX.")
    ] = None,
    home: Home = None,
    config: Config = None,
) -> None:
    """Write an entry and the proof that the log holds it; both are checked offline."""
    from countersign.cli import log as door

    _run(door.prove, _places(home, config), entry, out)


@log_app.command("check-proof")
def log_check_proof(
    proof: Annotated[str, typer.Argument(help="A .tlog-proof file.")],
    entry: Annotated[str, typer.Argument(help="The entry that it is for, byte for byte.")],
    key: Annotated[str | None, typer.Option("--key", help="The log's verifier key, as you kept it.")] = None,
    policy: Annotated[
        str | None,
        typer.Option("--policy", help="A file that says which logs and witnesses must have signed."),
    ] = None,
) -> None:
    """Check offline that a signed log holds an entry; needs no home."""
    from countersign.cli import witness as door

    _run(door.check, proof, entry, key, policy)


@log_app.command("export")
def log_export(
    folder: Annotated[str, typer.Argument(help="A new folder, or one of an earlier export.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Write the signed log as static files that any web server can host."""
    from countersign.cli import log as door

    _run(door.export, _places(home, config), folder)


@log_app.command("follow")
def log_follow(
    after: Annotated[
        int | None, typer.Option("--after", min=0, help="Begin after the entry of this index.")
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="End where the log ends now.")] = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Print published entries as lines of JSON, as they come, until Ctrl-C."""
    from countersign.cli import log as door

    _run(door.follow, _places(home, config), after, once)


@witness_app.command("ask")
def witness_ask(
    url: Annotated[str, typer.Argument(help="Where the witness takes checkpoints, https://….")],
    key: Annotated[str, typer.Option("--key", help="The witness's verifier key.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Have the newest checkpoint cosigned, and keep the signature."""
    from countersign.cli import witness as door

    _run(door.ask, _places(home, config), url, key)


@witness_app.command("init")
def witness_init(
    folder: Annotated[str, typer.Argument(help="A new folder: the witness's key and its memory.")],
    name: Annotated[str, typer.Option("--name", help="What it is called, such as witness.soc.example.")],
) -> None:
    """Make a witness of your own, on another host, and print its verifier key."""
    from countersign.cli import witness as door

    _run(door.init, folder, name)


@witness_app.command("serve")
def witness_serve(
    folder: Annotated[str, typer.Argument(help="The folder that `init` made.")],
    log: Annotated[
        list[str], typer.Option("--log", help="Verifier key of a log to cosign; may be repeated.")
    ],
    bind: Annotated[str, typer.Option("--bind", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any free one.")] = 8416,
) -> None:
    """Cosign the checkpoints of these logs, until Ctrl-C."""
    from countersign.cli import witness as door

    _run(door.serve, folder, log, bind, port)


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

    _run(door.replay, _places(home, config), brief, form, out)


@policy_app.command("check")
def policy_check(
    folder: Annotated[
        str | None, typer.Argument(help="A folder with a policy set; the one in force here if none is named.")
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Validate a policy set as a starting process would, and ask its own tests."""
    from countersign.cli import policy as door

    _run(door.check, _places(home, config), folder, as_json)


@policy_app.command("explain")
def policy_explain(
    person: Annotated[str, typer.Option("--as", help="A person's name or id.")],
    action: Annotated[
        str, typer.Option("--action", help="Such as review.open, decision.sign, person.enrol.")
    ],
    case: Annotated[str | None, typer.Option("--case", help="Case id.")] = None,
    given: Annotated[
        list[str] | None,
        typer.Option("--given", help="Suppose KEY=VALUE, such as fresh=false; may be repeated."),
    ] = None,
    as_json: AsJson = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """What the policy answers a person now, and by which rule."""
    from countersign.cli import policy as door

    _run(door.explain, _places(home, config), person, action, case, given or [], as_json)


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
        _run(door.grants, grants)
    _run(door.doctor, _places(home, config), as_json)


@app.command("demo")
def demo_command(home: Home = None, config: Config = None) -> None:
    """Triage the bundled scenario and print its cases."""
    from countersign.cli import demo as door

    _run(door.demo, _places(home, config))


@app.command("version")
def version_command() -> None:
    """Print the version."""
    from countersign import __version__

    typer.echo(__version__)


def _places(home: str | None, config: str | None) -> tuple[str | None, str | None]:
    return home or State.home, config or State.config


def _form(as_json: bool, as_markdown: bool) -> str:
    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")
    return "json" if as_json else "markdown" if as_markdown else "text"


def _run(door: Any, *arguments: Any, **options: Any) -> None:
    """Run a command; every error of ours becomes one clear message and the right exit code."""
    try:
        code = door(*arguments, **options)
    except CountersignError as error:
        from countersign.core.render import terminal

        typer.echo(f"countersign: {terminal(str(error))}", err=True)
        if error.hint:
            typer.echo(f"  {terminal(error.hint)}", err=True)
        broken = isinstance(error, AuditLogError | StoreError | DigestMismatch)
        code = 2 if isinstance(error, ConfigError | UsageError | SourceError) else 3 if broken else 1
    except BrokenPipeError:
        sys.stderr.close()
        code = 1
    except KeyboardInterrupt:
        typer.echo("countersign: stopped; what was stored so far is safe, run it again to go on", err=True)
        code = 1
    raise typer.Exit(code or 0)


def main() -> None:
    """The `countersign` command."""
    # What is loaded stays; looking through it again and again for garbage costs a tenth of an intake.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    app()
