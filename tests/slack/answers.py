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


def http_date(unix: float) -> str:
    """Return Unix seconds as an HTTP date."""
    return formatdate(unix, usegmt=True)


def redirect(to: str, status: int = 302) -> Answer:
    """Return a redirect, as from a captive portal or a login proxy."""
    return Answer(status, headers={"Location": to})
