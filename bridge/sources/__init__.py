"""Providers: verify a request and read its events. Each folder here is one provider."""

from bridge.sources.errors import Malformed as Malformed
from bridge.sources.errors import Unverified as Unverified
from bridge.sources.provider import Provider as Provider
from bridge.sources.registry import PROVIDERS as PROVIDERS
from bridge.sources.registry import line_of as line_of
from bridge.sources.registry import provider_of as provider_of
from bridge.sources.reserved import RESERVED as RESERVED
