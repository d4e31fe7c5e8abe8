"""Find the template line of a part of a message."""

from bridge.core.payload import at, text_at
from bridge.lint.template_checks import ancestors_of, tree_in
from bridge.messages import Message
from bridge.messages.limits import LimitViolation
from bridge.messages.templates import Templates


def origin(templates: Templates, name: str, message: Message, violation: LimitViolation) -> tuple[str, int]:
    """Return the template and line of the block behind a limit violation; line 1 if the block is unknown."""
    block = _block_of(message, violation.place)
    own = tree_in(templates, name)
    for file, tree in [*([(name, own)] if own else []), *ancestors_of(templates, name).items()]:
        line = next((placed.node.lineno for placed in tree.blocks if placed.node.name == block), 0)
        if line:
            return file, line
    return name, 1


def _block_of(message: Message, place: str) -> str:
    """Return the template block of ``blocks[0].text`` or ``attachments[0].blocks[2].fields[1]``."""
    if place == "text":
        return "title"
    if not place.startswith(("blocks[", "attachments[")):
        return "body"
    step, _, rest = place.partition(".")
    if step.startswith("attachments["):
        blocks, step = at(message.attachments, _number(step), "blocks"), rest.partition(".")[0]
        if not step.startswith("blocks["):
            return "color"
    elif message.attachments:
        return "title"
    else:
        blocks = message.blocks
    block = at(blocks, _number(step))
    kind = text_at(block, "type")
    if kind == "section":
        return "fields" if at(block, "fields") is not None else "body"
    return kind


def _number(step: str) -> int:
    number = step.partition("[")[2].rstrip("]")
    return int(number) if number.isdigit() else 0
