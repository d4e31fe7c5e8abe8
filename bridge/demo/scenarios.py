"""The demo's scenarios: requests of each provider, and their expected results."""

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
"""Secrets shared by the demo's bridge and its providers. They protect nothing: the demo listens on loopback only."""
PUBLIC_URL = "https://hooks.example.com"
"""The URL that the providers call, as behind a proxy that ends TLS: Twilio signs it."""
CHANNELS = ("deploys", "payments", "orders", "support")
SLOW_CHANNEL = "payments"
"""The simulated Slack answers this channel's first post with 429."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One request and its expected result."""

    provider: str
    type: str
    note: str
    """The special property of the request, or ""."""
    request: Request
    status: int
    """The expected HTTP status."""
    result: str
    """The expected result, such as `delivered to #channel`."""


def scenarios(now: float) -> Sequence[Scenario]:
    """Return every scenario in order. ``now`` is in Unix seconds."""
    return (
        _valid("gitlab", "push", "deploys", now),
        _valid("gitlab", "merge_request.open", "deploys", now),
        _valid("gitlab", "pipeline.failed", "deploys", now),
        replace(
            _valid("stripe", "charge.failed", "payments", now),
            note="Slack says 429 at first",
            result="delivered to #payments, at the second try",
        ),
        _valid("stripe", "invoice.paid", "payments", now),
        _valid("stripe", "charge.dispute.created", "payments", now),
        _valid("shopify", "orders/create", "orders", now),
        _valid("shopify", "refunds/create", "orders", now),
        _valid("shopify", "fulfillments/create", "orders", now),
        _valid("twilio", "message.received", "support", now),
        _valid("twilio", "message.undelivered", "support", now),
        _valid("twilio", "call.no-answer", "support", now),
        replace(
            _valid("shopify", "orders/create", "orders", now),
            note="sent a second time",
            result="duplicate",
        ),
        _forged(now),
        _stale(now),
        replace(_valid("twilio", "message.sent", "support", now), note="no matching route", result="ignored"),
    )


def signed(provider: str, event_type: str, now: float, body: bytes | None = None) -> Request:
    """Return a sample as the provider would send it, signed with the demo's secret; ``body`` replaces its bytes."""
    sample = samples()[f"{provider}/{event_type}"]
    url = f"{PUBLIC_URL}/webhooks/{provider}"
    return PROVIDERS[provider].request_for(event_type, body or sample.body, SECRETS[provider], now, url=url)


def _valid(provider: str, event_type: str, channel: str, now: float) -> Scenario:
    return Scenario(provider, event_type, "", signed(provider, event_type, now), 200, f"delivered to #{channel}")


def _forged(now: float) -> Scenario:
    """Return a request from an attacker who knows the address but not the secret."""
    sample = samples()["gitlab/merge_request.merge"]
    request = PROVIDERS["gitlab"].request_for(sample.type, sample.body, "a guess at the secret", now)
    return Scenario("gitlab", sample.type, "forged: a wrong token", request, 401, "rejected")


def _stale(now: float) -> Scenario:
    """Return the replay of a request that was signed an hour ago."""
    return Scenario(
        "stripe",
        "payout.paid",
        "stale: signed an hour ago",
        signed("stripe", "payout.paid", now - 3600),
        401,
        "rejected",
    )
