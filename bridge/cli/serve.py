"""`bridge serve`."""

import logging
import os
import socket
from collections.abc import Coroutine

from bridge.cli.errors import complain, refuse
from bridge.config.errors import ConfigurationError
from bridge.config.settings import load_settings
from bridge.core import logs
from bridge.live.snapshot import load_snapshot
from bridge.store import StoreRefusedError


def serve() -> None:
    """Start and run until SIGTERM, or print one line for each error and exit."""
    import uvloop

    from bridge.service.service import serve as run

    try:
        settings, warnings = load_settings()
        complain(warnings)
        logs.hide(settings.every_secret())
        logs.configure(settings.log_format, settings.log_level)
        snapshot = load_snapshot(settings)
    except ConfigurationError as error:
        refuse(error.diagnostics)
    try:
        uvloop.run(_run_and_exit(run(settings, snapshot)))
    except StoreRefusedError as error:
        refuse([str(error)])
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        # The loop repeats the address in the error's text; errors of name look-ups have numbers of their own.
        own_number = not isinstance(error, socket.gaierror)
        reason = os.strerror(error.errno) if own_number and error.errno else error.strerror or str(error)
        refuse([f"cannot listen on {address} ({reason}): choose others with BRIDGE_HOST, BRIDGE_PORT"])


async def _run_and_exit(service: Coroutine[None, None, None]) -> None:
    """Run a service and end the process without waiting for its threads.

    A thread that looks up Slack's name in a network without answers takes half a minute. Everything else is closed.
    """
    await service
    logging.shutdown()
    os._exit(0)
