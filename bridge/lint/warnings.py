"""Find unusual but possibly intended things in templates: notes of `check`."""

from collections.abc import Collection, Iterator

from jinja2 import nodes

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, Severity
from bridge.config.errors import nearest
from bridge.lint.template_ast import Tree
from bridge.lint.template_checks import tree_in
from bridge.messages.emoji import emoji_names, unknown_emoji
from bridge.messages.templates import Templates


def template_notes(templates: Templates, names: Collection[str] | None = None) -> list[Diagnostic]:
    """Return the notes on every template, or on those with these names, in order of file and line."""
    found: set[Diagnostic] = set()
    for name in templates.sources if names is None else templates.sources.keys() & {*names}:
        if tree := tree_in(templates, name):
            found.update(_emoji(name, tree, templates))
    return sorted(found)


def _emoji(name: str, tree: Tree, templates: Templates) -> Iterator[Diagnostic]:
    """Find unknown emoji in the template's own texts. A workspace may have more, unknown here."""
    for text, line in _texts(tree):
        if text.count(":") < 2:
            continue
        for emoji in unknown_emoji(text):
            near = nearest(emoji, emoji_names())
            hint = f"did you mean :{near}:? Ignore this" if near else "correct it, or ignore this"
            yield templates.diagnostic(
                name,
                line + text.count("\n", 0, text.find(f":{emoji}:")),
                Code.TEMPLATE_UNKNOWN_EMOJI,
                f"Slack has no emoji :{emoji}: of its own",
                f"{hint} if it is your workspace's",
                Severity.NOTE,
            )


def _texts(tree: Tree) -> Iterator[tuple[str, int]]:
    for data in tree.all(nodes.TemplateData):
        yield data.data, data.lineno
    for constant in tree.all(nodes.Const):
        if isinstance(constant.value, str):
            yield constant.value, constant.lineno
