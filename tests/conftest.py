"""What holds for every test."""

import gc
import os
import signal

import structlog
from hypothesis import settings

# The same examples every time, so that a change is judged by what it changes. To look for new ones:
# HYPOTHESIS_PROFILE=search make test
settings.register_profile("same", derandomize=True, database=None, deadline=None)
settings.register_profile("search", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# A shell that starts a run in the background lets it ignore Ctrl C, and with it every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A run holds thousands of samples and messages: going through them all again and again, in the middle of a template's
# 0.3 s too, cut off innocent ones.
gc.set_threshold(200_000, 50, 100)

# A test that configures logs must not leave loggers behind that remember how: the next test could not capture theirs.
_configure = structlog.configure


def _configure_for_now(**given: object) -> None:
    _configure(**{**given, "cache_logger_on_first_use": False})  # type: ignore[arg-type]  # as they were given


structlog.configure = _configure_for_now  # type: ignore[assignment]  # it takes the same
