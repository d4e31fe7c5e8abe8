"""Tests of Stripe's signatures. Requests are signed with Stripe's own library."""

import json
from pathlib import Path

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from bridge.core.payload import map_at, text_at, true_at
from bridge.events import Request
from bridge.sources import Unverified
from bridge.sources.stripe.provider import PROVIDER

NOW = 1_795_392_000.0
SECRET = "whsec_4uPq9TzExampleExampleExample01"
OTHER = "whsec_7bWn2RcExampleExampleExample02"
BODY = '{\n  "id": "evt_1",\n  "object": "event",\n  "type": "charge.failed",\n  "note": "Café № 5"\n}'
VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors" / "signatures.json"


def signed(body: str = BODY, secret: str = SECRET, at: float = NOW) -> str:
    header = stripe.WebhookSignature.generate_signature_header(body, secret, timestamp=int(at))
    assert isinstance(header, str)
    return header


def v1(body: str = BODY, secret: str = SECRET, at: float = NOW) -> str:
    return signed(body, secret, at).partition(",")[2]


def request(*signatures: str, body: bytes = BODY.encode()) -> Request:
    headers = CIMultiDict([("Stripe-Signature", signature) for signature in signatures])
    return Request("POST", "https://hooks.example.com/webhooks/stripe", headers, body)


def refusal(asked: Request, *secrets: str, now: float = NOW) -> str:
    with pytest.raises(Unverified) as refused:
        PROVIDER.verify(asked, secrets or (SECRET,), now)
    assert SECRET not in str(refused.value)
    return str(refused.value)


def test_a_request_signed_by_stripes_library_is_accepted() -> None:
    PROVIDER.verify(request(signed()), [SECRET], NOW)


def test_one_good_v1_is_enough_while_a_secret_is_rolled() -> None:
    PROVIDER.verify(request(f"{signed(secret=OTHER)},{v1()}"), [SECRET], NOW)
    PROVIDER.verify(request(f"{v1()},t={NOW:.0f},{v1(secret=OTHER)}"), [SECRET], NOW)
    PROVIDER.verify(request(signed(secret=OTHER)), [SECRET, OTHER], NOW)


def test_blanks_around_the_secret_and_the_entries_are_not_part_of_them() -> None:
    PROVIDER.verify(request(f" {signed().replace(',', ', ')} "), [f" {SECRET}\n"], NOW)


def test_a_made_up_v0_and_unknown_schemes_are_passed_over() -> None:
    PROVIDER.verify(request(f"v0={'0' * 64},{signed()},v2=x,stray,=,"), [SECRET], NOW)


@pytest.mark.parametrize("scheme", ["v0", "v2", "V1", "v01", " v11", "v1 "])
def test_only_v1_counts(scheme: str) -> None:
    assert refusal(request(signed().replace("v1=", f"{scheme}="))) == "no v1 signature in stripe-signature"


@pytest.mark.parametrize("off", [-300, -299, 0, 299, 300])
def test_five_minutes_in_either_direction_are_accepted(off: int) -> None:
    PROVIDER.verify(request(signed(at=NOW + off)), [SECRET], NOW)


@pytest.mark.parametrize("off", [-301, 301, -86_400, 3600, 31_536_000])
def test_more_than_five_minutes_in_either_direction_are_rejected_with_a_valid_signature(off: int) -> None:
    assert refusal(request(signed(at=NOW + off))).endswith("s off our clock")


@pytest.mark.parametrize(
    "stamp", ["", "-1795392000", "+1795392000", "1795392000.0", "١٧٩٥٣٩٢٠٠٠", "nan", "1e9", "9" * 60]
)
def test_a_timestamp_is_digits_only(stamp: str) -> None:
    assert refusal(request(f"t={stamp},{v1()}")) == "the timestamp is not a number of seconds"


def test_a_timestamp_is_signed_as_it_was_written() -> None:
    assert refusal(request(f"t=0{NOW:.0f},{v1()}")) == "no v1 signature matches"


@pytest.mark.parametrize(
    "header",
    [
        f"t={NOW:.0f},t={NOW + 1:.0f},{v1()}",
        f"t={NOW + 1:.0f},t={NOW:.0f},{v1()}",
        f"t={NOW:.0f},t={NOW:.0f},{v1()}",
        v1(),
    ],
    ids=["another behind", "another before", "the same twice", "none"],
)
def test_there_is_exactly_one_timestamp(header: str) -> None:
    assert "timestamps, and must have one" in refusal(request(header))


def test_a_header_that_comes_twice_is_refused_even_if_both_are_right() -> None:
    assert refusal(request(signed(), signed())) == "stripe-signature was sent twice"


def test_a_missing_and_an_empty_header_are_refused() -> None:
    assert refusal(request()) == "stripe-signature is missing"
    assert refusal(request(" ")) == "stripe-signature is empty"


def test_a_changed_body_another_secret_and_another_time_do_not_match() -> None:
    assert refusal(request(signed(), body=BODY.replace("failed", "paid").encode())) == "no v1 signature matches"
    assert refusal(request(signed(), body=BODY.encode() + b"\n")) == "no v1 signature matches"
    assert refusal(request(signed(secret=OTHER))) == "no v1 signature matches"
    assert refusal(request(f"t={NOW + 1:.0f},{v1()}")) == "no v1 signature matches"


def test_the_secret_is_the_key_as_written_prefix_and_all() -> None:
    assert refusal(request(signed(secret=SECRET.removeprefix("whsec_")))) == "no v1 signature matches"


def test_the_signature_is_the_whole_hex_in_lower_case() -> None:
    good = v1().removeprefix("v1=")
    for wrong in (good.upper(), good[:-1], good + "0", "", "é" * 64):
        assert refusal(request(f"t={NOW:.0f},v1={wrong}")) == "no v1 signature matches"


@pytest.mark.parametrize("secrets", [[], [""], [" ", "\n"]])
def test_without_a_secret_nothing_is_accepted(secrets: list[str]) -> None:
    with pytest.raises(Unverified, match="no secret is configured"):
        PROVIDER.verify(request(signed(secret="")), secrets, NOW)


def test_a_body_that_is_not_utf8_is_verified_over_its_bytes() -> None:
    body = b'{"id":"evt_1","note":"caf\xe9"}'
    asked = PROVIDER.request_for("", body, SECRET, NOW)
    PROVIDER.verify(asked, [SECRET], NOW)
    assert refusal(request(asked.header("stripe-signature") or "", body=body + b" ")) == "no v1 signature matches"


_PIECES = st.sampled_from(
    ["t=1795392000", "t=", "v1=", v1(), "v0=00", ",", "=", "\udcff", "\x00", "t", " ", "é", "9" * 40]
)


@pytest.mark.thorough
@given(st.lists(_PIECES, max_size=12).map("".join) | st.text(max_size=80), st.binary(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_request_raises_only_unverified(header: str, body: bytes) -> None:
    with pytest.raises(Unverified):
        PROVIDER.verify(request(header, body=body), [SECRET], NOW)


@pytest.mark.thorough
@given(st.lists(st.text(max_size=20), max_size=3))
@settings(max_examples=100, deadline=None)
def test_any_configured_secret_raises_only_unverified(secrets: list[str]) -> None:
    with pytest.raises(Unverified):
        PROVIDER.verify(request(signed()), secrets, NOW)


def test_a_huge_header_is_refused_and_not_choked_on() -> None:
    assert refusal(request(f"t={NOW:.0f}," + "v1=" + "0" * 60_000)) == "no v1 signature matches"
    assert refusal(request("t=1," * 15_000)) == "stripe-signature has 15000 timestamps, and must have one"


def _vectors() -> list[dict[str, object]]:
    if not VECTORS.exists():
        return []
    return [case for case in json.loads(VECTORS.read_text("utf-8")) if case["scheme"] == "stripe"]


@pytest.mark.skipif(not VECTORS.exists(), reason="the signature vectors lie outside the project")
@pytest.mark.parametrize("case", _vectors(), ids=lambda case: text_at(case, "id"))
def test_vectors(case: dict[str, object]) -> None:
    headers = {name: str(value) for name, value in map_at(case, "headers").items()}
    asked = Request(text_at(case, "method"), text_at(case, "url"), headers, text_at(case, "body").encode())
    now = float(text_at(case, "now"))
    if true_at(case, "strict_valid"):
        PROVIDER.verify(asked, [text_at(case, "secret")], now)
    else:
        with pytest.raises(Unverified):
            PROVIDER.verify(asked, [text_at(case, "secret")], now)


@pytest.mark.parametrize("secret", ["sk_live_51Example", "rk_test_Example", "pk_live_Example", "", "  ", "we_1Example"])
def test_a_secret_that_is_clearly_wrong_is_named_without_being_shown(secret: str) -> None:
    hint = PROVIDER.check_secret(secret)
    assert hint is not None
    assert "whsec_" in str(hint)
    assert "\n" not in str(hint)
    assert not secret.strip() or secret not in str(hint)


@pytest.mark.parametrize("secret", ["https://hooks.example.com", f"{SECRET} {OTHER}"])
def test_an_invalid_secret_is_named(secret: str) -> None:
    assert PROVIDER.check_secret(secret)


def test_a_signing_secret_can_be_used() -> None:
    assert PROVIDER.check_secret(SECRET) is None
    assert PROVIDER.check_secret(f" {SECRET}\n") is None
