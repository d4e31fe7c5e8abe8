"""What is odd in a template and may yet be meant: told as notes by `check`."""

from collections.abc import Collection, Iterator

from jinja2 import nodes

from bridge.config.errors import nearest
from bridge.lint.template_ast import Tree
from bridge.lint.template_checks import Fault, tree_in
from bridge.messages.emoji import emoji_names, unknown_emoji
from bridge.messages.render import Templates


def doubts(templates: Templates, names: Collection[str] | None = None) -> list[Fault]:
    """The doubts about every template, or about those with these names, in order of file and line."""
    found: set[Fault] = set()
    for name in templates.sources if names is None else templates.sources.keys() & {*names}:
        if tree := tree_in(templates, name):
            found.update(_emoji(name, tree))
    return sorted(found)


def _emoji(name: str, tree: Tree) -> Iterator[Fault]:
    """Names of emoji in what the template itself says. A workspace has its own, which nobody here knows."""
    for text, line in _texts(tree):
        if text.count(":") < 2:
            continue
        for emoji in unknown_emoji(text):
            what = f"Slack has no emoji :{emoji}: of its own"
            hint = f"the nearest known is :{nearest(emoji, emoji_names())}:, unless it is your workspace's"
            yield Fault(name, line + text.count("\n", 0, text.find(f":{emoji}:")), what, hint)


def _texts(tree: Tree) -> Iterator[tuple[str, int]]:
    for data in tree.all(nodes.TemplateData):
        yield data.data, data.lineno
    for constant in tree.all(nodes.Const):
        if isinstance(constant.value, str):
            yield constant.value, constant.lineno
