"""An event and a template in, a Slack message out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Block = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted: text, blocks and attachments as plain data, within Slack's limits."""

    text: str
    blocks: Sequence[Block] = ()
    attachments: Sequence[Block] = ()

    def body(self) -> dict[str, object]:
        """The JSON body of the post."""
        body: dict[str, object] = {"text": self.text, "unfurl_links": False, "unfurl_media": False}
        if self.blocks:
            body["blocks"] = list(self.blocks)
        if self.attachments:
            body["attachments"] = list(self.attachments)
        return body

    def text_only(self) -> dict[str, object]:
        """The body of the last try: nothing but text, which Slack can hardly refuse."""
        return {"text": self.text, "unfurl_links": False, "unfurl_media": False}


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made of an event: a message, or the reason for sending none."""

    template: str
    """The template that was used, by its name below templates/."""
    message: Message | None
    """None if and only if the template said skip."""
    skip: str = ""
    """The reason that the template gave for not sending."""
    fault: str = ""
    """`file:line: what went wrong` where the template failed and the message is the fallback; else ""."""
    missing: tuple[str, ...] = ()
    """`file:line: path` of what the template used and the payload did not have."""
    found: tuple[str, ...] = ()
    """The same of what it read and found: by both, `check` tells a misspelt field from one that some events lack."""
    packed: tuple[Block, ...] = ()
    """The message in its packed form, for a post that it shares with others."""
    print: str = ""
    """What tells the message from one that reads otherwise."""
