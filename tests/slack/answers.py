"""Answers of Slack, and of proxies in front of it, for scripts of the simulator."""

from email.utils import formatdate

from bridge.demo.slack_simulator import NO_SERVICE as NO_SERVICE
from bridge.demo.slack_simulator import Answer

LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"

EMPTY_500 = Answer(500)
BAD_GATEWAY = Answer(502, "<html><body><h1>502 Bad Gateway</h1></body></html>", content_type="text/html")
HTML_200 = Answer(200, LOGIN_PAGE, content_type="text/html")
ROLLUP_ERROR = Answer(500, "rollup_error")
NO_ACTIVE_HOOKS = Answer(404, "no_active_hooks")
CHANNEL_IS_ARCHIVED = Answer(410, "channel_is_archived")
CHANNEL_NOT_FOUND = Answer(404, "channel_not_found")
INVALID_TOKEN = Answer(403, "invalid_token")
ACTION_PROHIBITED = Answer(403, "action_prohibited")
INVALID_BLOCKS = Answer(400, "invalid_blocks")
NO_TEXT = Answer(400, "no_text")
"""A working webhook's answer to a probe."""
RESTRICTED_ACTION = Answer(403, "restricted_action")
"""Given to a message that mentions @channel where that is not allowed; other messages are shown."""
FORBIDDEN_PAGE = Answer(403, "<html><body><h1>403 Forbidden</h1></body></html>", content_type="text/html")
"""From a proxy that does not let everything pass."""
SERVER_ERROR_PAGE = Answer(
    500, "<html><body><h1>500 Internal Server Error</h1></body></html>", content_type="text/html"
)
"""From a proxy: Slack's own 500 is empty, or one word."""
INVALID_TEAM = Answer(400, "invalid_team")
MISSING_TEXT = Answer(400, "missing_text_or_fallback_or_attachments")
"""An inactive account gives this answer to everything; a working webhook may give it to an empty message."""
MESSAGE_LIMIT_EXCEEDED = Answer(429, "message_limit_exceeded")
"""From a workspace that is full. It has no Retry-After."""


def http_date(unix: float) -> str:
    """Return Unix seconds as an HTTP date."""
    return formatdate(unix, usegmt=True)


def busy(retry_after: float | str) -> Answer:
    """Return a 503 that says when to come again, as from a load balancer."""
    return Answer(503, "busy", headers={"Retry-After": str(retry_after)})


def redirect(to: str, status: int = 302) -> Answer:
    """Return a redirect, as from a captive portal or a login proxy."""
    return Answer(status, headers={"Location": to})
