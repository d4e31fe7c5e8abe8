"""The result of rendering: a message, or the reason for none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.config.diagnostics import Diagnostic
from bridge.messages.missing_fields import MissingField
from bridge.templating.jinja_internals import Place

Block = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    """A post's text, blocks and attachments as plain data, within Slack's limits."""

    text: str
    blocks: Sequence[Block] = ()
    attachments: Sequence[Block] = ()

    def body(self) -> dict[str, object]:
        """Return the JSON body of the post."""
        body: dict[str, object] = {"text": self.text, "unfurl_links": False, "unfurl_media": False}
        if self.blocks:
            body["blocks"] = list(self.blocks)
        if self.attachments:
            body["attachments"] = list(self.attachments)
        return body

    def text_only(self) -> dict[str, object]:
        """Return the body of the last try: only text, which Slack hardly refuses."""
        return {"text": self.text, "unfurl_links": False, "unfurl_media": False}


@dataclass(frozen=True, slots=True)
class Rendered:
    """The result of a template for an event: a message, or the reason for sending none."""

    template: str
    """The template's name below templates/."""
    message: Message | None
    """None if and only if the template filled its skip block."""
    skip: str = ""
    """The template's reason for not sending."""
    error: Diagnostic | None = None
    """Why the template failed, if the message is the fallback."""
    missing: tuple[Place, ...] = ()
    """The paths that the template used and the payload does not have."""
    found: tuple[Place, ...] = ()
    """The paths that it found: with both, `check` separates a misspelt field from one that some events lack."""
    compact: tuple[Block, ...] = ()
    """The message in its compact form, for a post shared with others."""
    fingerprint: str = ""
    """Digest of the text: equal for messages that read the same."""
    line: str = ""
    """The message's first line as plain text; "" without a message."""
    linked_line: str = ""
    """The same line as mrkdwn, with a link to the event."""
    killed: bool = False
    """Whether a limit of time or memory ended the rendering by force: it must not be tried again."""
    undefined: tuple[MissingField, ...] = ()
    """The same paths as ``missing``, with what is there instead: for the hints of `check`."""
