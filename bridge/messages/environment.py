"""The Jinja environment of templates: everything that is printed is escaped for Slack, by itself.

Jinja's own escaping stays on (it runs at C speed), and each piece of output loses the two escapes that HTML needs and
Slack shows: every block, macro, ``set`` block and call passes ``concat``, so the pieces are right from the start.
"""

from collections.abc import Iterable, Mapping

from jinja2 import pass_eval_context
from markupsafe import Markup

from bridge.events import Event
from bridge.messages import template_blocks
from bridge.messages.filters import FILTERS
from bridge.messages.links import address, link, member
from bridge.messages.mrkdwn import MAX_ESCAPED, escaped, markup, plain_text, unquote
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
"""Characters that a template may make, in all of its output."""
_LONG = MAX_ESCAPED // len("&amp;")
"""Characters whose escaped form may be longer than one value's may be."""
GIVEN = ("event", "payload")
"""The variables that every template has."""


class SlackEnvironment(Sandbox):
    """Templates for Slack. ``people`` are those who may be mentioned: user name -> Slack member id."""

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

    def __init__(self, people: Mapping[str, str]) -> None:
        super().__init__()

        def mention(name: object) -> Markup:
            return member(name, people)

        self.filters = {**FILTERS, "slot": _slot}
        self.finalize = printed
        self.globals.update(
            range=safe_range,
            namespace=Namespace,
            cycler=Cycler,
            joiner=Joiner,
            field=field,
            button=button,
            link=link,
            mention=mention,
        )

    @staticmethod
    def concat(parts: Iterable[str]) -> str:
        """The output of a template, block or macro in one piece. Raises LimitExceededError."""
        made = list(parts)
        if sum(map(len, made)) > MAX_OUTPUT:
            raise limits.LimitExceededError("the template writes too much")
        text = unquote("".join(made))
        limits.count_output(text)
        return text

    def join_texts(self, parts: Iterable[object]) -> str:
        """``a ~ b``: markup where any part is."""
        made = [limits.to_text(part) for part in parts]
        if any(isinstance(part, Markup) for part in made):
            return markup(self.within_limit("".join(map(escaped, made))))
        return self.within_limit("".join(part[:MAX_ESCAPED] for part in made))

    def cut(self, obj: object, part: slice) -> object:
        """``obj[a:b]``; of markup, its words."""
        return super().cut(plain_text(obj) if isinstance(obj, Markup) else obj, part)


@pass_eval_context  # so that Jinja cannot call it for constants while it compiles: it would escape `none` first
def printed(_: EvalContext, value: object) -> str:
    """What ``{{ value }}`` writes: nothing for null, JSON for objects, no more of a text than a message could hold."""
    shown = limits.to_text(value)
    if len(shown) > _LONG:
        shown = escaped(shown)
    limits.count_output(shown)
    return shown


def field(label: object, value: object = "") -> Markup:
    """A labelled value beside others. Without a value there is no field."""
    shown = escaped(value).strip()
    if shown:
        template_blocks.current().fields.append((str(escaped(label)).strip(), str(shown)))
    return Markup("")


def button(text: object, url: object, style: object = "") -> Markup:
    """A link as a button. Without an address that may be linked there is no button."""
    target, label = address(url), " ".join(plain_text(text).split())
    if target and label:
        template_blocks.current().buttons.append(template_blocks.Button(label, target, plain_text(style)))
    return Markup("")


def _slot(rendered: str, name: str) -> Markup:
    template_blocks.current().fill(name, str(rendered))
    return Markup("")
