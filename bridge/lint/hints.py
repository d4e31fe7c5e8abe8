"""What is said of a template that cannot be read or fails, in fewer words and with the mend."""

import re

from bridge.templating.unknown_names import nearest_known

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
    (re.compile(r"unexpected '[}\])]'"), "something is closed here that was not opened"),
    (re.compile(r"unexpected end of template", re.IGNORECASE), "the last tag is not closed"),
    (re.compile(r"Expected an expression"), "write a value or a condition there"),
    (re.compile(r"Missing end of comment tag"), "close the comment with `#}`"),
    (re.compile(r"RecursionError"), "it nests too deep, or a macro or an include calls itself without end"),
    (re.compile(r"took too long"), "let its loops take fewer turns; its other samples were not tried"),
    (re.compile(r"(?:writes|makes) too much|would (?:be|make it) too l"), "make less of it, with `truncate(400)` say"),
    (re.compile(r"OverflowError: Range too big"), "`range` goes to 100,000"),
    (re.compile(r"UndefinedError"), "correct the name"),
    (re.compile(r"TypeError"), "ask first what kind of value it is, or let a filter take care of that"),
    (re.compile(r"unexpected char ['\"\\]+ at"), "close the quotation that begins there"),
    (re.compile(r"unexpected char '&'"), "write `and`"),
    (re.compile(r"unexpected char '!'"), "write `not`, or `!=`"),
    (re.compile(r"unexpected char '\?'"), "write `this if condition else that`"),
    (re.compile(r"unexpected char"), "take it out, or put it into quotation marks"),
    (re.compile(r"tag name expected"), "write a tag after `{%`, such as `if`"),
    (re.compile(r"expected name or number"), "write the name of a field after the dot"),
    (re.compile(r"expected token 'in'"), "write `for one in many`"),
    (re.compile(r"can't assign to"), "set a name, such as `{% set total = 1 %}`"),
    (re.compile(r"Missing end of raw directive"), "close it with {% endraw %}"),
    (re.compile(r"invalid syntax for function call"), "write what has a name (`a=1`) after what has none"),
    (re.compile(r"expected token 'as'"), "write `as` and a name"),
    (re.compile(r"expected token ':'"), "write a colon between a key and its value"),
    (re.compile(r"expected token 'name'"), "write the name that is missing there"),
    (re.compile(r"expected call"), "write a call, such as `{% call listed() %}`"),
    (re.compile(r"^unexpected 'end of"), "write what is missing before it"),
    (re.compile(r"^(?:un|in)?(?:expected|valid)|^Invalid"), "look right before it for what is missing or too much"),
    (re.compile(r"cannot use extend from a non top-level scope"), "put `extends` first in the file"),
    (re.compile(r"cannot be read: not UTF-8"), "save it as UTF-8"),
)


def said(what: str) -> tuple[str, str]:
    """What is wrong and the mend, from the text of an error."""
    close = _TO_CLOSE.search(what)
    if unknown := _UNKNOWN_TAG.search(what):
        tag, unclosed = unknown[1], close[1] if close else ""
        if unclosed and tag.startswith("end"):
            return f"there is no tag {tag!r} here", f"`{unclosed}` is open: close it with {{% end{unclosed} %}}"
        if tag in _ELIF:
            return f"there is no tag {tag!r}", "write `elif`"
        if tag in _TAGS or tag.removeprefix("end") in _TAGS:
            return f"there is no tag {tag!r} here", "nothing is open that it could belong to: take it out"
        return f"there is no tag {tag!r}", nearest_known(tag, _TAGS)
    if close:
        return f"{{% end{close[1]} %}} is missing", f"close the `{close[1]}` that is open at the end"
    if twice := _TWICE.search(what):
        return f"block {twice[1]!r} is there twice", "put both into one"
    if call := _CALL.search(what):
        return f"{call[1]}() {call[2]}", "docs/templates.md tells what it takes"
    return what, next((hint for pattern, hint in _HINTS if pattern.search(what)), "")
