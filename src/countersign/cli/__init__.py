"""The command line: it speaks to people and to pipelines, and decides nothing.

Exit codes: 0 done; 1 done, but something was quarantined or degraded; 2 unusable arguments; 3 an
invariant could not be kept.
"""

import gc

import typer

from countersign.cli.commands.cases import app as cases_commands
from countersign.cli.commands.log import app as log_commands
from countersign.cli.commands.people import app as people_commands
from countersign.cli.commands.policies import app as policies_commands
from countersign.cli.commands.references import app as references_commands
from countersign.cli.commands.review import app as review_commands
from countersign.cli.commands.shared import Config, Home, State
from countersign.cli.commands.work import app as work_commands

app = typer.Typer(
    name="countersign",
    help="The model proposes, an analyst countersigns, the log proves it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(work_commands)
app.add_typer(cases_commands, name="case")
app.add_typer(review_commands, name="review")
app.add_typer(references_commands, name="reference")
app.add_typer(people_commands, name="person")
app.add_typer(policies_commands, name="policy")
app.add_typer(log_commands, name="log")


@app.callback()
def options(home: Home = None, config: Config = None) -> None:
    """The model proposes, an analyst countersigns, the log proves it."""
    State.home, State.config = home, config


def main() -> None:
    """The `countersign` command."""
    # What is loaded stays; looking through it again and again for garbage costs a tenth of an intake.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    app()
