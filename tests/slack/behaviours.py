"""Ways in which Slack, or a proxy before it, fails for some requests and works for others."""

import json
import random
from collections.abc import Callable, Mapping

from bridge.demo.slack_rules import refusal
from tests.slack.answers import BAD_GATEWAY
from tests.slack.simulator import Answer, Behaviour, ByMessage, Late


def is_probe(body: object) -> bool:
    """Return whether Slack shows nothing for a body: the empty message of a probe."""
    return not isinstance(body, Mapping) or refusal(body) is not None


def slow_but_shown(seconds: float) -> ByMessage:
    """Show each message at once and answer it late. Probes are answered at once."""
    return ByMessage(lambda body: None if is_probe(body) else Late(seconds))


def for_messages_with(text: str, answer: Answer) -> ByMessage:
    """Give an answer to messages that contain a text, as whole or as text only. Anything else works, probes too."""
    return ByMessage(lambda body: answer if text in json.dumps(body, ensure_ascii=False) else None)


def for_layouts_with(text: str, answer: Answer) -> ByMessage:
    """Give an answer to messages that contain a text and have a layout. Without the layout they work."""

    def choose(body: object) -> Answer | None:
        has_layout = isinstance(body, Mapping) and bool(body.get("blocks") or body.get("attachments"))
        return answer if has_layout and text in json.dumps(body, ensure_ascii=False) else None

    return ByMessage(choose)


def partly(share: float, seed: object, failure: Behaviour = BAD_GATEWAY) -> Callable[[], Behaviour | None]:
    """Fail for a share of all requests, probes included, as a load balancer with one bad server does."""
    chance = random.Random(f"{seed}-partly")
    return lambda: failure if chance.random() < share else None
