"""Stripe: snapshot events (`invoice.paid`, the whole object with it) and thin events (`v1.invoice.paid`, only a name).

Everything is in the signed body: type, id, mode and account. Stripe docs, "Receive Stripe events in your webhook
endpoint", https://docs.stripe.com/webhooks.
"""

from bridge.sources.provider import Provider, json_answer
from bridge.sources.stripe.events import events
from bridge.sources.stripe.line import line
from bridge.sources.stripe.request import request_for
from bridge.sources.stripe.verify import SIGNATURE_HEADER, check_secret, verify

MAX_BODY = 4 * 1024 * 1024
"""Bytes. Stripe publishes no limit (looked for in https://docs.stripe.com/webhooks and
https://docs.stripe.com/event-destinations). An event is below 100 kB as a rule: this is forty times as much.
"""

PROVIDER = Provider(
    name="stripe",
    verify=verify,
    events=events,
    line=line,
    request_for=request_for,
    answer=json_answer,
    check_secret=check_secret,
    type_of_sample=str,
    methods=frozenset({"POST"}),
    max_body=MAX_BODY,
    dedupe_ttl=72 * 3600.0,  # Stripe retries for up to three days
    signature_headers=frozenset({SIGNATURE_HEADER}),
    kept_headers=frozenset(),
)
