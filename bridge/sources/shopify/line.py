"""The plain line of a Shopify event."""

import re
from functools import lru_cache

from bridge.sources.provider import Facts, plain_line
from bridge.sources.shopify.subjects import action_of, group_of

_BREAK = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_VERBS = (
    "activate add approve assign close complete connect create deactivate decline delete disable disconnect dispose "
    "enable expire fail finish grant merge pause process publish reopen remove request revoke update"
)
_DONE = {verb: verb + ("d" if verb.endswith("e") else "ed") for verb in _VERBS.split()} | {
    "cancel": "cancelled",
    "destroy": "removed",
    "redact": "redaction requested",
    "skip": "skipped",
    "unskip": "unskipped",
}


def line(facts: Facts) -> str:
    """Return one generic line, the type in words and the name of the thing: `Shopify order created: #1042`."""
    return plain_line("Shopify", _happened(facts.type), facts.name)


@lru_cache(maxsize=1_000)
def _happened(event_type: str) -> str:
    """Return `orders/create` as `order created`."""
    if event_type == "unknown":
        return "webhook without a topic"
    words = " ".join(_words(group_of(event_type)))
    if words.endswith("ies"):
        words = words[:-3] + "y"
    elif words.endswith("s") and not words.endswith(("ss", "us")):
        words = words[: -2 if words.endswith("sses") else -1]
    done = _words(action_of(event_type))
    if done and done[-1] in _DONE:
        done[-1] = _DONE[done[-1]]
    elif done and done[0] in _DONE:
        done = [*done[1:], _DONE[done[0]]]
    return " ".join([words, *done])


def _words(text: str) -> list[str]:
    return [word.lower() for word in _BREAK.split(text) if word]
