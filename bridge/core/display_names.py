"""Names of countries and languages in English, from the codes that providers send. Source: CLDR, by babel."""

from functools import lru_cache

from babel import Locale
from babel.core import UnknownLocaleError

from bridge.core.payload import clean

_ENGLISH = Locale("en")


def country_name(code: str) -> str:
    """Return `IE` as `Ireland`; an unknown code stays."""
    return _ENGLISH.territories.get(code.upper()) or clean(code, 40)


def language_name(code: str) -> str:
    """Return `ga` as `Irish`, `fr-CA` as `French (Canada)`; an unknown code stays."""
    code = clean(code, 20)
    return _known(code) if code.isascii() and code.replace("-", "").isalpha() and len(code) <= 10 else code


@lru_cache(maxsize=200)
def _known(code: str) -> str:
    try:
        return Locale.parse(code, sep="-").get_display_name("en") or code
    except (ValueError, UnknownLocaleError):
        return code
