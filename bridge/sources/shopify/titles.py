"""Titles: one plain sentence for every topic."""

from bridge.core.payload import at, clean, map_at, text_at
from bridge.sources.shopify import order_titles, shop_titles
from bridge.sources.shopify.changes import changes_of
from bridge.sources.shopify.phrases import Payload
from bridge.sources.shopify.subjects import action_of, group_of, person
from bridge.sources.shopify.words import NOUNS, SENTENCES, VERBS, VERBS_OF

_TELL = {**order_titles.TELL, **shop_titles.TELL}


def title_of(event_type: str, payload: Payload) -> str:
    """Return the event in one line of at most 300 characters, without markup."""
    if payload.keys() == {"xml"}:
        return clean(f"{_plain(event_type, {})} (details not shown: the webhook's format is XML)", 300)
    tell = _TELL.get(event_type)
    return clean((tell(payload) if tell else "") or SENTENCES.get(event_type) or _plain(event_type, payload), 300)


def _plain(event_type: str, payload: Payload) -> str:
    """Return the sentence of a topic without its own: kind, name and verb."""
    group, action = group_of(event_type), action_of(event_type)
    if event_type == "unknown" or not group:
        return "Shopify sent a webhook without a topic"
    noun = NOUNS.get(group) or _singular(group)
    name = _name(group, payload)
    thing = f"{noun} {name}" if name else _with_article(noun)
    verb = (
        VERBS_OF.get(event_type)
        or VERBS.get(action)
        or ("had an event" if not action else f"had an event: {_words(action)}")
    )
    changed = changes_of(payload) if group[:1].isupper() and action == "update" else ""
    sentence = f"{thing} {verb}" + (f": {changed}" if changed else "")
    return sentence[:1].upper() + sentence[1:]


def _singular(group: str) -> str:
    words = _words(group)
    if words.endswith("ies"):
        return words[:-3] + "y"
    if words.endswith("sses"):
        return words[:-2]
    return words[:-1] if words.endswith("s") and not words.endswith(("ss", "us")) else words


def _words(text: str) -> str:
    """Return `fulfillment_orders` and Next-Gen's `DraftOrder` as lower-case words."""
    spaced = "".join(f" {c.lower()}" if c.isupper() else c for c in text)
    return " ".join(spaced.replace("_", " ").replace("/", " ").split())


def _with_article(noun: str) -> str:
    return f"{'an' if noun[:1] in 'aeio' and not noun.startswith('one') else 'a'} {noun}"


def _name(group: str, payload: Payload) -> str:
    """Return an order's `#1042` unchanged, a customer by name, any other name in quotes."""
    data: object = payload
    wrapper = _singular(group).replace(" ", "_")
    if wrapper != "customer" and map_at(payload, wrapper):
        data = at(payload, wrapper)
    if group[:1].isupper():
        data = at(payload, "data", group[:1].lower() + group[1:])
        if group == "Customer":
            return clean(text_at(data, "displayName"), 100)
    name = text_at(data, "name")
    if name.startswith("#"):
        return clean(name, 40)
    for field in ("title", "name", "display_name", "displayName", "payment_terms_name", "host", "handle", "sku"):
        if named := clean(text_at(data, field), 120):
            return f"“{named}”"
    return person(data)
