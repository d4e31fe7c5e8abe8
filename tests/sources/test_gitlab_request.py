"""Tests of the request as GitLab sends it."""

import pytest

from bridge.events import Request
from bridge.sources import Unverified
from bridge.sources.gitlab.provider import PROVIDER
from tests.sources.gitlab_bodies import NOW, SIGNING, TOKEN, URL, changed, sample


def test_a_delivery_sent_again_is_the_same_and_a_new_one_is_not() -> None:
    body = sample("push")
    first, again = (PROVIDER.request_for("push", body, SIGNING, NOW) for _ in range(2))
    assert (first.headers, first.body) == (again.headers, again.body)
    later = PROVIDER.request_for("push", body, SIGNING, NOW + 1)
    assert later.header("webhook-id") != first.header("webhook-id")
    assert first.header("webhook-id") == first.header("idempotency-key")


def test_the_made_request_carries_the_headers_that_gitlab_sends() -> None:
    body = changed("issue.open", "", event_type="confidential_issue")
    request = PROVIDER.request_for("issue.open", body, TOKEN, NOW)
    assert request.method == "POST"
    assert request.url.endswith("/webhooks/gitlab")
    assert request.header("x-gitlab-event") == "Confidential Issue Hook"
    assert request.header("x-gitlab-token") == TOKEN
    assert request.header("webhook-signature") is None
    signed = PROVIDER.request_for("user_add_to_group", sample("user_add_to_group"), SIGNING, NOW, url=URL + "?a=1")
    assert signed.url == URL + "?a=1"
    assert signed.header("x-gitlab-event") == "Member Hook"
    assert signed.header("x-gitlab-token") is None
    with pytest.raises(Unverified):
        PROVIDER.verify(signed, [TOKEN], NOW)


def test_raw_bytes_are_sent_as_they_are() -> None:
    request = PROVIDER.request_for("push", b"{ }", SIGNING, NOW)
    assert request.body == b"{ }"
    PROVIDER.verify(request, [SIGNING], NOW)


def test_the_stored_headers_hold_type_and_key_and_no_secret() -> None:
    assert not PROVIDER.kept_headers & PROVIDER.signature_headers
    request = PROVIDER.request_for("push", sample("push"), SIGNING, NOW)
    kept = {name: value for name, value in request.headers.items() if name.lower() in PROVIDER.kept_headers}
    (first,) = PROVIDER.events(request, "gitlab", NOW)
    (again,) = PROVIDER.events(Request("POST", URL, kept, request.body), "gitlab", NOW)
    assert (again.type, again.keys) == (first.type, first.keys)
