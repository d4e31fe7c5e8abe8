"""Run `bridge` and `python -m bridge`."""

import sys


def main() -> None:
    """Run a command. `bridge health` imports little, because a container runs it every 30 s."""
    if sys.argv[1:2] == ["health"]:
        from bridge.cli.health import main as health

        sys.exit(health(sys.argv[2:]))
    from bridge.cli.app import main as commands

    commands()


if __name__ == "__main__":
    main()
