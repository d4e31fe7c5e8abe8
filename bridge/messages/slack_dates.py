"""Format Slack's date tokens for a time in the reader's zone.

Slack docs, Formatting message text, https://docs.slack.dev/messaging/formatting-message-text/#date-formatting.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

_TOKEN = re.compile(r"\{(\w+)\}")


def shown_date(moment: datetime, tokens: str) -> str:
    """Replace the tokens by a time, in English and with 24 hours. Other text stays.

    ``_pretty`` forms show the date like the plain ones: "today" would become wrong on a stored page.
    """
    return _TOKEN.sub(lambda token: _written(moment, token[1]) or token[0], tokens)


def _written(moment: datetime, token: str) -> str:
    write = _TOKENS.get(token.removesuffix("_pretty"))
    return write(moment) if write else ""


def _ordinal(day: int) -> str:
    return f"{day}{'th' if 10 < day < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th')}"


_TOKENS: Mapping[str, Callable[[datetime], str]] = {
    "date_num": lambda moment: f"{moment:%Y-%m-%d}",
    "date": lambda moment: f"{moment:%B} {_ordinal(moment.day)}, {moment.year}",
    "date_short": lambda moment: f"{moment:%b} {moment.day}, {moment.year}",
    "date_long": lambda moment: f"{moment:%A}, {moment:%B} {_ordinal(moment.day)}, {moment.year}",
    "time": lambda moment: f"{moment:%H:%M}",
    "time_secs": lambda moment: f"{moment:%H:%M:%S}",
    "ago": lambda moment: f"{moment:%b} {moment.day}, {moment.year} at {moment:%H:%M}",
}
