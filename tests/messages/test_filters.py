import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.messages.environment import SlackEnvironment
from bridge.messages.filters import FILTERS

ENVIRONMENT = SlackEnvironment({})
VALUES = [None, 0, 1.5, -3, True, float("inf"), float("nan"), 10**40, "", " ", "<!here>", [], ["a", None], {}, {"a": 1}]


def written(source: str, **variables: object) -> str:
    return ENVIRONMENT.from_string(source).render(variables)


@pytest.mark.parametrize(
    "name",
    sorted(
        set(FILTERS)
        - {
            "map",
            "select",
            "reject",
            "selectattr",
            "rejectattr",
            "groupby",
            "batch",
            "slice",
            "replace",
            "safe",
            "format",
        }
    ),
)
def test_every_filter_accepts_every_value(name: str) -> None:
    source = f"{{{{ v | {name} }}}}|{{{{ v.nope.further | {name} }}}}"
    for value in [*VALUES, [[1], {}], "x" * 90_000, "a\ud800\x00"]:
        made = written(source, v=value)
        assert "<!here>" not in made
        assert "None" not in made


@pytest.mark.parametrize(
    "source",
    [
        "{{ v | map('upper') | join }}",
        "{{ v | map(attribute='a.b') | join }}",
        "{{ v | select | list }}{{ v | reject('none') | list }}",
        "{{ v | selectattr('a') | list }}{{ v | rejectattr('a', 'equalto', 1) | list }}",
        "{{ v | groupby('a') | length }}",
        "{{ v | batch(2) | length }}{{ v | slice(2) | length }}",
        "{{ v | replace('a', 'b') }}{{ v | replace('', 'b') }}",
        "{{ '%s' | format(v) }}{{ v | format }}",
        "{{ v | money(v) }}{{ v | date(v ~ '') }}{{ 5 | money(v) }}",
    ],
)
def test_filters_with_arguments_bear_every_value(source: str) -> None:
    for value in [*VALUES, [[1], {}], "x" * 90_000]:
        assert "<!here>" not in written(source, v=value)


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        ("{{ v | code }}", "feature/`x`\n<b>", "`feature/ˋxˋ &lt;b&gt;`"),
        ("{{ v | code }}", "  ", ""),
        ("{{ v | plain }}", "*x* <@U1>\n> y", "∗x∗ &lt;@U1&gt;\n\u00ad&gt; y"),
        ("{{ link('https://e.example/*a*', v) | plain }}", "x", "<https://e.example/*a*|x>"),
        ("{{ v | quote }}", "a\n\n<b>", "> a\n> \n> &lt;b&gt;"),
        ("{{ v | quote }}", "", ""),
        ("{{ v | money('eur') }}", 1250, "€12.50"),
        ("{{ v | money('jpy') }}", 1250, "¥1,250"),
        ("{{ v | money('kwd') }}", 12500, "KWD 12.500"),
        ("{{ v | money('EUR') }}", "1250.00", "€1,250.00"),
        ("{{ v | money('eur', minor=true) }}", "12.5", "€0.125"),
        ("{{ v | money('jpy', minor=true) }}", "12.5", "¥12.5"),
        ("{{ v | money('eur', minor=true) }}", "1250", "€12.50"),
        ("{{ v | money(none) }}", "12.50", "12.50"),
        ("{{ v | money('eur') }}", None, ""),
        ("{{ v | country }}", "ie", "Ireland"),
        ("{{ v | country }}", "zz-nowhere", "zz-nowhere"),
        ("{{ v | language }}", "pt-BR", "Portuguese (Brazil)"),
        ("{{ v | language }}", "FR", "French"),
        ("{{ v | language }}", "xx-Nowhere", "xx-Nowhere"),
        ("{{ v | language }}", "../../x", "../../x"),
        ("{{ v | language }}", None, ""),
        ("{{ v | money('eur') }}", True, ""),
        ("{{ v | duration }}", 125, "2 minutes and 5 seconds"),
        ("{{ v | duration }}", "3720", "1 hour and 2 minutes"),
        ("{{ v | duration }}", 7199, "2 hours"),
        ("{{ v | duration }}", 0.4, "less than a second"),
        ("{{ v | duration }}", 200_000, "2 days and 8 hours"),
        ("{{ v | duration }}", "<soon>", "&lt;soon&gt;"),
        ("{{ v | duration }}", 1e300, "1e+300"),
        ("{{ v | duration }}", None, ""),
        ("{{ v | truncate(13) }}", "hello <b> world", "hello &lt;b&gt;…"),
        ("{{ v | truncate(9, true) }}", "hello <b> world", "hello &lt;b…"),
        ("{{ v | md | truncate(9) }}", "[a long label](https://e.example)", "<https://e.example|a long l>…"),
        ("{{ v | truncate(0) }}{{ v | truncate(-9) }}", "hello", "……"),
        ("{{ (v | e) | length }}", "<b>", "3"),
        ("{{ (v | e) | upper }}", "<b> & c", "&lt;B&gt; &amp; C"),
        ("{{ (v | e) | title }}", "it's <b>", "It's &lt;B&gt;"),
        ("{{ (v | e) | capitalize }}", "hello WORLD", "Hello world"),
        ("{{ (v | e) | replace('amp', 'x') }}", "a & amp", "a &amp; x"),
        ("{{ link('https://e.example', v) | striptags }}", "<b>", "&lt;b&gt;"),
        ("{{ v | striptags }}", "<p>a <b>c</b></p>", "a c"),
        ("{{ v | join(' · ') }}", ["a", None, "", "<b>"], "a · &lt;b&gt;"),
        ("{{ v | map('code') | join(' ') }}", ["a", "b"], "`a` `b`"),
        ("{{ v | map(attribute='n') | map('md') | join(', ') }}", [{"n": "**a**"}, {}], "*a*"),
        ("{{ v | safe }}", "<@U1>", "<@U1>"),
        ("{{ v | urlencode }}", "a b&c/d", "a%20b%26c/d"),
        ("{{ v | filesizeformat }}", 1_500_000, "1.5 MB"),
    ],
)
def test_filters_write(source: str, value: object, expected: str) -> None:
    assert written(source, v=value) == expected


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=80),
    st.sampled_from(
        [
            "md",
            "plain",
            "quote",
            "code",
            "title",
            "truncate(20)",
            "md | truncate(9)",
            "upper | code",
            "replace('a', '<!here>') | quote",
            "tojson",
        ]
    ),
)
def test_no_filter_lets_a_control_through(text: str, filters: str) -> None:
    made = written(f"{{{{ v | {filters} }}}}", v=f"<!channel>{text}<@U1>")
    assert not any(control in made for control in ("<!", "<@", "<#"))


def test_a_block_of_code_is_not_quoted_since_slack_would_show_the_marks_in_it() -> None:
    markdown = "See\n\n```\na > b\n\n  c\n```\n\nthere"
    assert written("{{ v | md | quote }}", v=markdown) == "> See\n> \n```\na &gt; b\n\n  c\n```\n> \n> there"


def test_a_block_of_code_that_a_quotation_cuts_is_closed() -> None:
    assert written("{{ v | md | quote }}", v="```\n" + "x = 1\n" * 900 + "```").count("```") == 2
