"""Tests of the Standard Webhooks scheme, with requests signed by its own library."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook

from bridge.events import Request
from bridge.sources import Unverified, standard_webhooks

NOW = 1795392000.0
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "signatures.json"


def signed(body: bytes = b'{"a":1}', secret: str = SECRET, at: float = NOW, webhook_id: str = "msg_1") -> Request:
    """Return a request signed by the scheme's library."""
    signature = Webhook(secret).sign(webhook_id, datetime.fromtimestamp(at, UTC), body.decode())
    headers = {"webhook-id": webhook_id, "webhook-timestamp": str(int(at)), "webhook-signature": signature}
    return Request("POST", "https://hooks.example.com", headers, body)


def changed(request: Request, **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(request.method, request.url, {**request.headers, **named}, request.body)


def keys(*secrets: str) -> list[bytes]:
    return [key for secret in secrets if (key := standard_webhooks.decode_key(secret)) is not None]


def refused(request: Request, now: float = NOW, secret: str = SECRET) -> str:
    with pytest.raises(Unverified) as raised:
        standard_webhooks.verify(request, keys(secret), now)
    return str(raised.value)


def test_a_signature_of_the_library_verifies() -> None:
    standard_webhooks.verify(signed(), keys(SECRET), NOW)
    standard_webhooks.verify(signed('{"name": "Zoë"}'.encode()), keys(SECRET), NOW)


def test_the_library_verifies_our_signature() -> None:
    body = b'{"a": 1}'
    (key,) = keys(SECRET)
    now = datetime.now(UTC)
    timestamp = str(int(now.timestamp()))
    signature = standard_webhooks.sign(key, b"msg_2", timestamp.encode(), body).decode()
    headers = {"webhook-id": "msg_2", "webhook-timestamp": timestamp, "webhook-signature": signature}
    assert Webhook(SECRET).verify(body.decode(), headers) == {"a": 1}


def test_any_live_key_will_do() -> None:
    standard_webhooks.verify(signed(secret=OTHER), keys(SECRET, OTHER), NOW)


def test_body_id_and_timestamp_are_all_signed() -> None:
    good = signed()
    assert "no v1 signature" in refused(Request("POST", good.url, good.headers, good.body + b" "))
    assert "no v1 signature" in refused(changed(good, webhook_id="msg_2"))
    assert "no v1 signature" in refused(changed(good, webhook_timestamp=str(int(NOW) + 1)))
    assert "no v1 signature" in refused(changed(good, webhook_timestamp="0" + str(int(NOW))))
    assert "no v1 signature" in refused(good, secret=OTHER)


@pytest.mark.parametrize("off", [-301, 301, 86400, -86400 * 365])
def test_a_timestamp_outside_the_window_is_refused_even_if_signed(off: int) -> None:
    assert "off our clock" in refused(signed(at=NOW + off))


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_a_timestamp_at_the_edge_of_the_window_passes(off: int) -> None:
    standard_webhooks.verify(signed(at=NOW + off), keys(SECRET), NOW)


@pytest.mark.parametrize("missing", standard_webhooks.HEADERS)
def test_each_header_is_needed(missing: str) -> None:
    good = signed()
    without = {name: value for name, value in good.headers.items() if name != missing}
    assert refused(Request("POST", good.url, without, good.body)) == f"{missing} is missing"
    assert refused(changed(good, **{missing.replace("-", "_"): ""})) == f"{missing} is empty"


def test_of_a_list_only_v1_entries_count_and_bad_ones_are_passed_over() -> None:
    good = signed()
    signature = good.headers["webhook-signature"]
    standard_webhooks.verify(changed(good, webhook_signature=f"v1 v1,,, x  v1a,abc {signature}"), keys(SECRET), NOW)
    for relabelled in ("v1a," + signature[3:], "v2," + signature[3:], signature[3:], "V1," + signature[3:], "v1"):
        assert "no v1 signature" in refused(changed(good, webhook_signature=relabelled))


def test_without_a_key_nothing_verifies() -> None:
    with pytest.raises(Unverified):
        standard_webhooks.verify(signed(), [], NOW)


@pytest.mark.parametrize(
    "secret", ["whsec_", "", "whsec_????", "whsec_QUJD", "whsec_" + "A" * 200, "whsec_Zoë", "whsec_\ud800"]
)
def test_an_invalid_key_is_not_taken_for_one(secret: str) -> None:
    assert standard_webhooks.decode_key(secret) is None


def test_prefix_and_padding_may_be_missing() -> None:
    assert standard_webhooks.decode_key(SECRET) == bytes(range(32))
    assert standard_webhooks.decode_key(SECRET.removeprefix("whsec_")) == bytes(range(32))
    assert standard_webhooks.decode_key(SECRET.rstrip("=") + "\n") == bytes(range(32))


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(standard_webhooks.HEADERS), st.text(max_size=60)), st.binary(max_size=40))
def test_hostile_requests_are_refused_and_nothing_else(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(Unverified):
        standard_webhooks.verify(Request("POST", "https://x", headers, body), keys(SECRET), NOW)


@pytest.mark.skipif(not VECTORS.is_file(), reason="the shared signature vectors are not beside this checkout")
def test_shared_vectors() -> None:
    read = json.loads(VECTORS.read_text("utf-8"))
    vectors = [v for v in (read if isinstance(read, list) else read["vectors"]) if v["scheme"] == "standard"]
    assert vectors
    for vector in vectors:
        request = Request(vector["method"], vector["url"], vector["headers"], vector["body"].encode())
        try:
            standard_webhooks.verify(request, keys(vector["secret"]), float(vector["now"]))
            valid = True
        except Unverified:
            valid = False
        assert valid == vector["strict_valid"], vector["id"]
