"""The Jinja environment of templates: all output is escaped for Slack automatically.

Jinja's own escaping stays on (it runs at C speed). Slack would show two of HTML's escapes as text, so ``concat``
removes them: every block, macro, ``set`` block and call passes through it.
"""

from collections.abc import Iterable, Mapping

from jinja2 import pass_eval_context
from markupsafe import Markup

from bridge.events import Event
from bridge.messages import template_blocks
from bridge.messages.emoji import broken
from bridge.messages.filters import FILTERS, with_values
from bridge.messages.links import address, link, member
from bridge.messages.mrkdwn import MAX_ESCAPED, escaped, escaped_verbatim, markup, plain_text, plain_words, unquote
from bridge.messages.phrases import phrase
from bridge.templating import limits
from bridge.templating.jinja_internals import (
    BlockReference,
    Cycler,
    EvalContext,
    Joiner,
    LoopContext,
    Macro,
    Namespace,
    TemplateModule,
    TemplateReference,
    safe_range,
)
from bridge.templating.sandbox import Sandbox

MAX_OUTPUT = 2 * limits.MAX_TEXT
"""Limit for a template's whole output, in characters."""
_LONG_TEXT = MAX_ESCAPED // len("&amp;")
"""Length at which the escaped form may exceed the limit for one value, in characters."""
TEMPLATE_VARIABLES = ("event", "payload", "line")
"""The variables of every template."""


class SlackEnvironment(Sandbox):
    """Jinja environment for Slack. ``people`` maps a user name to the Slack member id that may be mentioned.

    ``link_buttons`` is for the layout: whether buttons are real ones, not links.
    """

    escaping = True
    open_types = (
        Event,
        LoopContext,
        Macro,
        BlockReference,
        TemplateReference,
        TemplateModule,
        Namespace,
        Cycler,
        Joiner,
    )

    def __init__(self, people: Mapping[str, str], *, link_buttons: bool = False) -> None:
        super().__init__()
        self.people = people
        self.link_buttons = link_buttons

        def mention(name: object) -> Markup:
            return member(name, people)

        self.filters = {**FILTERS, "slot": _slot}
        self.binop_table.update({"+": _add, "%": _modulo})
        self.finalize = finalize_value
        self.globals.update(
            range=safe_range,
            namespace=Namespace,
            cycler=Cycler,
            joiner=Joiner,
            field=field,
            button=button,
            link=link,
            mention=mention,
            phrase=phrase,
        )

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """Join the output of a template, block or macro. Raises LimitExceededError."""
        texts = list(parts)
        if sum(map(len, texts)) > MAX_OUTPUT:
            raise limits.LimitExceededError("the template writes too much")
        text = unquote("".join(texts))
        limits.count_output(text)
        return text

    def join_texts(self, parts: Iterable[object]) -> str:
        """Evaluate ``a ~ b``; the result is markup if any part is."""
        texts = [limits.to_text(part) for part in parts]
        if any(isinstance(part, Markup) for part in texts):
            return markup(self.within_limit("".join(map(escaped, texts))))
        return self.within_limit("".join(part[:MAX_ESCAPED] for part in texts))

    def constant(self, value: object) -> object:
        """Return a text of the template that names an emoji as markup, since its author may; other values unchanged."""
        return escaped_verbatim(value) if isinstance(value, str) and broken(value) != value else value

    def cut(self, obj: object, part: slice) -> object:
        """Evaluate ``obj[a:b]``; markup is sliced as plain text."""
        return super().cut(plain_text(obj) if isinstance(obj, Markup) else obj, part)


@pass_eval_context  # so that Jinja cannot call it for constants at compile time: it would escape `none` first
def finalize_value(_: EvalContext, value: object) -> str:
    """Return the output of ``{{ value }}``: nothing for null, JSON for objects, text cut to a message's size."""
    shown = limits.to_text(value)
    if len(shown) > _LONG_TEXT:
        shown = escaped(shown)
    elif ":" in shown and not isinstance(shown, Markup):
        shown = broken(shown)
    limits.count_output(shown)
    return shown


def _add(left: object, right: object) -> object:
    if isinstance(left, str) and isinstance(right, str) and (isinstance(left, Markup) or isinstance(right, Markup)):
        return limits.add(escaped(left), escaped(right))
    return limits.add(left, right)


def _modulo(left: object, right: object) -> object:
    if not isinstance(left, str):
        return limits.modulo(left, right)
    if isinstance(right, dict):
        return with_values(left, **right)
    return with_values(left, *(right if isinstance(right, tuple) else (right,)))


def field(label: object, value: object = "") -> Markup:
    """Add a labelled value to the fields; without a value, add no field."""
    shown = escaped(value).strip()
    if shown:
        template_blocks.current().fields.append((str(escaped(label)).strip(), str(shown)))
    return Markup("")


def button(text: object, url: object, style: object = "") -> Markup:
    """Add a link button; without a valid address, add no button."""
    target, label = address(url), " ".join(plain_words(text).split())
    if target and label:
        template_blocks.current().buttons.append(template_blocks.Button(label, target, plain_text(style)))
    return Markup("")


def _slot(rendered: str, name: str) -> Markup:
    template_blocks.current().fill(name, str(rendered))
    return Markup("")
