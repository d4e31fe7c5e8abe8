"""Whether a channel's URL may be posted to. Nothing here shows the URL: it is a secret.

Source: Slack docs, Sending messages using incoming webhooks,
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks (which shows one form without `/services`).
"""

import ipaddress
from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

LOOKS_LIKE = "https://hooks.slack.com/services/T…/B…/…"


def fault(url: str, hosts: Collection[str]) -> str | None:
    """What is wrong with an incoming webhook's URL, with the mend; None if it may be posted to.

    ``hosts`` are those that may be posted to, in lower case. A loopback host among them may be http, on any port.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return f"is no URL: copy it anew from Slack, it looks like {LOOKS_LIKE}"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return f"holds a character that no URL has: copy it anew from Slack, it looks like {LOOKS_LIKE}"
    loopback = host in hosts and is_loopback(host)
    if parts.scheme == "http" and is_loopback(host) and not loopback:
        return "is http, which only a stand-in for Slack on this machine may be: name its host in BRIDGE_SLACK_HOSTS"
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        return f"must start with https://: copy it anew from Slack, it looks like {LOOKS_LIKE}"
    if host not in hosts:
        return "has a host that may not be posted to: use a URL from Slack, or add its host to BRIDGE_SLACK_HOSTS"
    if "@" in parts.netloc or (port is not None and not loopback) or (parts.netloc.endswith(":")):
        return f"has a user or a port in front of its path: copy it anew from Slack, it looks like {LOOKS_LIKE}"
    if "?" in url or "#" in url:
        return f"has a `?` or `#` in it: copy it anew from Slack, it looks like {LOOKS_LIKE}"
    if parts.path.startswith(("/triggers/", "/workflows/")):
        return (
            "starts a Slack workflow, which takes variables and not messages: make an incoming webhook for the channel"
            " (api.slack.com/apps, Incoming Webhooks) and use its URL"
        )
    if not _is_webhook(parts):
        return f"has not the path of an incoming webhook: copy it anew from Slack, it looks like {LOOKS_LIKE}"
    return None


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_webhook(parts: SplitResult) -> bool:
    """Whether the path is ``/services/T…/B…/…``, or ``/T…/B…/…`` as an installation by OAuth hands it out."""
    steps = parts.path.removeprefix("/services").split("/")
    if len(steps) != 4 or steps[0] or not all(step.replace("_", "").isalnum() for step in steps[1:]):
        return False
    return steps[1].startswith("T") and steps[2].startswith("B")
