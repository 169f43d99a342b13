"""`countersign log …` and `countersign log witness …`"""

from typing import Annotated

import typer

from countersign.cli.commands.shared import AsJson, Config, Home, made, places, run

app = made("The audit log.")
witness = made("Have the log cosigned elsewhere, or cosign another's.")
app.add_typer(witness, name="witness")


@app.command("verify")
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

    run(door.verify, places(home, config), as_json, head, since, key)


@app.command("key")
def log_key(home: Home = None, config: Config = None) -> None:
    """Print the verifier key of the log."""
    from countersign.cli import log as door

    run(door.key, places(home, config))


@app.command("checkpoint")
def log_checkpoint(
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Make missing or damaged files anew from the entries first.")
    ] = False,
    home: Home = None,
    config: Config = None,
) -> None:
    """Print the newest signed checkpoint; keep it elsewhere."""
    from countersign.cli import log as door

    run(door.checkpoint, places(home, config), rebuild)


@app.command("prove")
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

    run(door.prove, places(home, config), entry, out)


@app.command("check-proof")
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

    run(door.check, proof, entry, key, policy)


@app.command("export")
def log_export(
    folder: Annotated[str, typer.Argument(help="A new folder, or one of an earlier export.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Write the signed log as static files that any web server can host."""
    from countersign.cli import log as door

    run(door.export, places(home, config), folder)


@app.command("follow")
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

    run(door.follow, places(home, config), after, once)


@witness.command("ask")
def witness_ask(
    url: Annotated[str, typer.Argument(help="Where the witness takes checkpoints, https://….")],
    key: Annotated[str, typer.Option("--key", help="The witness's verifier key.")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Have the newest checkpoint cosigned, and keep the signature."""
    from countersign.cli import witness as door

    run(door.ask, places(home, config), url, key)


@witness.command("init")
def witness_init(
    folder: Annotated[str, typer.Argument(help="A new folder: the witness's key and its memory.")],
    name: Annotated[str, typer.Option("--name", help="What it is called, such as witness.soc.example.")],
) -> None:
    """Make a witness of your own, on another host, and print its verifier key."""
    from countersign.cli import witness as door

    run(door.init, folder, name)


@witness.command("serve")
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

    run(door.serve, folder, log, bind, port)
