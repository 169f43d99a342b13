"""`countersign policy …`"""

from typing import Annotated

import typer

from countersign.cli.commands.shared import AsJson, Config, Home, made, places, run

app = made("Who may do what, and what a decision asks for.")


@app.command("check")
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

    run(door.check, places(home, config), folder, as_json)


@app.command("explain")
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

    run(door.explain, places(home, config), person, action, case, given or [], as_json)
