"""Shopify: classic webhooks (`orders/create`) and Next-Gen Events (`Product/create`).

Shopify signs only the body: the topic, the shop and every id are headers, and anyone with one old delivery can rewrite
them. So one key is a digest of topic and body, and no header can redirect a link.
"""

from bridge.sources.provider import Provider, json_answer
from bridge.sources.shopify.events import KEPT_HEADERS, events
from bridge.sources.shopify.line import line
from bridge.sources.shopify.request import request_for, type_of_sample
from bridge.sources.shopify.verify import HMAC_HEADERS, check_secret, verify

MAX_BODY = 10 * 1024 * 1024
"""Bytes. Shopify publishes no limit for HTTPS, and deletes a subscription after eight failed deliveries. Its staff name
"upwards of a megabyte" (https://community.shopify.com/c/Shopify-APIs-SDKs/Webhook-requests-exceed-max-size/m-p/144434).
A fulfilled order of 500 lines is 1.44 MB, and a draft order has at most 499
(https://shopify.dev/changelog/draft-order-line-item-limit): this is seven times as much.
"""

PROVIDER = Provider(
    name="shopify",
    verify=verify,
    events=events,
    line=line,
    request_for=request_for,
    answer=json_answer,
    check_secret=check_secret,
    type_of_sample=type_of_sample,
    methods=frozenset({"POST"}),
    max_body=MAX_BODY,
    dedupe_ttl=24 * 3600.0,  # Shopify retries for 4 h, and deliveries may be up to about a day late
    content_ttl=120.0,  # two subscriptions to one topic send it within seconds, and stock may be the same again soon
    signature_headers=frozenset(HMAC_HEADERS),
    kept_headers=KEPT_HEADERS,
)
