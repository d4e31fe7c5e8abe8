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
    """Start or refuse with one line a fault; then run until SIGTERM."""
    import uvloop

    from bridge.service.service import serve as run

    try:
        settings, warnings = load_settings()
        complain(warnings)
        logs.hide(settings.every_secret())
        logs.configure(settings.log_format, settings.log_level)
        snapshot = load_snapshot(settings)
    except ConfigurationError as error:
        refuse(error.faults)
    try:
        uvloop.run(_run_and_leave(run(settings, snapshot)))
    except StoreRefusedError as error:
        refuse([str(error)])
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        # The loop puts the address into the error's text again; the look-up of a name has numbers of its own.
        bound = not isinstance(error, socket.gaierror)
        why = os.strerror(error.errno) if bound and error.errno else error.strerror or str(error)
        refuse([f"cannot listen on {where} ({why}): choose others with BRIDGE_HOST, BRIDGE_PORT"])


async def _run_and_leave(service: Coroutine[None, None, None]) -> None:
    """Run it, and end the process without waiting for threads: one that looks up Slack's name in a network that does
    not answer takes half a minute, and all is done and closed by now."""
    await service
    logging.shutdown()
    os._exit(0)
