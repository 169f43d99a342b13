"""What every command shares: options, where it works, and how an error becomes a message and an exit code."""

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


def made(about: str) -> typer.Typer:
    """A group of commands."""
    return typer.Typer(help=about, no_args_is_help=True, rich_markup_mode=None)


def places(home: str | None, config: str | None) -> tuple[str | None, str | None]:
    """The home and the settings file that were named, behind the command or before it."""
    return home or State.home, config or State.config


def form(as_json: bool, as_markdown: bool) -> str:
    """How a case is printed."""
    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown exclude each other")
    return "json" if as_json else "markdown" if as_markdown else "text"


def run(door: Any, *arguments: Any, **options: Any) -> None:
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
