"""Check the URLs of channels. Nothing here shows a URL: it is a secret.

Source: Slack docs, Sending messages using incoming webhooks,
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (which shows one form without `/services`).
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from bridge.config.diagnostics import Problem

_COPY = "copy it again from Slack, it looks like https://hooks.slack.com/services/T…/B…/…"


def url_problem(url: str, hosts: Collection[str]) -> Problem | None:
    """Return the problem of an incoming webhook URL; None if Bridge may post to it.

    ``hosts`` are the allowed ones, in lower case. A loopback host among them may use http, and any port.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return Problem("is not a URL", _COPY)
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return Problem("holds a character that no URL has", _COPY)
    loopback = host in hosts and is_loopback(host)
    if parts.scheme == "http" and is_loopback(host) and not loopback:
        return Problem("is http, allowed only for a test server on this machine", "list its host in BRIDGE_SLACK_HOSTS")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        return Problem("must start with https://", _COPY)
    if host not in hosts:
        return Problem("has a host that is not allowed", "use a URL from Slack, or list its host in BRIDGE_SLACK_HOSTS")
    if "@" in parts.netloc or (port is not None and not loopback) or (parts.netloc.endswith(":")):
        return Problem("has a user or a port before its path", _COPY)
    if "?" in url or "#" in url:
        return Problem("has a `?` or `#` in it", _COPY)
    if parts.path.startswith(("/triggers/", "/workflows/")):
        return Problem(
            "starts a Slack workflow, which takes variables and not messages",
            "make an incoming webhook for the channel (api.slack.com/apps, Incoming Webhooks) and use its URL",
        )
    return None if _is_webhook(parts) else Problem("has not the path of an incoming webhook", _COPY)


def is_loopback(host: str) -> bool:
    """Return whether a host can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_webhook(parts: SplitResult) -> bool:
    """Return whether the path is ``/services/T…/B…/…``, or ``/T…/B…/…`` as from an installation by OAuth."""
    steps = parts.path.removeprefix("/services").split("/")
    if len(steps) != 4 or steps[0] or not all(step.replace("_", "").isalnum() for step in steps[1:]):
        return False
    return steps[1].startswith("T") and steps[2].startswith("B")
