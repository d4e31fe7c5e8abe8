"""Convert Markdown, as people write it in GitLab, to Slack's mrkdwn.

The libraries for this expect trusted text and let ``<!channel>`` and foreign links through. So markdown-it parses, and
this module writes: all text is escaped, links go through ``link``, HTML is dropped.
"""

import re

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from markupsafe import Markup

from bridge.messages.emoji import with_standalone_emoji
from bridge.messages.links import link
from bridge.messages.mrkdwn import escaped, escaped_verbatim, markup, plain_text, unformatted
from bridge.templating import limits

MAX_MARKDOWN = 4_000
"""Characters that are parsed: parsing takes more than linear time, and a message holds less than this."""
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_TAG = re.compile(r"<[/!?]?[a-zA-Z][^<>]*>")
_BARE_URL = re.compile(r"https?://[^\s<>\"'`*|]*[^\s<>\"'`*|.,:;!?)\]}_~]")
_TASK = re.compile(r"\[([ xX])\]\s+")
_MARKS = {"strong": "*", "em": "_", "s": "~"}
_parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def render_markdown(value: object) -> Markup:
    """Convert Markdown (at most its first MAX_MARKDOWN characters) to mrkdwn; only links make ``<…>``."""
    source = _COMMENT.sub("", plain_text(value)).strip()
    if not source:
        return Markup("")
    if (meter := limits.current()) is not None:
        meter.check()
    more = "\n\n…" if len(source) > MAX_MARKDOWN else ""
    lines = _blocks(SyntaxTreeNode(_parser.parse(source[:MAX_MARKDOWN] + more)))
    return markup(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip())


def _blocks(node: SyntaxTreeNode) -> list[str]:
    """Return the lines of a node's children, with an empty one between paragraphs."""
    lines: list[str] = []
    for child in node.children:
        if lines and lines[-1]:
            lines.append("")
        lines += _block(child)
    return lines


def _block(node: SyntaxTreeNode) -> list[str]:
    match node.type:
        case "paragraph":
            return _inline(node).splitlines()
        case "heading":
            words = _inline(node).replace("*", "").strip()
            return [f"*{words}*"] if words else []
        case "bullet_list" | "ordered_list":
            return _list(node)
        case "blockquote":
            return [f"> {line}" for line in _blocks(node)]
        case "fence" | "code_block":
            code = escaped_verbatim(node.content.replace("```", "\u02cb\u02cb\u02cb").rstrip("\n"))
            return ["```", *code.splitlines(), "```"] if code.strip() else []
        case "html_block":
            return str(escaped(unformatted(_TAG.sub("", node.content)).strip())).splitlines()
        case "table":
            return _table(node)
        case "hr":
            return ["———"]
        case _:
            return _blocks(node)


def _list(node: SyntaxTreeNode) -> list[str]:
    number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
    lines: list[str] = []
    for item in node.children:
        first, *rest = [line for line in _blocks(item) if line] or [""]
        if task := _TASK.match(first):
            first = f"{'☐' if task[1] == ' ' else '☑'} {first[task.end() :]}"
        elif number is not None:
            first = f"{number}. {first}"
        elif first:
            first = f"• {first}"
        if first:
            lines += [first, *(f"    {line}" for line in rest)]
        number = number + 1 if number is not None else None
    return lines


def _table(node: SyntaxTreeNode) -> list[str]:
    """Return rows as ``A: x · B: y``, since mrkdwn has no tables."""
    head, *rows = [
        [" ".join(_inline(cell).split()) for cell in row.children] for part in node.children for row in part.children
    ]
    if not rows:
        return [" · ".join(cell for cell in head if cell)]
    named = (
        [f"{name}: {cell}" if name else cell for name, cell in zip(head, row, strict=False) if cell] for row in rows
    )
    return [" · ".join(cells) for cells in named if cells]


def _inline(node: SyntaxTreeNode) -> str:
    """Return the inline content of a node."""
    return "".join(_span(child) for child in node.children)


def _span(node: SyntaxTreeNode) -> str:
    match node.type:
        case "text":
            return _words(node.content)
        case "softbreak" | "hardbreak":
            return "\n"
        case "strong" | "em" | "s":
            # Slack's markers do not span lines, and have no effect around nothing.
            words = " ".join(_inline(node).split())
            return f"{_MARKS[node.type]}{words}{_MARKS[node.type]}" if words else ""
        case "code_inline":
            words = " ".join(node.content.replace("`", "\u02cb").split())
            return f"`{escaped_verbatim(words)}`" if words else ""
        case "link":
            return link(node.attrs.get("href", ""), markup(_inline(node)))
        case "image":
            return link(node.attrs.get("src", ""), unformatted(node.content) or "image")
        case "html_inline":
            return "\n" if node.content.lower().startswith("<br") else ""
        case _:
            return _inline(node)


def _words(text: str) -> str:
    """Return escaped text with its addresses linked: with ``verbatim`` Slack does not link them."""
    text = with_standalone_emoji(text)
    written, end = [], 0
    for url in _BARE_URL.finditer(text):
        written += [escaped(unformatted(text[end : url.start()])), link(url[0])]
        end = url.end()
    return "".join([*written, escaped(unformatted(text[end:]))])
