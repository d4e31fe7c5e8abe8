"""Configure logs: to stderr, pretty on a terminal, JSON elsewhere, and without secrets."""

import json
import logging
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, Literal, TextIO

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["auto", "pretty", "json"]


class _Hiding:
    """Hides all known secrets in rendered log lines: the last line of defence."""

    texts: ClassVar[tuple[str, ...]] = ()

    def __init__(self, render: "Callable[[WrappedLogger, str, EventDict], str | bytes]") -> None:
        self._render = render

    def __call__(self, logger: "WrappedLogger", method: str, event: "EventDict") -> str:
        line = str(self._render(logger, method, event))
        for text in self.texts:
            line = line.replace(text, "[hidden]")
        return line


def hide(secrets: Iterable[str]) -> None:
    """Hide these texts in the log; of a URL also the last part of its path.

    Texts of fewer than 8 characters are ignored: hiding them would remove ordinary words.
    """
    parts = {part for secret in secrets for part in (secret, secret.rpartition("/")[2] if "://" in secret else "")}
    texts = {form for part in parts if len(part) >= 8 for form in _forms(part)}
    _Hiding.texts = tuple(sorted(texts, key=len, reverse=True))


def _forms(text: str) -> set[str]:
    """Return a text as it is, in Python's representation, and both as JSON."""
    # A variable may hold bytes that are not UTF-8: Python reads them as lone surrogates.
    shown = {text, repr(text)[1:-1], repr(text.encode("utf-8", "surrogatepass"))[2:-1]}
    return shown | {json.dumps(form)[1:-1] for form in shown}


def configure(log_format: Format, level: str, stream: TextIO | None = None) -> None:
    """Send all logs, ours and those of libraries, to stderr in one format."""
    import structlog  # importing it takes a tenth of a second, and most commands log nothing

    stream = stream or sys.stderr
    pretty = log_format == "pretty" or (log_format == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if pretty else "iso", utc=not pretty),
        structlog.processors.StackInfoRenderer(),
    ]
    renderer: Callable[[WrappedLogger, str, EventDict], str | bytes] = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), sort_keys=False)
        if pretty
        else structlog.processors.JSONRenderer()
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _Hiding(renderer),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("asyncio", "aiohttp", "slack_sdk", "markdown_it"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
