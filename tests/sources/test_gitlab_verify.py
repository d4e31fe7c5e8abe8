"""Tests that only requests of our GitLab verify. The Standard Webhooks library signs; our code only checks."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict
from standardwebhooks import Webhook

from bridge.events import Request
from bridge.sources import Unverified
from bridge.sources.gitlab.provider import PROVIDER

NOW = 1795392000.0
URL = "https://hooks.example.com/webhooks/gitlab"
SIGNING = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SIGNING = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
TOKEN = "s3cret-token"
BODY = '{"object_kind":"push","user_name":"J\\u00fcrgen \\u0026 co"}'
VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "signatures.json"


def signed(secret: str = SIGNING, at: float = NOW, body: str = BODY, token: str | None = None) -> Request:
    headers = {"X-Gitlab-Event": "Push Hook", "webhook-id": "d1", "webhook-timestamp": str(int(at))}
    headers["webhook-signature"] = Webhook(secret).sign("d1", datetime.fromtimestamp(at, UTC), body)
    if token is not None:
        headers["X-Gitlab-Token"] = token
    return Request("POST", URL, headers, body.encode())


def with_token(token: str) -> Request:
    headers = {"webhook-id": "d1", "webhook-timestamp": str(int(NOW)), "X-Gitlab-Token": token}
    return Request("POST", URL, headers, BODY.encode())


def refused(request: Request, *secrets: str, now: float = NOW) -> str:
    with pytest.raises(Unverified) as raised:
        PROVIDER.verify(request, secrets, now)
    return str(raised.value)


def test_a_signed_request_verifies_with_any_live_signing_token() -> None:
    PROVIDER.verify(signed(), [SIGNING], NOW)
    PROVIDER.verify(signed(OLD_SIGNING), [SIGNING, OLD_SIGNING], NOW)
    PROVIDER.verify(signed(), [TOKEN, SIGNING.rstrip("=") + "\n"], NOW)


def test_the_secret_token_verifies_with_any_live_one() -> None:
    PROVIDER.verify(with_token(TOKEN), [TOKEN], NOW)
    PROVIDER.verify(with_token("older"), [TOKEN, "older "], NOW)


@pytest.mark.parametrize("token", ["", " ", "nope", TOKEN + "x", TOKEN[:-1], TOKEN.upper()])
def test_any_other_secret_token_is_refused(token: str) -> None:
    refused(with_token(token), TOKEN)


def test_without_a_token_header_nothing_verifies() -> None:
    assert refused(Request("POST", URL, {}, b"{}"), TOKEN) == "x-gitlab-token is missing"


def test_the_reason_names_a_signing_token_that_only_the_webhook_has() -> None:
    assert "the hook has a signing token" in refused(signed(), TOKEN)


def test_a_configured_signing_token_makes_the_signature_required() -> None:
    assert "webhook-signature is missing" in refused(with_token(TOKEN), SIGNING, TOKEN)
    assert "webhook-signature is missing" in refused(with_token(SIGNING), SIGNING)


def test_a_right_secret_token_never_rescues_a_wrong_signature() -> None:
    good = signed(token=TOKEN)
    PROVIDER.verify(good, [SIGNING, TOKEN], NOW)
    for signature in ("v1,AAAA", "", "v1", "v2," + good.headers["webhook-signature"][3:]):
        refused(Request("POST", URL, {**good.headers, "webhook-signature": signature}, good.body), SIGNING, TOKEN)


def test_a_signing_token_that_cannot_be_used_does_not_open_the_other_door() -> None:
    refused(with_token(TOKEN), "whsec_broken", TOKEN)
    refused(signed(token=TOKEN), "whsec_broken", TOKEN)


def test_the_undecoded_signing_token_is_not_the_key() -> None:
    undecoded = base64.b64encode(SIGNING.encode()).decode()
    refused(signed(undecoded), SIGNING)


@pytest.mark.parametrize("off", [-301, 301])
def test_stale_and_early_requests_are_refused(off: int) -> None:
    assert "off our clock" in refused(signed(at=NOW + off), SIGNING)


def test_a_changed_body_is_refused() -> None:
    good = signed()
    again = json.dumps(json.loads(good.body)).encode()
    assert again != good.body
    refused(Request("POST", URL, good.headers, again), SIGNING)


@pytest.mark.parametrize("name", sorted(PROVIDER.signature_headers))
@pytest.mark.parametrize("secret", [SIGNING, TOKEN])
def test_a_signature_header_that_comes_twice_is_refused(name: str, secret: str) -> None:
    headers = CIMultiDict({**signed().headers, "X-Gitlab-Token": TOKEN})
    PROVIDER.verify(Request("POST", URL, headers, BODY.encode()), [secret], NOW)
    headers.add(name, headers[name])
    assert refused(Request("POST", URL, headers, BODY.encode()), secret) == f"{name} was sent twice"


@pytest.mark.parametrize("secrets", [[], [""], ["", "  \n"]])
def test_nothing_configured_means_nothing_verifies(secrets: Sequence[str]) -> None:
    for request in (with_token(""), with_token(" "), signed(), Request("POST", URL, {}, b"")):
        with pytest.raises(Unverified):
            PROVIDER.verify(request, secrets, NOW)


@pytest.mark.parametrize(
    "as_text",
    [
        lambda token: token,
        lambda token: token.encode().decode("latin-1"),
        lambda token: token.encode().decode("ascii", "surrogateescape"),
    ],
    ids=["utf-8", "latin-1", "surrogateescape"],
)
def test_a_token_of_any_letters_verifies_however_the_server_decoded_the_header(as_text: object) -> None:
    assert callable(as_text)
    PROVIDER.verify(with_token(as_text("tökén-😀")), ["tökén-😀"], NOW)
    refused(with_token(as_text("tokén-😀")), "tökén-😀")


def test_no_reason_shows_a_secret_or_the_presented_value() -> None:
    for request in (with_token("presented-1"), signed(OLD_SIGNING), signed(at=NOW - 999)):
        for secrets in ([TOKEN], [SIGNING], [SIGNING, TOKEN]):
            reason = refused(request, *secrets)
            assert not any(shown in reason for shown in (TOKEN, SIGNING, SIGNING[6:20], "presented-1"))


@pytest.mark.parametrize("secret", [TOKEN, SIGNING, SIGNING.rstrip("="), f" {SIGNING}\n", "tökén", "a b"])
def test_good_secrets_pass_the_check(secret: str) -> None:
    assert PROVIDER.check_secret(secret) is None


@pytest.mark.parametrize("secret", ["", "  ", "whsec_", "whsec_QUJD", "whsec_" + "?" * 44, "a\nb", "a\x00b", "a\ud800"])
def test_secrets_that_cannot_work_are_named_without_being_shown(secret: str) -> None:
    wrong = PROVIDER.check_secret(secret)
    assert wrong is not None
    assert "\n" not in str(wrong)
    assert "QUJD" not in str(wrong)
    assert "???" not in str(wrong)


_HEADERS = st.dictionaries(
    st.sampled_from([*sorted(PROVIDER.signature_headers), "x-gitlab-event"]),
    st.text(st.characters(), max_size=80) | st.sampled_from([str(int(NOW)), "v1,", "v1, v1,x", "nan", "1e9", "-5"]),
)


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(_HEADERS, st.lists(st.text(st.characters(), max_size=60), max_size=3), st.binary(max_size=60))
@example({"x-gitlab-token": "\ud800"}, ["\ud800", "\udcff"], b"")
@example({"webhook-signature": "v1," + "é" * 40, "webhook-id": "1", "webhook-timestamp": "²"}, [SIGNING], b"\xff")
def test_only_unverified_is_raised(headers: Mapping[str, str], secrets: Sequence[str], body: bytes) -> None:
    for live in (secrets, [SIGNING, *secrets], [TOKEN]):
        try:
            PROVIDER.verify(Request("POST", URL, headers, body), live, NOW)
        except Unverified:
            continue
        assert SIGNING not in live  # there is no signature
        assert any(s.strip() for s in live)


def test_a_huge_signature_header_is_refused_in_good_time() -> None:
    good = signed()
    refused(Request("POST", URL, {**good.headers, "webhook-signature": "v1,x " * 12_000}, good.body), SIGNING)


@pytest.mark.skipif(not VECTORS.is_file(), reason="the shared signature vectors are not beside this checkout")
def test_shared_vectors() -> None:
    read = json.loads(VECTORS.read_text("utf-8"))
    vectors = [v for v in (read if isinstance(read, list) else read["vectors"]) if v["scheme"] == "gitlab"]
    assert vectors
    for vector in vectors:
        request = Request(vector["method"], vector["url"], vector["headers"], vector["body"].encode())
        secrets = [s for s in (vector["secret"]["signing_token"], vector["secret"]["secret_token"]) if s is not None]
        try:
            PROVIDER.verify(request, secrets, float(vector["now"]))
            valid = True
        except Unverified:
            valid = False
        assert valid == vector["strict_valid"], vector["id"]
