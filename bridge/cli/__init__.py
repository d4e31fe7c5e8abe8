"""The commands. Each is a thin way into the rooms; what they share (errors, consoles) is in this folder too."""

from bridge.cli.app import main

__all__ = ["main"]
