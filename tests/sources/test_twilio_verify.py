"""Tests that only requests of Twilio verify. The official SDK signs; our code only checks."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import MultiDict
from twilio.request_validator import RequestValidator

from bridge.events import Request
from bridge.sources import Unverified
from bridge.sources.twilio.provider import PROVIDER

TOKEN = "0123456789abcdef0123456789abcdef"
URL = "https://hooks.example.com/webhooks/twilio"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
PAIRS = [("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("To", "+12025550142"), ("FromZip", "")]
VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "signatures.json"


def signature(url: str, pairs: Iterable[tuple[str, str]] = (), token: str = TOKEN, algorithm: str | None = None) -> str:
    return cast("str", RequestValidator(token).compute_signature(url, MultiDict(list(pairs)), algorithm))


def form(
    pairs: Iterable[tuple[str, str]] = PAIRS,
    *,
    url: str = URL,
    signed: str = "",
    headers: Mapping[str, str] | None = None,
) -> Request:
    """Return a form, signed for ``signed`` or else for the called URL."""
    pairs = list(pairs)
    named = {"Content-Type": FORM, "X-Twilio-Signature": signature(signed or url, pairs)}
    return Request("POST", url, {**named, **(headers or {})}, urlencode(pairs).encode())


def with_hash(body: bytes, url: str = URL) -> str:
    return f"{url}{'&' if '?' in url else '?'}bodySHA256={hashlib.sha256(body).hexdigest()}"


def sent(method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Request:
    """Return a request with only its URL signed."""
    return Request(method, url, {"X-Twilio-Signature": signature(url), **(headers or {})}, body)


def accepted(request: Request, *secrets: str) -> bool:
    try:
        PROVIDER.verify(request, secrets or (TOKEN,), 0.0)
    except Unverified:
        return False
    return True


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared signature vectors are not beside this checkout")
def test_every_shared_vector_gets_its_verdict() -> None:
    vectors = [v for v in json.loads(VECTORS.read_text("utf-8")) if v["scheme"] == "twilio"]
    assert vectors
    for vector in vectors:
        request = Request(vector["method"], vector["url"], vector["headers"], vector["body"].encode())
        assert accepted(request, vector["secret"]) is vector["strict_valid"], vector["id"]


def test_the_worked_example_of_twilios_security_page_is_accepted() -> None:
    pairs = [
        ("Digits", "1234"),
        ("To", "+18005551212"),
        ("From", "+14158675310"),
        ("Caller", "+14158675310"),
        ("CallSid", "CA1234567890ABCDE"),
    ]
    request = Request(
        "POST",
        "https://example.com/myapp.php?foo=1&bar=2",
        {"content-type": FORM, "x-twilio-signature": "L/OH5YylLD5NRKLltdqwSvS0BnU="},
        urlencode(pairs).encode(),
    )
    assert accepted(request, "12345")


@pytest.mark.thorough
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1, max_size=8), st.text(max_size=20)), min_size=1, max_size=8))
def test_any_form_that_the_sdk_signs_is_accepted(pairs: list[tuple[str, str]]) -> None:
    assert accepted(form(pairs))


def test_a_changed_added_or_dropped_parameter_is_refused() -> None:
    good = form()
    for pairs in ([*PAIRS[:-1]], [*PAIRS, ("Extra", "")], [*PAIRS[:2], ("To", "+12025550143"), PAIRS[3]]):
        assert not accepted(Request("POST", URL, good.headers, urlencode(pairs).encode()))


@pytest.mark.parametrize(
    ("called", "signed"),
    [
        (URL, "https://hooks.example.com:443/webhooks/twilio"),
        ("http://hooks.example.com/t?a=1", "http://hooks.example.com:80/t?a=1"),
        ("https://hooks.example.com:8443/t", "https://hooks.example.com/t"),
        ("https://hooks.example.com:8443/t", "https://hooks.example.com:8443/t"),
        ("https://user:pass@hooks.example.com/t?a=b@c", "https://hooks.example.com/t?a=b@c"),
        ("https://user:p%40ss@hooks.example.com:8443/t", "https://hooks.example.com/t"),
        ("https://hooks.example.com/t#rc=3&rp=all", "https://hooks.example.com/t"),
        ("https://[2001:db8::1]/t", "https://[2001:db8::1]:443/t"),
        ("https://[2001:db8::1]:8443/t", "https://[2001:db8::1]/t"),
        ("https://hooks.example.com?a=1", "https://hooks.example.com:443?a=1"),
        ("https://hooks.example.com/t?x=a%20b&y=%2f//'+", "https://hooks.example.com/t?x=a%20b&y=%2f//'+"),
    ],
)
def test_port_user_and_fragment_may_differ_as_twilio_makes_them(called: str, signed: str) -> None:
    assert accepted(form(url=called, signed=signed))
    assert accepted(Request("GET", called, {"X-Twilio-Signature": signature(signed)}, b""))


@pytest.mark.parametrize(
    "signed",
    [
        "http://hooks.example.com/webhooks/twilio",
        "https://hooks.example.com/webhooks/twilio/",
        "https://hooks.example.com:8443/webhooks/twilio",
        "https://hooks.example.com/webhooks/twilio?",
        "https://HOOKS.example.com/webhooks/twilio",
        "https://10.0.0.5:8080/webhooks/twilio",
    ],
)
def test_any_other_difference_of_the_url_is_refused(signed: str) -> None:
    assert not accepted(form(signed=signed))


def test_a_get_is_signed_by_its_url_alone() -> None:
    url = f"{URL}?CallSid=CA1&CallStatus=busy&From=%2B12025550142"
    assert accepted(sent("GET", url))
    appended = signature(url, [("CallSid", "CA1"), ("CallStatus", "busy"), ("From", "+12025550142")])
    assert not accepted(Request("GET", url, {"X-Twilio-Signature": appended}, b""))


def test_json_needs_its_hash_in_the_signed_url() -> None:
    body = b'[{"type": "com.twilio.messaging.message.sent", "id": "EZ1"}]'
    headers = {"Content-Type": "application/json"}
    assert accepted(sent("POST", with_hash(body), body, headers))
    assert accepted(sent("POST", with_hash(body, f"{URL}?foo=1"), body, headers))
    assert not accepted(sent("POST", URL, body, headers)), "the URL is right, but nothing signs the body"
    assert not accepted(sent("POST", with_hash(body), body + b" ", headers))
    assert not accepted(sent("POST", with_hash(body).replace("bodySHA256", "BodySHA256"), body, headers))
    upper = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest().upper()}"
    assert not accepted(sent("POST", upper, body, headers))
    twice = with_hash(b"another", with_hash(body))
    assert not accepted(sent("POST", twice, body, headers)), "two hashes: which one is meant?"


def test_no_content_type_gets_an_unsigned_body_in() -> None:
    body = b'{"MessageSid": "SM1"}'
    for content_type in ("", "application/json", "text/plain", "multipart/form-data; boundary=x", FORM, FORM.upper()):
        request = sent("POST", URL, body, {"Content-Type": content_type})
        assert not accepted(request), content_type
    assert not accepted(sent("POST", URL, body))
    assert not accepted(sent("GET", URL, body)), "a GET brings no body of its own"


def test_a_signed_json_request_cannot_be_dressed_up_as_a_get_or_as_a_form() -> None:
    body = b'[{"type": "a", "id": "EZ1"}]'
    good = sent("POST", with_hash(body), body, {"Content-Type": "application/json"})
    assert accepted(good)
    assert not accepted(Request("GET", good.url, good.headers, b""))
    as_form = {**good.headers, "Content-Type": FORM}
    assert not accepted(Request("POST", good.url, as_form, body))


def test_a_form_of_half_a_million_parameters_is_refused_before_the_work() -> None:
    pairs = [(f"p{number}", "") for number in range(1002)]
    assert not accepted(form(pairs))


def test_bytes_that_are_not_utf_8_are_signed_as_they_came() -> None:
    signed = signature(URL, [("Body", "\N{REPLACEMENT CHARACTER}")])
    headers = {"Content-Type": FORM, "X-Twilio-Signature": signed}
    assert accepted(Request("POST", URL, headers, b"Body=%EF%BF%BD"))
    assert not accepted(Request("POST", URL, headers, b"Body=%FF")), "two bodies must not share a signature"


@pytest.mark.parametrize("value", ["", " ", "x", "é", "A\udcff", "A\ud800x", "A" * 60_000, signature(URL) + "\x00"])
def test_a_signature_header_of_any_other_kind_is_refused(value: str) -> None:
    assert not accepted(form(headers={"X-Twilio-Signature": value}))


def test_a_missing_or_repeated_header_is_refused() -> None:
    good = form()
    assert accepted(good)
    assert not accepted(Request("POST", URL, {"Content-Type": FORM}, good.body))
    twice = MultiDict([*good.headers.items(), ("x-twilio-signature", good.headers["X-Twilio-Signature"])])
    assert not accepted(Request("POST", URL, twice, good.body))
    settings_twice = MultiDict(shared_key_request(key="K1").headers)
    settings_twice.add("x-twilio-webhooks-signature-settings", "key=K1,algorithm=HMAC_SHA256")
    assert not accepted(Request("POST", URL, settings_twice, good.body), "K1:shared-secret")


def shared_key_request(key: str = "K1", algorithm: str = "HMAC_SHA256", settings_: str | None = None) -> Request:
    signed = signature(URL, PAIRS, "shared-secret", algorithm)
    named = f"key={key},algorithm={algorithm}" if settings_ is None else settings_
    return form(headers={"X-Twilio-Signature": signed, "X-Twilio-Webhooks-Signature-Settings": named})


def test_a_shared_key_signs_with_either_hash_under_its_own_id() -> None:
    for algorithm in ("HMAC_SHA256", "HMAC_SHA1"):
        request = shared_key_request(algorithm=algorithm)
        assert accepted(request, "K1:shared-secret")
        assert accepted(request, "shared-secret"), "a secret without an id serves any SharedKey"
        assert accepted(request, TOKEN, "K0:other", "K1:shared-secret")
        assert not accepted(request, "K2:shared-secret"), "an id serves that id only"
        assert not accepted(request, TOKEN)


def test_a_secret_with_an_id_never_serves_auth_token_signatures() -> None:
    assert accepted(form(), TOKEN)
    assert not accepted(form(), f"K1:{TOKEN}")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        "algorithm=HMAC_SHA256",
        "key=K1",
        "key=,algorithm=HMAC_SHA256",
        "key=K1,algorithm=",
        "key=K1,algorithm=HMAC_MD5",
        "key=K1,algorithm=none",
        "key=K1,algorithm=hmac_sha256",
        "key=K1,key=K2,algorithm=HMAC_SHA256",
        "key=K1,algorithm=HMAC_SHA256,algorithm=HMAC_SHA1",
        "key=K1\udcff,algorithm=\ud800",
    ],
)
def test_settings_that_state_anything_else_are_refused(value: str) -> None:
    assert not accepted(shared_key_request(settings_=value), "shared-secret", "K1:shared-secret")


def test_any_of_several_live_secrets_will_do_and_blank_ones_never() -> None:
    assert accepted(form(), "old", TOKEN)
    assert accepted(form(), f" {TOKEN}\n")
    assert not accepted(form(), "old", "older")
    for secrets in ((), ("",), ("  ",), (":",), ("K1:",), (":x",)):
        with pytest.raises(Unverified):
            PROVIDER.verify(form(), secrets, 0.0)
    blank = form(headers={"X-Twilio-Signature": signature(URL, PAIRS, "")})
    assert not accepted(blank, "", "K1:", ":")


_text = st.text(st.characters(), max_size=60)
_urls = st.one_of(
    _text,
    st.sampled_from(
        [URL, "https://h:port/x", "https://[::1", "//h/p", "h", "https://", "http://@:/", "https://h:99999999/?a=%zz"]
    ),
    st.builds("https://{}/{}?{}".format, _text, _text, _text),
)
_headers = st.dictionaries(
    st.sampled_from(
        ["X-Twilio-Signature", "x-twilio-signature", "Content-Type", "X-Twilio-Webhooks-Signature-Settings", "X-Else"]
    ),
    st.one_of(_text, st.sampled_from([FORM, "application/json", "key=K1,algorithm=HMAC_SHA1"])),
)


@pytest.mark.thorough
@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PUT", ""]), _urls, _headers, st.binary(max_size=200), st.lists(_text, max_size=3)
)
def test_nothing_but_unverified_is_raised(
    method: str, url: str, headers: dict[str, str], body: bytes, secrets: list[str]
) -> None:
    with pytest.raises(Unverified):
        PROVIDER.verify(Request(method, url, headers, body), secrets, 0.0)
