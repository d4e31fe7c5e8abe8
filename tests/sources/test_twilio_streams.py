"""Tests of Event Streams: complete and broken batches of CloudEvents."""

import json

import pytest

from bridge.core.payload import at
from bridge.sources.twilio.provider import PROVIDER
from tests.sources.test_twilio_events import ADA, OURS, events, same


def element(**fields: object) -> dict[str, object]:
    return {"specversion": "1.0", "type": "com.twilio.messaging.message.sent", "id": "EZ1", "data": {}, **fields}


def test_a_batch_gives_one_event_for_each_element() -> None:
    delivered = element(
        id="EZ2",
        type="com.twilio.messaging.message.delivered",
        time="2026-11-23T00:00:56.753Z",
        data={"messageSid": "SM1", "messageStatus": "DELIVERED", "to": ADA, "from": OURS, "errorCode": 0},
    )
    first, second = events([element(data={"messageSid": "SM1", "messageStatus": "SENT", "to": ADA}), delivered])
    assert (first.type, first.name) == ("com.twilio.messaging.message.sent", ADA)
    assert second.type == "com.twilio.messaging.message.delivered"
    assert PROVIDER.line(second) == f"Twilio messaging message delivered: {ADA}"
    assert second.subject == "SM1"
    assert second.occurred_at == pytest.approx(1795392056.753)
    assert not same(first, second)
    [resent] = events([delivered])
    assert same(second, resent), "a retry may come in another batch"


def test_an_invalid_element_does_not_lose_the_valid_ones() -> None:
    found = events([None, element(id="EZ1"), 7, "x", [element()], element(id="EZ2"), {}])
    assert [one.keys[0] for one in found[:2]] == ["event:EZ1", "event:EZ2"]
    assert [one.type for one in found[2:]] == ["unknown"]


def test_elements_without_an_id_are_still_distinguished() -> None:
    one, other = events([{"type": "a", "data": {}}, {"type": "a", "data": {}}])
    assert not same(one, other)


def test_one_object_counts_as_a_batch_of_one_and_data_may_be_text() -> None:
    inner = json.dumps({"error_code": "11205", "more_info": {"Msg": "refused"}})
    data = json.dumps(
        {"sid": "NO1", "level": "ERROR", "error_code": "11205", "correlation_sid": "CA1", "payload": inner}
    )
    [found] = events(element(type="com.twilio.error-logs.error.logged", data=data))
    assert found.name == "11205"
    assert at(found.payload, "data", "payload", "more_info", "Msg") == "refused"
    assert (found.subject, found.url) == ("CA1", "https://www.twilio.com/console/debugger/NO1")


def test_the_test_button_works_twice() -> None:
    one, two = (
        events([element(type="com.twilio.eventstreams.test-event", id="AC1", data={"test_id": test})])[0]
        for test in ("first", "second")
    )
    assert one.test
    assert not same(one, two)


def test_json_that_is_no_cloud_event_is_read_by_its_fields() -> None:
    [found] = events({"MessageSid": "SM1", "MessageStatus": "delivered", "To": ADA})
    assert found.type == "message.delivered"
