"""What a check finds: one thing that is wrong or worth knowing, at its place, with the mend."""

import re
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "note"]
_PLACE = re.compile(r"(.+?):(\d+)(?:: |\Z)")
_VARIABLE = re.compile(r"(BRIDGE_\w+):? (?=\S)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or worth knowing.

    ``where`` is a file as it is shown (``templates/gitlab/push.j2``, ``routes.toml``), a variable's name, or "";
    ``line`` is the file's, if it is at one.
    """

    level: Level
    where: str
    line: int | None
    what: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.where}:{self.line}" if self.line is not None else self.where
        return (f"{place}: " if place else "") + self.what + (f" ({self.hint})" if self.hint else "")


def finding_of(fault: str, level: Level = "error") -> Finding:
    """The finding that a line such as ``routes.toml:3: unknown key …; the nearest known is …`` tells of."""
    where, line = "", None
    if place := _PLACE.match(fault):
        where, line, fault = place[1], int(place[2]), fault[place.end() :]
    elif variable := _VARIABLE.match(fault):
        where, fault = variable[1], fault[variable.end() :]
    what, _, hint = fault.partition("; the nearest ")
    return Finding(level, where, line, what, f"the nearest {hint}" if hint else "")
