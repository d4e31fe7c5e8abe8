import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.messages import Message
from bridge.messages.limits import limit_violations
from bridge.messages.links import address, link, member


@pytest.mark.parametrize(
    ("url", "text", "expected"),
    [
        ("https://e.example/?a=1&b=2", "A & B", "<https://e.example/?a=1&amp;b=2|A &amp; B>"),
        ("HTTP://e.example", "x", "<HTTP://e.example|x>"),
        ("mailto:ada@e.example", "Ada", "<mailto:ada@e.example|Ada>"),
        ("https://e.example/a b", "x", "<https://e.example/a%20b|x>"),
        ("https://e.example/<!channel>|y", "x", "<https://e.example/%3C!channel%3E%7Cy|x>"),
        ("https://e.example/\n<!here>", "x", "<https://e.example/%0A%3C!here%3E|x>"),
        ("https://e.example", "a|b\nc", "<https://e.example|a¦b c>"),
        ("https://e.example", "", "<https://e.example|https://e.example>"),
        ("https://e.example", None, "<https://e.example|https://e.example>"),
        ("https://e.example", '"it\'s"', '<https://e.example|"it\'s">'),
        ("https://e.example", link("https://f.example", "inner"), "<https://e.example|inner>"),
        (" https://e.example ", "x", "<https://e.example|x>"),
    ],
)
def test_addresses_are_linked(url: object, text: object, expected: str) -> None:
    assert link(url, text) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "data:text/html,x", "!channel", "@U123", "#C123", "//e.example", "/path", "e.example"),
        *("https://", "https:///x", "http:e.example", "mailto:", "mailto:ada", "ftp://e.example", "", None, 7, [], {}),
        *("https://?", "https://\x00", "x https://e.example", "https://e.example/" + "a" * 3000, True, 1e400),
    ],
)
def test_anything_else_is_its_text_alone(url: object) -> None:
    assert link(url, "a <b>") == "a &lt;b&gt;"


def test_a_bad_address_without_a_text_shows_as_text() -> None:
    assert link("javascript:<alert>") == "javascript:&lt;alert&gt;"


def test_members_are_looked_up_by_user_name_and_by_nothing_else() -> None:
    people = {"ada": "U012AB3CD", "bad": "!channel", "worse": "U1> <!here", "team": "S012345"}
    assert member("ada", people) == member("@ada", people) == member("Ada", people) == "<@U012AB3CD>"
    assert member("bad", people) == "bad"
    assert member("worse", people) == "worse"
    assert member("team", people) == "team"
    assert member("<@U999>", people) == "&lt;@U999&gt;"
    assert member(None, people) == ""


@pytest.mark.thorough
@settings(max_examples=200, deadline=None)
@given(st.text() | st.from_regex(r"(https?|mailto):(//)?[^\n]{0,40}"), st.text(max_size=60))
def test_no_address_and_no_label_makes_anything_but_a_link(url: str, text: str) -> None:
    made = link(url, text)
    bare = made.replace("<" + made[1:].partition("|")[0], "", 1) if made.startswith("<") else made
    assert made.count("<") == made.count(">") == (1 if address(url) else 0)
    assert not address(url) or made.count("|") == 1
    assert not any(sign in bare for sign in ("<!", "<@", "<#"))
    if address(url) and all(c.isprintable() for c in text):
        assert limit_violations(Message(made)) == []
