"""`bridge health`: asks a running bridge on this machine how it is. The standard library only, so that it is quick."""

import http.client
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

USAGE = """Usage: bridge health [--ready]

Ask the bridge on this machine (BRIDGE_HOST, BRIDGE_PORT) whether it lives (/healthz).
With --ready: whether it can accept and keep webhooks (/readyz).

Exit status: 0 yes, 1 no, 2 wrong usage.
"""


def main(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Print one line and return the exit status."""
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(USAGE)
        return 0
    if set(arguments) - {"--ready"}:
        sys.stderr.write(f"bridge health: no such option: {' '.join(arguments)} (see bridge health --help)\n")
        return 2
    host, port = address(environ)
    path = "/readyz" if "--ready" in arguments else "/healthz"
    connection = http.client.HTTPConnection(host, port, timeout=4)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        status = json.loads(response.read(65_536)).get("status", "")
    except (OSError, http.client.HTTPException, ValueError, AttributeError) as error:
        sys.stderr.write(f"bridge health: no answer from {host}:{port}: {error}; is `bridge serve` running there?\n")
        return 1
    finally:
        connection.close()
    sys.stdout.write(f"{status}\n")
    return 0 if response.status == 200 else 1


def address(environ: Mapping[str, str], dotenv: Path = Path(".env")) -> tuple[str, int]:
    """Where `bridge serve` listens, from the variables or .env; an address that means all of them becomes loopback."""
    names = {name.upper(): value.strip() for name, value in _dotenv(dotenv).items()}
    names.update({name.upper(): value.strip() for name, value in environ.items()})
    host = names.get("BRIDGE_HOST", "") or "127.0.0.1"
    port = names.get("BRIDGE_PORT", "")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound
    return host, int(port) if port.isascii() and port.isdigit() and int(port) < 65_536 else 8080


def _dotenv(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    pairs = (line.strip().removeprefix("export ").partition("=") for line in lines)
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs if name.startswith("BRIDGE_")}
