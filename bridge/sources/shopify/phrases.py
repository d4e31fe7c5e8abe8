"""What the titles of several topics are made of: money, people, things by their names."""

from collections.abc import Callable, Mapping
from functools import lru_cache

from babel import Locale
from babel.core import UnknownLocaleError

from bridge.core.money import format_major
from bridge.core.payload import at, clean, list_at, text_at
from bridge.sources.shopify.subjects import person

Payload = Mapping[str, object]
Tell = Callable[[Payload], str]

_ENGLISH = Locale("en")


def quoted(data: object, *path: str | int) -> str:
    """A thing's name in quotes, and a blank before it: `` “Winter table”``; "" where it has none."""
    name = clean(text_at(data, *path), 120)
    return f" “{name}”" if name else ""


def money(data: object, amount: str) -> str:
    """An amount with its currency; the bare number where the currency is not said; "" without an amount."""
    return format_major(at(data, amount), at(data, "currency"))


def words(data: object, *path: str | int) -> str:
    """A status or reason as words: `partially_refunded` -> `partially refunded`."""
    return clean(text_at(data, *path).replace("_", " ").lower(), 80)


def from_customer(payload: Payload) -> str:
    """`` from Ada Marsh``; "" where no name is known."""
    name = person(at(payload, "customer"))
    return f" from {name}" if name else ""


def number_of(data: object, *path: str | int) -> int:
    """How many entries the list at a path has."""
    return len(list_at(data, *path))


def counted(number: int, thing: str) -> str:
    """`1 item`, `3 items`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def country(code: str) -> str:
    """`IE` -> `Ireland`; a code that means no country stays."""
    return _ENGLISH.territories.get(code.upper()) or clean(code, 40)


@lru_cache(maxsize=200)
def _language(code: str) -> str:
    try:
        return Locale.parse(code, sep="-").get_display_name("en") or code
    except (ValueError, UnknownLocaleError):
        return code


def language(code: str) -> str:
    """`ga` -> `Irish`, `fr-CA` -> `French (Canada)`; a code that means no language stays."""
    code = clean(code, 20)
    return _language(code) if code.isascii() and code.replace("-", "").isalpha() and len(code) <= 10 else code
