"""The version of this program. The wheel takes its version from here."""

__version__ = "0.1.0"
