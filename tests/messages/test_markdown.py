import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.messages.markdown import MAX_MARKDOWN, render_markdown
from tests.work import calls_of


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# Title", "*Title*"),
        ("**bold** *it* ~~st~~ `co`", "*bold* _it_ ~st~ `co`"),
        ("**bold *both***", "*bold _both_*"),
        ("a **b\nc** d", "a *b c* d"),
        ("[text](https://e.example/?a=1&b=2 'title')", "<https://e.example/?a=1&amp;b=2|text>"),
        ("see https://e.example/a_b.", "see <https://e.example/a_b|https://e.example/a_b>."),
        ("![alt](https://e.example/i.png)", "<https://e.example/i.png|alt>"),
        ("![](https://e.example/i.png)", "<https://e.example/i.png|image>"),
        ("[x](javascript:alert(1)) [y](/uploads/z.png)", "[x](javascript:alert(1)) y"),
        ("- a\n- b\n  - c", "• a\n• b\n    • c"),
        ("2. a\n3. b", "2. a\n3. b"),
        ("- [ ] open\n- [x] done", "☐ open\n☑ done"),
        ("-\n-", ""),
        ("> a\n> b", "> a\n> b"),
        ("```py\nx = '<@U1>'\n```", "```\nx = '&lt;@U1&gt;'\n```"),
        ("| A | B |\n|-|-|\n| 1 | 2 |\n| 3 | |", "A: 1 · B: 2\nA: 3"),
        ("a\n\n<!-- a comment\n\nover lines -->\n\nb", "a\n\nb"),
        ("a <!-- not closed", "a"),
        ("<details><summary>More</summary>\n\nhidden\n\n</details>", "More\n\nhidden"),
        ("a<br>b <b>c</b>", "a\nb c"),
        ("2 * 3 _ 4 and snake_case", "2 ∗ 3 ˍ 4 and snake_case"),
        ("a ``b`c`` d", "a `bˋc` d"),
        ("---", "———"),
        ("\\*not bold\\*", "∗not bold∗"),
        (None, ""),
        ("  ", ""),
    ],
)
def test_markdown_reads_as_mrkdwn(source: object, expected: str) -> None:
    assert render_markdown(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "<!channel> <!here|x> <@U123> <#C1> <!subteam^S1> <https://evil.example|click>",
        "&lt;!channel&gt; &#60;@U1&#62;",
        "[a](!channel) [b](@U1) [c](<!channel>)",
        "[<!channel>](https://e.example)",
        "`<!channel>` ```<@U1>```",
        "<!channel\n>",
        "<https://e.example|!channel>",
        "![<@U1>](https://e.example/i.png)",
        "| <!here> |\n|-|\n| <@U1> |",
        "# <!channel>",
        "<script><!channel></script>",
    ],
)
def test_no_markdown_makes_a_mention_or_a_foreign_link(source: str) -> None:
    for token in re.findall(r"<[^>]*>", render_markdown(source)):
        assert re.match(r"<https://(e|evil)\.example[^|<>]*\|[^|<>]+>\Z", token), token


@pytest.mark.thorough
@pytest.mark.parametrize(
    "unit",
    [
        "[a](",
        "*a ",
        "**",
        "> ",
        "- ",
        "`",
        "[",
        "![](",
        "<!--",
        "<a ",
        "_a_ ",
        "|a",
        "&",
        "https://a",
        "\\",
        "1. ",
        "<",
        "a@b.c ",
        "~~",
        "***a* ",
    ],
)
def test_the_worst_markdown_takes_work_in_proportion_to_what_is_read_of_it(unit: str) -> None:
    assert calls_of(lambda: render_markdown(unit * 30_000)) < 250 * MAX_MARKDOWN
    assert len(render_markdown(unit * 30_000)) < 8 * MAX_MARKDOWN


@pytest.mark.thorough
@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*"<>!@#|[]()*_~`&\n -1.x", "https://e.example", "<!channel>", "<@U1>", "```"]),
        max_size=40,
    ).map("".join)
)
def test_only_links_are_between_angle_brackets(source: str) -> None:
    made = re.sub(r"<https://e\.example[^\s<>|]*\|[^<>|\n]+>", "", render_markdown(source))
    assert "<" not in made
    assert not re.search(r"&(?!amp;|lt;|gt;)", made)
