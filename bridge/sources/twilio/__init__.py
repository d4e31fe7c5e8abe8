"""Twilio: callbacks of messages, calls, recordings and conferences, the Debugger, and Event Streams."""

from bridge.sources.twilio.provider import PROVIDER as PROVIDER
