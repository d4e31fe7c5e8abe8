"""Tests of one webhook from request to answer, on real sockets and a real store."""

import asyncio
import gzip
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.core.counters import CONDITION_ERRORS, EVENTS, OTHER, POSTS, REQUESTS
from bridge.events import Request
from bridge.sources import PROVIDERS
from bridge.store import Query, StoreUnavailableError
from tests.bridges import PUBLIC_URL, SECRETS, Bridge, bridge, sample_request
from tests.store.samples import NOW, entry, receive
from tests.store.samples import request as stored_request

CONSTANT = {
    400: b'{"error": "the request cannot be read"}',
    401: b'{"error": "the request is not verified"}',
    404: b'{"error": "there is nothing here"}',
    405: b'{"error": "the method is not allowed here"}',
    413: b'{"error": "the body is too large"}',
    415: b'{"error": "compressed bodies are not accepted"}',
    503: b'{"error": "events cannot be kept right now, send it again later"}',
}


@pytest.fixture
async def running(tmp_path: Path) -> AsyncIterator[Bridge]:
    async with bridge(tmp_path) as started:
        yield started


@pytest.mark.parametrize("name", ["gitlab/merge_request.open", "stripe/charge.failed", "shopify/orders/create"])
async def test_an_accepted_event_is_answered_and_posted(running: Bridge, name: str) -> None:
    status, headers, body = await running.send(sample_request(name))
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    answer = json.loads(body)
    assert answer["status"] == "accepted"
    await running.slack.wait_for("general", 1)
    (row,) = await running.service.store.find(Query(event=answer["id"]))
    assert row.channel == "general"


async def test_twilio_is_answered_with_twiml(running: Bridge) -> None:
    status, headers, body = await running.send(sample_request("twilio/message.received"))
    assert (status, headers["Content-Type"], body) == (200, "text/xml", b"<Response/>")
    await running.slack.wait_for("general", 1)


async def test_twilio_may_call_with_get(running: Bridge) -> None:
    from twilio.request_validator import RequestValidator

    query = "MessageSid=SM1&From=%2B15550100&To=%2B15550101&Body=hi%20there&SmsStatus=received"
    url = f"{PUBLIC_URL}/webhooks/twilio?{query}"
    signature = RequestValidator(SECRETS["twilio"]).compute_signature(url, {})
    status, _, _ = await running.send(Request("GET", url, {"X-Twilio-Signature": signature}, b""))
    assert status == 200
    (post,) = await running.slack.wait_for("general", 1)
    assert "hi there" in json.dumps(post.body)


async def test_a_duplicate_is_answered_with_the_first_arrivals_id_and_posted_once(running: Bridge) -> None:
    request = sample_request("stripe/charge.failed")
    first = json.loads((await running.send(request))[2])
    second = json.loads((await running.send(request))[2])
    assert second == {"status": "duplicate", "id": first["id"]}
    await running.send(sample_request("stripe/invoice.paid"))
    posts = await running.slack.wait_for("general", 2)
    assert len(posts) == 2


async def test_an_id_is_remembered_for_a_day_and_a_body_without_one_for_a_minute(running: Bridge) -> None:
    with_id = sample_request("gitlab/tag_push")
    old = {name: value for name, value in with_id.headers.items() if name not in ("Idempotency-Key", "webhook-id")}
    without = Request(with_id.method, with_id.url, old, with_id.body)  # GitLab before 17.4
    for request, seconds in ((with_id, 86_400), (without, 60)):
        answer = json.loads((await running.send(request))[2])
        assert answer["status"] == "accepted"
        history = await running.service.store.event_history(answer["id"])
        assert history is not None
        assert [key.until for key in history.keys] == [history.event.received_at + seconds]


async def test_many_copies_at_once_are_accepted_once(running: Bridge) -> None:
    request = sample_request("shopify/orders/create")
    answers = [json.loads(body) for _, _, body in await asyncio.gather(*(running.send(request) for _ in range(20)))]
    assert sorted(answer["status"] for answer in answers) == ["accepted"] + ["duplicate"] * 19
    assert len({answer["id"] for answer in answers}) == 1


async def test_an_event_without_a_route_is_ignored_and_not_stored(running: Bridge) -> None:
    status, _, body = await running.send(sample_request("gitlab/push"))
    assert (status, json.loads(body)) == (200, {"status": "ignored", "id": None})
    assert await running.service.store.find(Query()) == []
    assert running.service.counters.by_label(EVENTS, "result") == {"ignored": 1}


@pytest.mark.parametrize("defect", ["wrong", "missing", "stale", "future", "body changed", "twice"])
async def test_an_unverified_request_gets_401_and_a_constant_text(running: Bridge, defect: str) -> None:
    now = time.time() + {"stale": -301, "future": 330}.get(defect, 0)
    request = sample_request("stripe/charge.failed", now=now, secret="whsec_other" if defect == "wrong" else "")
    extra: list[tuple[str, str]] = []
    if defect == "missing":
        request = replace(request, headers={"Content-Type": "application/json"})
    if defect == "body changed":
        request = replace(request, body=request.body.replace(b"evt_", b"evu_"))
    if defect == "twice":
        extra = [("Stripe-Signature", request.header("stripe-signature") or "")]
    status, _, body = await running.send(request, extra=extra)
    assert (status, body) == (401, CONSTANT[401])
    assert await running.service.store.find(Query()) == []


async def test_every_duplicated_signature_header_is_refused(running: Bridge) -> None:
    request = sample_request("gitlab/issue.open")
    status, _, body = await running.send(request, extra=[("X-Gitlab-Token", SECRETS["gitlab"])])
    assert (status, body) == (401, CONSTANT[401])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/webhooks/unknown", 404),
        ("POST", "/webhooks/bridge", 404),
        ("POST", "/webhooks/", 404),
        ("POST", "/", 404),
        ("POST", "/webhooks/gitlab/", 404),
        ("POST", "/webhooks/..%2f..%2fhealthz", 404),
        ("POST", "/webhooks/%ff%00", 404),
        ("GET", "/webhooks/gitlab", 405),
        ("PUT", "/webhooks/twilio", 405),
        ("DELETE", "/webhooks/stripe", 405),
        ("POST", "/healthz", 405),
    ],
)
async def test_wrong_paths_and_methods(running: Bridge, method: str, path: str, status: int) -> None:
    answer = await running.send(Request(method, PUBLIC_URL + path, {}, b"{}"))
    assert (answer[0], answer[2]) == (status, CONSTANT[status])


async def test_a_source_without_a_secret_is_not_there(tmp_path: Path) -> None:
    async with bridge(tmp_path, BRIDGE_SECRETS__STRIPE="") as started:
        assert (await started.send(sample_request("stripe/charge.failed")))[0] == 404


async def test_a_compressed_body_is_refused_unread(running: Bridge) -> None:
    request = sample_request("gitlab/issue.open")
    compressed = replace(request, body=gzip.compress(request.body))
    status, _, body = await running.send(compressed, extra=[("Content-Encoding", "gzip")])
    assert (status, body) == (415, CONSTANT[415])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"[" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"object_kind":"push","x":1e400,"x":NaN}',
        b'{"object_kind":"issue","object_attributes":[1,2],"user":7,"project":"x"}',
        b'{"object_kind":"issue","object_attributes":{"title":"\\u0000\\ud800","iid":99999999999999999999999999}}',
        b"[]",
        b"null",
        b"1e999999",
        b'{"object_kind":{"a":1},"event_name":[2]}',
        b"9" * 5000,
    ],
    ids=range(14),
)
async def test_odd_verified_requests_get_200_or_400(running: Bridge, body: bytes) -> None:
    headers = {"X-Gitlab-Token": SECRETS["gitlab"], "X-Gitlab-Event": "Issue Hook"}
    status, _, _ = await running.send(Request("POST", f"{PUBLIC_URL}/webhooks/gitlab", headers, body))
    assert status in (200, 400)
    good = await running.send(sample_request("gitlab/merge_request.merge"))
    assert good[0] == 200
    await running.slack.wait_for("general", 1)


async def test_a_body_over_the_sources_limit_gets_413(running: Bridge) -> None:
    request = sample_request("stripe/charge.failed", body=b" " * (PROVIDERS["stripe"].max_body + 1))
    status, _, body = await running.send(request)
    assert (status, body) == (413, CONSTANT[413])


async def test_more_bodies_than_fit_wait_and_then_get_503(running: Bridge) -> None:
    room = running.service.ingest.body_budget
    accepted_log = room._all.limit
    await room._all.take(accepted_log, 1)
    room._wait = 0.05
    try:
        status, headers, body = await running.send(sample_request("gitlab/issue.open"))
        assert (status, body) == (503, CONSTANT[503])
        assert headers["Retry-After"]
    finally:
        room._all.give(accepted_log)
    assert (await running.send(sample_request("gitlab/issue.open")))[0] == 200


async def test_hostile_text_mentions_no_one(running: Bridge) -> None:
    text = "<!channel> <@U1> <https://evil.example|click> `` ``` *b* & \u202e @here " + "x" * 90_000
    body = {
        "object_kind": "issue",
        "event_type": "issue",
        "user": {"name": text, "username": "m"},
        "project": {"id": 7, "name": text, "path_with_namespace": text, "web_url": "javascript:alert(1)"},
        "object_attributes": {
            "iid": 1,
            "id": 2,
            "title": text,
            "action": "open",
            "url": "https://gitlab.example.com/x",
        },
        "labels": [{"title": text[:200]} for _ in range(900)],
    }
    body["object_attributes"]["description"] = text  # type: ignore[index]  # the literal's values differ in type
    status, _, _ = await running.send(sample_request("gitlab/issue.open", body=body))
    assert status == 200
    (post,) = await running.slack.wait_for("general", 1)
    written = json.dumps(post.body, ensure_ascii=False)
    assert "<!channel" not in written
    assert "<@U1" not in written
    assert "<https://evil.example" not in written
    assert "javascript:alert" not in written.replace("&lt;", "")
    assert len(written.encode()) <= 12_000


async def test_a_full_store_gives_503_and_remembers_no_key(tmp_path: Path) -> None:
    async with bridge(tmp_path, BRIDGE_STORE_LIMIT="8MiB") as started:
        for size in (2**20, 2**10):
            with suppress(StoreUnavailableError):
                while True:
                    await receive(started.service.store, stored_request(b"x" * size), [entry()], NOW)
        request = sample_request("shopify/orders/create")
        status, _, body = await started.send(request)
        assert (status, body) == (503, CONSTANT[503])
        assert (await started.get("/readyz"))[0] == 503


async def test_confidential_events_go_to_private_channels_only(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(
        '[channels.secret]\nprivate = true\n[[routes]]\nname = "all"\nchannels = ["general", "secret"]\n'
    )
    async with bridge(tmp_path, BRIDGE_CHANNELS__SECRET="http://127.0.0.1:1/services/T1/B1/x") as started:
        sample = sample_request("gitlab/issue.open")
        body = json.loads(sample.body)
        body["object_attributes"]["confidential"] = True
        answer = json.loads((await started.send(sample_request("gitlab/issue.open", body=body)))[2])
        rows = await started.service.store.find(Query(event=answer["id"]))
        assert {row.channel: row.state for row in rows} == {"general": "skipped", "secret": "waiting"}
        assert "private" in next(row.reason for row in rows if row.channel == "general")


async def test_a_failing_condition_is_not_met_and_logged_once(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(
        '[[routes]]\nname = "odd"\nchannels = ["general"]\nwhen = "payload.object_attributes.title / 2 > 0"\n'
    )
    with capture_logs() as written:
        async with bridge(tmp_path) as started:
            for name in ("gitlab/issue.open", "gitlab/issue.close"):
                assert json.loads((await started.send(sample_request(name)))[2])["status"] == "ignored"
            assert started.service.counters.by_label(CONDITION_ERRORS, "route") == {"odd": 2}
    assert sum("condition failed" in str(line["event"]) for line in written) == 1


async def test_a_failing_state_shows_the_event_and_is_logged_once(tmp_path: Path) -> None:
    (tmp_path / "routes.toml").write_text(
        '[[routes]]\nname = "odd"\nchannels = ["general"]\nnotify = "on_change"\nstate = "payload.object_attributes"\n'
    )
    with capture_logs() as written:
        async with bridge(tmp_path) as started:
            for name in ("gitlab/pipeline.failed", "gitlab/pipeline.success"):
                assert json.loads((await started.send(sample_request(name)))[2])["status"] == "accepted"
            await started.slack.wait_for("general", 2)
            assert started.service.counters.by_label(CONDITION_ERRORS, "route") == {"odd": 2}
    assert sum(line["event"] == "expression failed, so the event is shown" for line in written) == 1


async def test_an_internal_error_is_500_with_a_constant_line(running: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> object:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(running.service.store, "accept", broken)
    status, _, body = await running.send(sample_request("gitlab/issue.open"))
    assert (status, body) == (500, b'{"error": "something went wrong here"}')


async def test_bytes_that_are_not_http_are_rejected(running: Bridge) -> None:
    host, port = running.service.address
    for raw in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01",
        b"POST\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x00" * 100 + b"\r\n\r\n",
    ):
        reading, writing = await asyncio.open_connection(host, port)
        writing.write(raw)
        writing.write_eof()
        answer = await reading.read(1000)
        assert answer == b"" or (answer.startswith(b"HTTP/1.") and b" 400 " in answer[:20])
        writing.close()
    assert (await running.get("/healthz"))[0] == 200


async def test_health_pages_show_counts_and_no_names(running: Bridge) -> None:
    await running.send(sample_request("gitlab/issue.open"))
    await running.slack.wait_for("general", 1)
    assert await running.get("/healthz") == (200, {"status": "ok"})
    status, page = await running.get("/readyz")
    assert status == 200
    assert page["status"] == "ok"
    assert not {"general", "gitlab"} & set(re.findall(r"[a-z]+", json.dumps(page)))


async def test_counters_show_what_happened_and_the_public_page_shows_their_sums(running: Bridge) -> None:
    await running.send(sample_request("gitlab/issue.open"))
    await running.send(sample_request("gitlab/push"))
    await running.send(sample_request("gitlab/issue.open", secret="wrong"))
    counters = running.service.counters
    async with asyncio.timeout(5):
        while not counters.total(POSTS):  # noqa: ASYNC110 - counters have no event to wait for
            await asyncio.sleep(0)
    assert counters.by_label(REQUESTS, "status") == {"200": 2, "401": 1}
    assert counters.by_label(REQUESTS, "source") == {"gitlab": 3}
    assert counters.by_label(EVENTS, "result") == {"accepted": 1, "ignored": 1}
    assert OTHER not in {value for sample in counters.snapshot() for value in sample.labels.values()}
    _, page = await running.get("/readyz")
    assert page["counters"] == counters.totals()
    assert counters.totals()["bridge_requests_total"] == 3


async def test_a_target_that_is_no_path_gets_400(running: Bridge) -> None:
    host, port = running.service.address
    reading, writing = await asyncio.open_connection(host, port)
    writing.write(b"POST http://hooks.example.com/webhooks/gitlab HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    answer = await asyncio.wait_for(reading.read(), 5)
    writing.close()
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert answer.endswith(CONSTANT[400])


async def test_an_incomplete_body_gets_400(running: Bridge) -> None:
    running.service.ingest.body_budget._read_time = 0.05
    host, port = running.service.address
    reading, writing = await asyncio.open_connection(host, port)
    writing.write(b"POST /webhooks/gitlab HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{")
    answer = await asyncio.wait_for(reading.readuntil(b"}"), 5)
    writing.close()
    assert answer.endswith(CONSTANT[400])


async def test_a_large_body_is_read_apart_and_posted_like_any_other(running: Bridge) -> None:
    sample = json.loads(sample_request("gitlab/issue.open").body)
    large = {**sample, "padding": ["x" * 1000] * 1500}
    assert (await running.send(sample_request("gitlab/issue.open", body=large)))[0] == 200
    assert (await running.send(sample_request("gitlab/issue.open", body=large, secret="wrong")))[0] == 401
    (post,) = await running.slack.wait_for("general", 1)
    assert "issue" in str(post.body["text"])
