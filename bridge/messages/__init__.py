"""Render an event with its template as a Slack message."""

from bridge.messages.message import Block as Block
from bridge.messages.message import Message as Message
from bridge.messages.message import Rendered as Rendered
