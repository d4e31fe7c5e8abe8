"""python -m bridge, and the `bridge` command."""

import sys


def main() -> None:
    """Run the command line. `bridge health` takes a way of its own: it runs every 30 s in a small container."""
    if sys.argv[1:2] == ["health"]:
        from bridge.cli.health import main as health

        sys.exit(health(sys.argv[2:]))
    from bridge.cli.app import main as commands

    commands()


if __name__ == "__main__":
    main()
