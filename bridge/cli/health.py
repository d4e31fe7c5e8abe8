"""`bridge health`: ask a bridge on this machine for its health, with the standard library only, so that it is quick."""

import http.client
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

USAGE = """Usage: bridge health [--ready] [--json]

Ask the bridge on this machine (BRIDGE_HOST, BRIDGE_PORT) whether it lives (/healthz).
With --ready: whether it can accept and keep webhooks (/readyz).
With --json: as --ready, and print one JSON object: status, reason if the store is unavailable,
counts, counters since the start.

Exit status: 0 yes, 1 no, 2 wrong usage.
"""


def main(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Print the answer and return the exit status."""
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(USAGE)
        return 0
    if set(arguments) - {"--ready", "--json"}:
        sys.stderr.write(f"bridge health: no such option: {' '.join(arguments)} (see bridge health --help)\n")
        return 2
    host, port = address(environ)
    try:
        ready, content = _get(host, port, "/readyz" if arguments else "/healthz")
    except (OSError, http.client.HTTPException, ValueError) as error:
        sys.stderr.write(f"bridge health: no answer from {host}:{port}: {error}; is `bridge serve` running there?\n")
        return 1
    if "--json" in arguments:
        reason = {key: content[key] for key in ("reason",) if key in content}
        counts = {key: content.get(key, {}) for key in ("counts", "counters")}
        sys.stdout.write(json.dumps({"status": content.get("status", ""), **reason, **counts}) + "\n")
    else:
        sys.stdout.write(": ".join(str(content[key]) for key in ("status", "reason") if content.get(key)) + "\n")
    return 0 if ready else 1


def _get(host: str, port: int, path: str) -> tuple[bool, dict[str, object]]:
    """Return whether a health page answers with status 200, and its content."""
    connection = http.client.HTTPConnection(host, port, timeout=4)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        content = json.loads(response.read(65_536))
    finally:
        connection.close()
    if not isinstance(content, dict):
        raise ValueError("the answer is no JSON object")
    return response.status == 200, content


def address(environ: Mapping[str, str], dotenv: Path = Path(".env")) -> tuple[str, int]:
    """Return the address of `bridge serve` from the variables or .env; loopback for an address that means all."""
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
