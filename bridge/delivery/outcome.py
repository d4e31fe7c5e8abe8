"""Classify an answer to a post: by Slack's error code first, by the HTTP status second."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from bridge.core.payload import InvalidJsonError, at, clean, parse_json, text_at
from bridge.core.states import OutcomeKind

MAX_WAIT = 3600.0
"""Longest pause in seconds that a header can ask for."""

GONE_CODES = frozenset(
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
REJECTED_CODES = frozenset(
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
RATE_LIMIT_CODES = frozenset({"rate_limited", "ratelimited"})
UNAVAILABLE_CODES = frozenset({"rollup_error"})
PROXY_STATUSES = frozenset({407, 408, 425})
"""4xx of proxies about themselves: they say nothing about the message or the webhook."""
_TOKEN = re.compile("[a-z][a-z_]{1,60}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one post or probe."""

    kind: OutcomeKind
    status: int | None
    """HTTP status, None without an answer."""
    answer: str
    """Slack's body or the error, in one line; from a Poster at most 200 characters, without URL and secrets."""
    seconds: float = 0.0
    """Duration of the post."""
    retry_after: float | None = None
    """Seconds that a 429 or a 503 asks to wait; None if it names no time."""
    uncertain: bool = False
    """True if Slack may have shown the message although no answer came: a retry may show it twice."""
    by_slack: bool = False
    """True if Slack, or whoever answered with a 4xx, wrote this answer: only then may it condemn a message."""
    stale_connection: bool = False
    """True if a kept connection broke before the request can have been read: the first retry goes at once."""

    @property
    def webhook_alive(self) -> bool:
        """Whether this is how a working webhook answers a probe: it took the post, or read it and found it empty."""
        return self.kind == OutcomeKind.OK or (self.kind == OutcomeKind.REJECTED and self.answer in REJECTED_CODES)

    @property
    def summary(self) -> str:
        """Status and answer in a few words."""
        return " ".join(part for part in (str(self.status or ""), self.answer) if part)


def classify(status: int, headers: Mapping[str, str], body: str, now: float) -> Outcome:
    """Return the outcome of an answer. Names in ``headers`` are case-insensitive; ``now`` is in Unix seconds.

    Only a 200 with exactly `ok` as its body is a success: a proxy's page is a 200 as well. Permanent errors have come
    with status 500, so the error code goes before the status. Slack docs, Sending messages using incoming webhooks,
    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/ (section "Handling errors").
    """
    token = _token(body)
    if status == 200 and body.strip() == "ok":
        return Outcome(OutcomeKind.OK, status, "ok", by_slack=True)
    kind = _kind(status, token)
    asks = kind == OutcomeKind.RATE_LIMITED or status == 503
    return Outcome(
        kind,
        status,
        clean(token or body),
        retry_after=wait_seconds(headers.get("Retry-After"), body, now) if asks else None,
        by_slack=kind != OutcomeKind.UNAVAILABLE or _is_slacks_own_failure(status, token, body),
    )


def _kind(status: int, token: str) -> OutcomeKind:
    if token in GONE_CODES:
        return OutcomeKind.DESTINATION_GONE
    if token in REJECTED_CODES:
        return OutcomeKind.REJECTED
    if token in RATE_LIMIT_CODES or status == 429:
        return OutcomeKind.RATE_LIMITED
    if token in UNAVAILABLE_CODES:
        return OutcomeKind.UNAVAILABLE
    if status in (401, 403, 404, 410):
        return OutcomeKind.DESTINATION_GONE
    # Whoever wrote it: a probe finds out whether it is about this message or about all.
    if 400 <= status < 500 and status not in PROXY_STATUSES:
        return OutcomeKind.REJECTED
    return OutcomeKind.UNAVAILABLE


def _is_slacks_own_failure(status: int, token: str, body: str) -> bool:
    """Return whether Slack itself failed on a post. Its 500 is empty or one word; a page with a 500 is a proxy's."""
    return token in UNAVAILABLE_CODES or (status == 500 and (bool(token) or not body.strip()))


def _token(body: str) -> str:
    """Return Slack's error code: the whole body, or `error` in a JSON body; "" without one."""
    word = body.strip()
    if word.startswith("{"):
        try:
            word = text_at(parse_json(word.encode("utf-8", "replace")), "error")
        except InvalidJsonError:
            return ""
    return word if _TOKEN.fullmatch(word) else ""


def wait_seconds(header: str | None, body: str, now: float) -> float | None:
    """Return the pause that an answer asks for: in its header (seconds or a date), else its JSON body; 1 s to 1 h.

    None if it names no time.
    RFC 9110, Retry-After, https://www.rfc-editor.org/rfc/rfc9110.html#name-retry-after
    """
    asked = _header_seconds((header or "").strip(), now)
    if asked is None:
        asked = _body_seconds(body)
    return None if asked is None else min(max(asked, 1.0), MAX_WAIT)


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
