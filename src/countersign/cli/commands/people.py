"""`countersign person …`"""

from typing import Annotated

import typer

from countersign.cli.commands.shared import (
    Agent,
    AsJson,
    Config,
    Home,
    KeyFile,
    Name,
    PassphraseFile,
    Reason,
    Roles,
    made,
    places,
    run,
)

app = made("Who there is, with which keys, and who is signed in.")


@app.command("add")
def person_add(name: Name, role: Roles = None, home: Home = None, config: Config = None) -> None:
    """Add a person; an admin does it. They sign once a key is enrolled to them."""
    from countersign.cli import person as door

    run(door.add, places(home, config), name, role or [])


@app.command("roles")
def person_roles(name: Name, role: Roles = None, home: Home = None, config: Config = None) -> None:
    """Give a person exactly these roles; another person, who is an admin, does it."""
    from countersign.cli import person as door

    run(door.change_roles, places(home, config), name, role or [])


@app.command("enrol")
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
    run(door.enrol, places(home, config), name, given)


@app.command("revoke")
def person_revoke(
    key: Annotated[str, typer.Argument(help="The start of a key's id, or a person with one key in force.")],
    reason: Reason,
    home: Home = None,
    config: Config = None,
) -> None:
    """A key signs nothing more, and its sessions end; what it signed before holds."""
    from countersign.cli import person as door

    run(door.revoke, places(home, config), key, reason)


@app.command("list")
def person_list(as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """Everybody, with their roles and keys."""
    from countersign.cli import person as door

    run(door.listing, places(home, config), as_json)


@app.command("sign-in")
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
    run(door.sign_in, places(home, config), name, given)


@app.command("sign-out")
def person_sign_out(home: Home = None, config: Config = None) -> None:
    """Be known here no more."""
    from countersign.cli import person as door

    run(door.sign_out, places(home, config))


@app.command("whoami")
def person_whoami(as_json: AsJson = False, home: Home = None, config: Config = None) -> None:
    """Who is signed in at this terminal."""
    from countersign.cli import person as door

    run(door.whoami, places(home, config), as_json)
