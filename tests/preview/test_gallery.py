"""Tests of the page of all messages: it needs no other file, and holds no script."""

import base64
import hashlib
import re

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import error
from bridge.messages import Message, Rendered
from bridge.preview.gallery import GalleryItem, gallery_page

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'

ERROR = error(Code.TEMPLATE_FAILED, HOSTILE, HOSTILE)


def page() -> str:
    return gallery_page(
        [
            GalleryItem("gitlab", "push", Rendered("gitlab/push.j2", Message("Ada <pushed>"))),
            GalleryItem("gitlab", HOSTILE, Rendered(HOSTILE, None, HOSTILE, ERROR)),
            GalleryItem("stripe", "charge.failed", Rendered("stripe/charge.j2", Message(HOSTILE))),
        ]
    )


def test_messages_are_grouped_by_provider_with_their_template() -> None:
    written = page()
    assert '<a href="#gitlab">gitlab (2)</a> <a href="#stripe">stripe (1)</a>' in written
    assert (
        '<article id="gitlab/push"><h3><a href="#gitlab/push">gitlab/push</a> <small>gitlab/push.j2</small>' in written
    )
    assert "<title>Bridge: 3 messages</title>" in written


def test_a_skipped_message_shows_its_reason() -> None:
    written = gallery_page([GalleryItem("gitlab", "push", Rendered("gitlab/push.j2", None, "a draft"))])
    assert "Skipped by the template: a draft" in written


def test_nothing_of_a_payload_is_markup() -> None:
    written = page()
    assert "<script" not in written
    assert "<img" not in written


def test_nothing_is_fetched_and_the_policy_allows_the_style_alone() -> None:
    written = page()
    style = re.search("<style>(.*?)</style>", written, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'\"" in written
    assert not re.search(
        r"(?:src|url\(|@import|<link)", written.replace(style[1], "").replace("src '", "").replace("src=x", "")
    )
    assert "url(" not in style[1]
