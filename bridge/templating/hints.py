"""Explain errors of Jinja and of templates in plain words, with a hint."""

import re

from bridge.config.diagnostics import Problem
from bridge.config.errors import suggestion

_TAGS = (
    *("autoescape", "block", "call", "elif", "else", "endblock", "endcall", "endfilter", "endfor", "endif", "endmacro"),
    *(
        "endraw",
        "endset",
        "endwith",
        "extends",
        "filter",
        "for",
        "from",
        "if",
        "import",
        "include",
        "macro",
        "raw",
        "set",
    ),
    "with",
)
_UNKNOWN_TAG = re.compile(r"Encountered unknown tag '([^']*)'")
_TO_CLOSE = re.compile(r"The innermost block that needs to be closed is '([^']*)'")
_TWICE = re.compile(r"block '([^']*)' defined twice")
_ELIF = ("elseif", "elsif")
_CALL = re.compile(r"TypeError: (?:\S*\.)?(\w+)\(\) ((?:missing|takes|got an unexpected) .+)")
_HINTS = (
    (re.compile(r"expected token 'end of print statement', got"), "end it with `}}`, or join texts with `~`"),
    (re.compile(r"expected token 'end of statement block', got '='"), "compare with `==`"),
    (re.compile(r"expected token 'end of statement block', got"), "end the tag with `%}`"),
    (re.compile(r"unexpected '[}\])]'"), "remove the bracket, or open it first"),
    (re.compile(r"unexpected end of template", re.IGNORECASE), "close the last tag"),
    (re.compile(r"Expected an expression"), "write a value or a condition there"),
    (re.compile(r"Missing end of comment tag"), "close the comment with `#}`"),
    (re.compile(r"RecursionError"), "stop the macro or include that calls itself without end, or nest less deep"),
    (re.compile(r"took too long"), "let its loops take fewer turns; its other samples were not rendered"),
    (
        re.compile(r"(?:writes|makes) too much|would (?:be|make it) too l"),
        "shorten the text, with `truncate(400)` for example",
    ),
    (re.compile(r"OverflowError: Range too big"), "use at most `range(100000)`"),
    (re.compile(r"UndefinedError"), "correct the name"),
    (re.compile(r"TypeError"), "test the kind of the value first, or use a filter"),
    (re.compile(r"unexpected char ['\"\\]+ at"), "close the quotation that begins there"),
    (re.compile(r"unexpected char '&'"), "write `and`"),
    (re.compile(r"unexpected char '!'"), "write `not`, or `!=`"),
    (re.compile(r"unexpected char '\?'"), "write `this if condition else that`"),
    (re.compile(r"unexpected char"), "remove it, or put it into quotation marks"),
    (re.compile(r"tag name expected"), "write a tag after `{%`, such as `if`"),
    (re.compile(r"expected name or number"), "write the name of a field after the dot"),
    (re.compile(r"expected token 'in'"), "write `for one in many`"),
    (re.compile(r"can't assign to"), "set a name, such as `{% set total = 1 %}`"),
    (re.compile(r"Missing end of raw directive"), "close it with {% endraw %}"),
    (re.compile(r"invalid syntax for function call"), "write named arguments (`a=1`) after the others"),
    (re.compile(r"expected token 'as'"), "write `as` and a name"),
    (re.compile(r"expected token ':'"), "write a colon between a key and its value"),
    (re.compile(r"expected token 'name'"), "add the missing name"),
    (re.compile(r"expected call"), "write a call, such as `{% call listed() %}`"),
    (re.compile(r"^unexpected 'end of"), "complete the expression before it"),
    (
        re.compile(r"^(?:un|in)?(?:expected|valid)|^Invalid"),
        "look for a missing or superfluous character right before it",
    ),
    (re.compile(r"cannot use extend from a non top-level scope"), "put `extends` first in the file"),
    (re.compile(r"cannot be read: not UTF-8"), "save it as UTF-8"),
)


def explained(message: str) -> Problem:
    """Return an error's message in plain words, and the hint for it; "" if there is none."""
    close = _TO_CLOSE.search(message)
    if unknown := _UNKNOWN_TAG.search(message):
        tag, unclosed = unknown[1], close[1] if close else ""
        if unclosed and tag.startswith("end"):
            return Problem(f"there is no tag {tag!r} here", f"close the open `{unclosed}` with {{% end{unclosed} %}}")
        if tag in _ELIF:
            return Problem(f"there is no tag {tag!r}", "write `elif`")
        if tag in _TAGS or tag.removeprefix("end") in _TAGS:
            return Problem(f"there is no tag {tag!r} here", "remove it: no open tag needs it")
        return Problem(f"there is no tag {tag!r}", suggestion(tag, _TAGS, "docs/templates.md shows the tags"))
    if close:
        return Problem(f"{{% end{close[1]} %}} is missing", f"close the `{close[1]}` that is open at the end")
    if twice := _TWICE.search(message):
        return Problem(f"block {twice[1]!r} is defined twice", "merge both into one")
    if call := _CALL.search(message):
        return Problem(f"{call[1]}() {call[2]}", "docs/templates.md lists its arguments")
    return Problem(message, next((hint for pattern, hint in _HINTS if pattern.search(message)), ""))
