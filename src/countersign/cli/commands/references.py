"""`countersign reference …`"""

from typing import Annotated

import typer

from countersign.cli.commands.shared import AsJson, Config, Home, made, places, run

app = made("Registers, baselines and lists.")


@app.command("add")
def reference_add(
    files: Annotated[list[str], typer.Argument(help="Reference files or folders (JSON).")],
    home: Home = None,
    config: Config = None,
) -> None:
    """Pin a version of a register, baseline or list."""
    from countersign.cli import reference as door

    run(door.add, places(home, config), files)


@app.command("list")
def reference_list(as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """What is pinned, and whether it is stale."""
    from countersign.cli import reference as door

    run(door.listing, places(home, config), as_json)
