"""The demo's acts: what each provider sends, and what must become of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.events import Request
from bridge.samples import samples
from bridge.sources import PROVIDERS

SECRETS = {
    "gitlab": "demo-secret-token-of-gitlab",
    "stripe": "whsec_demo_secret_of_stripe",
    "shopify": "demo-client-secret-of-shopify",
    "twilio": "0123456789abcdef0123456789abcdef",
}
"""What the demo's bridge and its players share. They open nothing: the demo listens on loopback only."""
PUBLIC_URL = "https://hooks.example.com"
"""What the providers believe they call, as behind a proxy that ends TLS: Twilio signs it."""
CHANNELS = ("deploys", "payments", "orders", "support")
SLOW_CHANNEL = "payments"
"""Answers its first post with 429."""


@dataclass(frozen=True, slots=True)
class Act:
    """One request and what must become of it."""

    provider: str
    type: str
    told: str
    """What is special about the request, "" if nothing is."""
    request: Request
    status: int
    """The HTTP status that must come."""
    became: str
    """`delivered to #channel`, or what else must become of it."""


def acts(now: float) -> Sequence[Act]:
    """Every act in order. ``now`` is in Unix seconds."""
    return (
        _good("gitlab", "push", "deploys", now),
        _good("gitlab", "merge_request.open", "deploys", now),
        _good("gitlab", "pipeline.failed", "deploys", now),
        replace(
            _good("stripe", "charge.failed", "payments", now),
            told="Slack says 429 at first",
            became="delivered to #payments, at the second try",
        ),
        _good("stripe", "invoice.paid", "payments", now),
        _good("stripe", "charge.dispute.created", "payments", now),
        _good("shopify", "orders/create", "orders", now),
        _good("shopify", "refunds/create", "orders", now),
        _good("shopify", "fulfillments/create", "orders", now),
        _good("twilio", "message.received", "support", now),
        _good("twilio", "message.undelivered", "support", now),
        _good("twilio", "call.no-answer", "support", now),
        replace(
            _good("shopify", "orders/create", "orders", now),
            told="sent a second time",
            became="known already: duplicate",
        ),
        _forged(now),
        _stale(now),
        replace(_good("twilio", "message.sent", "support", now), told="no route wants it", became="ignored"),
    )


def signed(provider: str, event_type: str, now: float, body: bytes | None = None) -> Request:
    """A sample as the provider would send it, signed with the demo's secret; ``body`` stands in for its bytes."""
    sample = samples()[f"{provider}/{event_type}"]
    url = f"{PUBLIC_URL}/webhooks/{provider}"
    return PROVIDERS[provider].request_for(event_type, body or sample.body, SECRETS[provider], now, url=url)


def _good(provider: str, event_type: str, channel: str, now: float) -> Act:
    return Act(provider, event_type, "", signed(provider, event_type, now), 200, f"delivered to #{channel}")


def _forged(now: float) -> Act:
    """Somebody who knows the address and not the secret."""
    sample = samples()["gitlab/merge_request.merge"]
    request = PROVIDERS["gitlab"].request_for(sample.type, sample.body, "a guess at the secret", now)
    return Act("gitlab", sample.type, "forged: a wrong token", request, 401, "turned away")


def _stale(now: float) -> Act:
    """Somebody who sends what he recorded an hour ago."""
    return Act(
        "stripe",
        "payout.paid",
        "stale: signed an hour ago",
        signed("stripe", "payout.paid", now - 3600),
        401,
        "turned away",
    )
