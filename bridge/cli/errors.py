"""End a command with errors: one line each on stderr, with the hint, and an exit status for the kind."""

from collections.abc import Iterable
from typing import NoReturn

import typer
from rich.console import Console

from bridge.config.diagnostics import Diagnostic

NO, WRONG = 1, 2
"""Exit statuses: the answer is "no"; wrong usage or configuration."""


def out() -> Console:
    """Return standard output: colours and links on a terminal, plain text in a pipe. No text is read as markup."""
    return Console(markup=False, emoji=False, highlight=False, soft_wrap=True)


def complain(errors: Iterable[Diagnostic | str]) -> None:
    """Write errors to stderr, one line each; on a terminal their first word is red."""
    console = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)
    for error in errors:
        console.print("bridge: ", style="bold red", end="")
        console.print(str(error))


def refuse(errors: Iterable[Diagnostic | str]) -> NoReturn:
    """End with status 2, wrong usage or configuration, after one line for each error."""
    complain(errors)
    raise typer.Exit(WRONG)
