"""`bridge demo`."""

import asyncio
import contextlib

import typer
from rich.console import Console

from bridge.cli.errors import NO
from bridge.core import logs
from bridge.demo.script import run


def demo(stay: bool) -> None:
    """Run the demo. Status 0 only if every line is as expected."""
    logs.configure("auto", "error")
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console = Console(markup=False, emoji=False, highlight=False, width=110)
    with contextlib.suppress(KeyboardInterrupt):
        if not asyncio.run(run(console, stay)):
            raise typer.Exit(NO)
