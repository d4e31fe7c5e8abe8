"""What came of one post: Slack's word first, the status second, into a closed set of kinds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Literal

from bridge.core.payload import InvalidJsonError, at, clean, parse_json, text_at

Kind = Literal["ok", "limited", "away", "refused", "dead_destination"]
"""``ok``: posted. ``limited``: too fast, again later. ``away``: Slack or the way to it is in trouble, which says
nothing about the message. ``refused``: this message is at fault. ``dead_destination``: nothing can be posted there."""

MAX_WAIT = 3600.0
"""Seconds: no header can pause a lane for longer at a time."""
DEFAULT_WAIT = 5.0
"""Seconds after a 429 that does not say how long."""

DEAD = frozenset(
    {
        "action_prohibited",
        "posting_to_general_channel_denied",
        "invalid_token",
        "team_disabled",
        "no_team",
        "no_service",
        "no_service_id",
        "no_active_hooks",
        "channel_not_found",
        "channel_is_archived",
    }
)
REFUSED = frozenset(
    {
        "invalid_payload",
        "no_text",
        "missing_text_or_fallback_or_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_attachments",
        "msg_blocks_too_long",
        "msg_too_long",
        "too_many_attachments",
        "user_not_found",
    }
)
LIMITED = frozenset({"rate_limited", "ratelimited"})
TROUBLE = frozenset({"rollup_error"})
_TOKEN = re.compile("[a-z][a-z_]{1,60}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one post or probe."""

    kind: Kind
    status: int | None
    """HTTP status, None where no answer came."""
    answer: str
    """Slack's body or what went wrong, in one line; from a Poster at most 200 characters, no URL and no secret."""
    seconds: float = 0.0
    """How long it took."""
    retry_after: float = 0.0
    """For ``limited``: seconds to wait."""
    uncertain: bool = False
    """True where Slack may have shown the message although no answer came, so that sending again may show it twice."""

    @property
    def hook_lives(self) -> bool:
        """Whether whoever answered is Slack, at a webhook that works: what a probe wants to know."""
        return self.kind in ("ok", "refused")


def classify(status: int, headers: Mapping[str, str], body: str, now: float) -> Outcome:
    """The outcome of an answer. ``headers`` are looked up without regard to case; ``now`` is in Unix seconds.

    Only a 200 whose body is exactly `ok` is a success: a proxy's page is a 200 as well. Permanent errors have come with
    status 500, hence the word before the status. Slack docs, Sending messages using incoming webhooks,
    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/ (section "Handling errors").
    """
    token = _token(body)
    if status == 200 and body.strip() == "ok":
        return Outcome("ok", status, "ok")
    answer = clean(token or body)
    if token in LIMITED or (status == 429 and token not in DEAD | REFUSED):
        return Outcome("limited", status, answer, retry_after=wait_seconds(headers.get("Retry-After"), body, now))
    return Outcome(_kind(status, token), status, answer)


def _kind(status: int, token: str) -> Kind:
    if token in DEAD:
        return "dead_destination"
    if token in REFUSED:
        return "refused"
    if token in TROUBLE:
        return "away"
    if status in (401, 403, 404, 410):
        return "dead_destination"
    # 407, 408 and 425 come from proxies on the way; any other 4xx in a word of Slack's that is new to us is permanent.
    # 4xx in other words (a proxy's page) says nothing about the message: the lane's probe finds out.
    if 400 <= status < 500 and status not in (407, 408, 425) and (token or status == 413):
        return "refused"
    return "away"


def _token(body: str) -> str:
    """Slack's word for what is wrong: the whole body, or `error` in a JSON one; "" where there is none."""
    word = body.strip()
    if word.startswith("{"):
        try:
            word = text_at(parse_json(word.encode("utf-8", "replace")), "error")
        except InvalidJsonError:
            return ""
    return word if _TOKEN.fullmatch(word) else ""


def wait_seconds(header: str | None, body: str, now: float) -> float:
    """How long a 429 asks to wait: by its header in seconds or as a date, else by its JSON body; 1 s to an hour.

    RFC 9110, Retry-After, https://www.rfc-editor.org/rfc/rfc9110.html#name-retry-after
    """
    asked = _header_seconds((header or "").strip(), now)
    if asked is None:
        asked = _body_seconds(body)
    return min(max(DEFAULT_WAIT if asked is None else asked, 1.0), MAX_WAIT)


def _header_seconds(header: str, now: float) -> float | None:
    if _SECONDS.fullmatch(header):
        return float(header)
    try:
        return parsedate_to_datetime(header).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _body_seconds(body: str) -> float | None:
    try:
        asked = at(parse_json(body.encode("utf-8", "replace")), "retry_after")
    except InvalidJsonError:
        return None
    return float(min(asked, MAX_WAIT)) if isinstance(asked, int | float) and asked >= 0 else None
