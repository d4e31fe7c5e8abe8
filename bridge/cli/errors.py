"""How a command ends badly: one line a fault on stderr, with the mend, and an exit status for its kind."""

from collections.abc import Iterable
from typing import NoReturn

import typer
from rich.console import Console

NO, WRONG = 1, 2
"""Exit statuses: the answer is "no"; wrong usage or configuration."""


def out() -> Console:
    """Standard output: colours and links on a terminal, plain text in a pipe. Nothing in a text is taken as markup."""
    return Console(markup=False, emoji=False, highlight=False, soft_wrap=True)


def complain(lines: Iterable[str]) -> None:
    """Write lines to stderr, each by itself; on a terminal their first word is red."""
    console = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)
    for line in lines:
        console.print("bridge: ", style="bold red", end="")
        console.print(line)


def refuse(lines: Iterable[str]) -> NoReturn:
    """End with status 2, wrong usage or configuration, after one line for each fault."""
    complain(lines)
    raise typer.Exit(WRONG)
