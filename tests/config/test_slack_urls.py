"""Tests of the URLs that Bridge may post to."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.config.slack_urls import is_loopback, url_problem

HOSTS = ("hooks.slack.com", "hooks.slack-gov.com")
LOCAL = (*HOSTS, "127.0.0.1", "localhost", "::1", "mirror.example.com")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.slack.com/services/T0AB/B1CD/xYz123",
        "https://hooks.slack-gov.com/services/T0AB/B1CD/xYz123",
        "https://hooks.slack.com/T0AB/B1CD/xYz123",
        "https://HOOKS.slack.com/services/T0/B0/x",
        "https://mirror.example.com/services/T0/B0/x",
        "http://127.0.0.1:9/services/T0/B0/check",
        "http://localhost:8081/services/T0/B0/check",
        "http://[::1]:9/services/T0/B0/check",
        "https://127.0.0.1:9/services/T0/B0/check",
    ],
)
def test_may_be_posted_to(url: str) -> None:
    assert url_problem(url, LOCAL) is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://hooks.slack.com/services/T0/B0/hush", "must start with https://"),
        ("hooks.slack.com/services/T0/B0/hush", "must start with https://"),
        ("http://mirror.example.com/services/T0/B0/hush", "must start with https://"),
        ("http://127.0.0.2:9/services/T0/B0/hush", "list its host in BRIDGE_SLACK_HOSTS"),
        ("https://hooks.slack.com.example.org/services/T0/B0/hush", "list its host in BRIDGE_SLACK_HOSTS"),
        ("https://hooks.slack.com./services/T0/B0/hush", "list its host in BRIDGE_SLACK_HOSTS"),
        ("https://example.org/services/T0/B0/hush", "list its host in BRIDGE_SLACK_HOSTS"),
        ("https://hooks.slack.com@example.org/services/T0/B0/hush", "list its host in BRIDGE_SLACK_HOSTS"),
        ("https://u:hush@hooks.slack.com/services/T0/B0/hush", "has a user or a port before its path"),
        ("https://@hooks.slack.com/services/T0/B0/hush", "has a user or a port before its path"),
        ("https://hooks.slack.com:443/services/T0/B0/hush", "has a user or a port before its path"),
        ("https://hooks.slack.com:/services/T0/B0/hush", "has a user or a port before its path"),
        ("https://hooks.slack.com/services/T0/B0/hush?x=1", "has a `?` or `#`"),
        ("https://hooks.slack.com/services/T0/B0/hush#x", "has a `?` or `#`"),
        ("https://hooks.slack.com/services/T0/B0/hush#", "has a `?` or `#`"),
        ("https://hooks.slack.com/triggers/T0/1/hush", "starts a Slack workflow"),
        ("https://hooks.slack.com/workflows/T0/A0/1/hush", "starts a Slack workflow"),
        ("https://hooks.slack.com/services/T0/B0", "has not the path of an incoming webhook"),
        ("https://hooks.slack.com/services/T0/B0/hush/", "has not the path"),
        ("https://hooks.slack.com/services/B0/T0/hush", "has not the path"),
        ("https://hooks.slack.com/services/T0/B0/../hush", "has not the path"),
        ("https://hooks.slack.com/services//T0/B0/hush", "has not the path"),
        ("https://hooks.slack.com/", "has not the path"),
        ("https://hooks.slack.com", "has not the path"),
        ("https://hooks.slack.com/services/T0/B0/hu%2fsh", "has not the path"),
        ("https://hooks.slack.com/services/T0/B0/hu\nsh", "holds a character"),
        ("https://hooks.slack.com\\@example.org/services/T0/B0/hush", "holds a character"),
        ("https://hooks.slack.com/services/T0/B0/hüsh", "holds a character"),
        ("https://[hush", "is not a URL"),
        ("https://hooks.slack.com:hush/services/T0/B0/x", "is not a URL"),
    ],
)
def test_may_not_be_posted_to_and_is_not_shown(url: str, expected: str) -> None:
    found = url_problem(url, LOCAL if "127.0.0.2" not in url else HOSTS)
    assert found is not None
    assert expected in str(found)
    assert "hush" not in str(found)


def test_loopback_is_this_machine_only() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("10.0.0.1", "localhost.example.com", "0.0.0.0", ""))


@pytest.mark.thorough
@given(st.text(max_size=40).map("https://hooks.slack.com/services/T0/B0/{}".format) | st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_judged(url: str) -> None:
    if url_problem(url, HOSTS) is None:
        assert url.startswith(("https://hooks.slack.com/", "https://hooks.slack-gov.com/"))
        assert url.isascii()
