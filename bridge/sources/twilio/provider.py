"""Twilio: callbacks of messages, calls, recordings and conferences, the Debugger, and Event Streams."""

from bridge.sources.provider import Answer, Provider
from bridge.sources.twilio.events import events
from bridge.sources.twilio.line import line
from bridge.sources.twilio.request import request_for
from bridge.sources.twilio.verify import SETTINGS_HEADER, SIGNATURE_HEADER, check_secret, verify

EMPTY_TWIML = Answer("text/xml", b"<Response/>")


def answer(status: str, event_id: str | None) -> Answer:  # noqa: ARG001 - whatever became of it, Twilio wants TwiML
    """Return empty TwiML, the one safe answer everywhere: Twilio would send other text as the reply to an SMS.

    Twilio docs, TwiML for Programmable Messaging, https://www.twilio.com/docs/messaging/twiml
    """
    return EMPTY_TWIML


MAX_BODY = 4 * 1024 * 1024
"""Bytes. Twilio publishes one limit: it sends no callback of a transcription above 1 MB (error 17564, "Webhook payload
exceeds maximum size", https://www.twilio.com/docs/api/errors/17564). This is four times as much.
"""

PROVIDER = Provider(
    name="twilio",
    verify=verify,
    events=events,
    line=line,
    request_for=request_for,
    answer=answer,
    check_secret=check_secret,
    type_of_sample=str,
    methods=frozenset({"POST", "GET"}),
    max_body=MAX_BODY,
    dedupe_ttl=24 * 3600.0,
    signature_headers=frozenset({SIGNATURE_HEADER, SETTINGS_HEADER}),
    kept_headers=frozenset({"content-type"}),
    signs_url=True,
)
