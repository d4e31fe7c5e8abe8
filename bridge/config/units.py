"""Parse durations, sizes and paces as people write them: `7d`, `2GiB`, `1/s`."""

from bridge.config.errors import InvalidValueError

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
BYTES = {
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}


def duration(text: str) -> float:
    """Return ``72h`` in seconds. Raises InvalidValueError."""
    amount, unit = _split(text)
    if not amount or unit not in SECONDS or not 1 <= amount * SECONDS[unit] <= 3650 * 86_400:
        hint = 'write a number and s, m, h or d, such as "90s" or "7d", at most "3650d"'
        raise InvalidValueError("is not a duration", hint)
    return amount * SECONDS[unit]


def size(text: str) -> int:
    """Return ``2GiB`` in bytes; a bare number is bytes. Raises InvalidValueError."""
    amount, unit = _split(text)
    factor = BYTES.get(unit.lower() or "b", 0)
    if not amount or not 1 <= amount * factor <= 2**60:
        hint = 'write a number and B, KiB, MiB or GiB (or KB, MB, GB), such as "32MiB" or "2GiB"'
        raise InvalidValueError("is not a size", hint)
    return int(amount * factor)


def pace(text: str) -> float:
    """Return ``1/s``, ``30/m`` or ``100/h`` in posts a second. Raises InvalidValueError."""
    number, _, unit = text.partition("/")
    amount, rest = _split(number)
    unit = unit.strip()
    if not amount or rest or unit not in SECONDS or not 1 / 86_400 <= amount / SECONDS[unit] <= 100:
        hint = 'write posts per s, m or h, such as "1/s" or "30/m", at most "100/s"'
        raise InvalidValueError("is not a pace", hint)
    return amount / SECONDS[unit]


def _split(text: str) -> tuple[float, str]:
    """Return the number (0 if there is none) and the unit after it."""
    text = text.strip()
    number = text[: len(text) - len(text.lstrip("0123456789."))]
    if len(number) > 15 or number.count(".") > 1 or number in ("", "."):
        return 0.0, ""
    return float(number), text[len(number) :].strip()
