"""Tests of routes.toml: its valid contents, and errors with file, line and hint."""

import os
import re
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from bridge.config.diagnostic_codes import Code
from bridge.config.diagnostics import Diagnostic, Severity
from bridge.config.errors import ConfigurationError
from bridge.routing.routes_file import Routes, load_routes, name_errors, parse_routes
from bridge.sources import PROVIDERS
from tests.diagnostics import plain_all

SHIPPED = Path(__file__).parents[2] / "routes.toml"


def read(text: str) -> Routes:
    return parse_routes(dedent(text))


def diagnostics(text: str) -> list[Diagnostic]:
    with pytest.raises(ConfigurationError) as caught:
        parse_routes(dedent(text))
    assert caught.value.__cause__ is None
    return list(caught.value.diagnostics)


def errors(text: str) -> list[str]:
    return plain_all(diagnostics(text))


def place(routes: Routes, *path: str | int) -> str:
    return routes.diagnostic(path, Code.ROUTE_UNMATCHED, "message", "hint").place


class TestContents:
    def test_the_file_of_the_design(self) -> None:
        routes = read("""\
            [sources.stripe-eu]
            provider = "stripe"
            dedupe_ttl = "72h"

            [channels.general]
            private = true
            pace = "30/m"

            [people]
            ada = "U012AB3CD"

            [[routes]]
            name = "broken pipelines"
            source = "gitlab"
            events = ["pipeline.failed", "build"]
            when = "payload.object_attributes.ref == 'main'"
            channels = ["deploys", "oncall"]
            template = "gitlab/pipeline.j2"
            enabled = false
            stop = true

            [[routes]]
            source = ["stripe-eu", "gitlab"]
            channels = ["general"]
            """)
        assert routes.provider_of("stripe-eu") == "stripe"
        assert routes.provider_of("gitlab") == "gitlab"
        assert routes.dedupe_ttl("stripe-eu") == 259_200
        assert routes.dedupe_ttl("gitlab") is None
        assert (routes.channel("general").private, routes.channel("general").pace) == (True, 0.5)
        assert (routes.channel("oncall").private, routes.channel("oncall").pace) == (False, 1.0)
        assert routes.people == {"ada": "U012AB3CD"}
        first, second = routes.routes
        assert (first.name, first.source) == ("broken pipelines", ("gitlab",))
        assert first.events == ("pipeline.failed", "build")
        assert first.when is not None
        assert first.when.source == "payload.object_attributes.ref == 'main'"
        assert (first.channels, first.template) == (("deploys", "oncall"), "gitlab/pipeline.j2")
        assert (first.enabled, first.stop) == (False, True)
        assert (second.source, second.events, second.when, second.template) == (("stripe-eu", "gitlab"), (), None, None)
        assert (second.enabled, second.stop) == (True, False)
        assert routes.channel_names() == ["general", "deploys", "oncall"]
        assert routes.source_names(PROVIDERS) == [*PROVIDERS, "stripe-eu"]
        assert routes.sources_of("stripe") == ["stripe", "stripe-eu"]
        assert routes.sources_of("twilio") == ["twilio"]
        assert place(routes, "routes", 1, "channels") == "routes.toml:24:1"
        assert place(routes, "routes", 1, "channels", 0) == "routes.toml:24:13"
        assert place(routes, *routes.route_path("broken pipelines", "when")) == "routes.toml:16:1"
        assert place(routes, *routes.route_path("route 2", "when")) == "routes.toml:22:1"

    def test_a_route_without_a_name_is_called_by_its_number(self) -> None:
        routes = read("""\
            [[routes]]
            name = "first"
            channels = "a"
            [[routes]]
            channels = "a"
            """)
        assert [route.name for route in routes.routes] == ["first", "route 2"]

    def test_a_source_that_is_named_after_its_provider_needs_no_provider(self) -> None:
        assert read('[sources.gitlab]\ndedupe_ttl = "7d"').provider_of("gitlab") == "gitlab"

    def test_an_empty_file_is_valid(self) -> None:
        assert read("").routes == ()

    def test_a_byte_order_mark_and_windows_lines_are_read(self, tmp_path: Path) -> None:
        path = tmp_path / "routes.toml"
        path.write_bytes(b'\xef\xbb\xbf[[routes]]\r\nchannels = ["a"]\r\n')
        assert load_routes(path).routes[0].channels == ("a",)

    def test_two_readings_are_two_values(self) -> None:
        assert read("") != read("")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[[routes]]\nchanels = ['a']\nchannels = ['a']",
            "2: unknown key `chanels` in [[routes]] (did you mean `channels`",
        ),
        ("[[route]]\nchannels = ['a']", "1: unknown key `route` (did you mean `routes`?)"),
        (
            "[alarms]\nchannel = 'ops'",
            "1: unknown key `alarms` (",
        ),
        ("\n[channels.ops]\nprivat = true", "3: unknown key `privat` in [channels.ops] (did you mean `private`?)"),
        (
            "[sources.a]\nprovider='stripe'\nttl='1h'",
            "3: unknown key `ttl` in [sources.a] (use one of `dedupe_ttl`, `provider`)",
        ),
        ("'hush/hush' = 1", "1: unknown key `…` (use one of `alerts`"),
        ("[[routes]]\nname = 'x'", "1: `channels` in [[routes]] is missing"),
        ("[routes]\nchannels = ['a']", "1: `routes` must be tables (write [[routes]] above each of them)"),
        ("routes = 5", "1: `routes` must be tables (write [[routes]] above each of them)"),
        ("routes = ['a']", "1: `routes` must be tables (write [[routes]] above each of them)"),
        ("[people]\nada = '@ada'", "2: `ada` in [people] is not a Slack member id (copy it from the person's profile"),
        ("[people]\nada = 'u012'", "2: `ada` in [people] is not a Slack member id"),
        ("[people]\nada = 5", "2: `ada` in [people] must be text (put it in quotes)"),
        ("people = 'ada'", "1: [people] must be a table"),
        ("[channels]\nops = 'https://hush'", "2: [channels.ops] must be a table"),
        ("[channels.ops]\npace = 1", "2: `pace` in [channels.ops] is not a pace (write posts per s, m or h, such as"),
        ("[channels.ops]\npace = 'fast'", "2: `pace` in [channels.ops] is not a pace"),
        (
            "[channels.ops]\nprivate = 'true'",
            "2: `private` in [channels.ops] must be true or false (write it without",
        ),
        ("[channels.Ops]\nprivate = true", "1: [channels.Ops] is not a valid name of a channel"),
        ("[channels.'https://hush']\nprivate = true", "1: [channels.…] is not a valid name of a channel"),
        (
            "[sources.a]\nprovider='b'\ndedupe_ttl = 72",
            "3: `dedupe_ttl` in [sources.a] is not a duration (write a number",
        ),
        (
            "[sources.a]\nprovider='b'\ndedupe_ttl = '9m'",
            "3: `dedupe_ttl` in [sources.a] is shorter than a signature is valid (write at least",
        ),
        ("[sources.a]\nprovider = 'Stripe!'", "2: `provider` in [sources.a] is not a valid name of a source"),
        ("[[routes]\n", "1: is not TOML: "),
        ("\n\nx = = 1", "3: is not TOML: Invalid value"),
        ("a = 1\na = 2", "2: is not TOML: Cannot overwrite a value"),
        ("[a]\n[a]", "2: is not TOML: Cannot declare ('a',) twice"),
        ("['https://hush/x']\n['https://hush/x']", "2: is not TOML: Cannot declare ('…',) twice"),
        ("""["it's https://hush"]\n["it's https://hush"]""", "2: is not TOML: Cannot declare ('…',) twice"),
        ("a = {'https://hush/x' = 1, 'https://hush/x' = 2}", "1: is not TOML: Duplicate inline table key '…'"),
        ("a = {https-key = 1, https-key = 2}", "1: is not TOML: Duplicate inline table key 'https-key'"),
    ],
)
def test_an_error_names_line_and_hint_and_shows_no_value(text: str, expected: str) -> None:
    [error] = errors(text)
    assert error.startswith("routes.toml:" + expected)
    assert "hush" not in error


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("channels", "[]", "is an empty list (name at least one"),
        ("channels", "5", "must be a list of texts (write it as"),
        ("channels", "['a', 5]", "must be text (put it in quotes)"),
        (
            "channels",
            "['https://hooks.slack.com/services/T0/B0/hush']",
            "is not a valid name of a channel (use a-z",
        ),
        ("channels", "['General']", "is not a valid name of a channel"),
        ("source", "'Git Lab'", "is not a valid name of a source"),
        ("source", "[]", "is an empty list (name at least one"),
        ("events", "['push', '']", "has a pattern that is empty (write a type such as"),
        ("events", "'orders/'", "has a pattern that ends in '/' (remove it"),
        ("events", "[]", "is an empty list (name at least one"),
        ("when", "'payload.x =='", "is not an expression: "),
        ("when", "true", "must be text in quotes (write"),
        ("notify", "'on-change'", 'is neither always nor on_change (did you mean "on_change"?)'),
        ("notify", "true", 'is neither always nor on_change (use one of "always", "on_change")'),
        ("state", "'payload.x =='", "is not an expression: "),
        ("state", "7", "must be text in quotes (write"),
        ("group_by", "'paylod.x'", "uses a name that does not exist: "),
        ("group_by", "' '", "is empty (write an expression, or leave the key out)"),
        ("state", "'payload.x'", 'has no effect without `notify` (add notify = "on_change", or remove it)'),
        ("group_by", "'payload.x'", "has no effect without `notify` (add notify"),
        ("template", "'../x.j2'", "is outside the templates folder (name a file below templates/"),
        ("template", "'a/../../x.j2'", "is outside the templates folder"),
        ("template", "'/etc/x.j2'", "is outside the templates folder"),
        ("template", "'a\\..\\x.j2'", "is outside the templates folder"),
        ("template", "'x'", "is not the name of a template (name a file below templates/"),
        ("template", "'./x.j2'", "is not the name of a template"),
        ("enabled", "'yes'", "must be true or false (write it without quotes)"),
        ("stop", "1", "must be true or false (write it without quotes)"),
        ("name", "''", "must be one line of 1 to 80 characters"),
        ("name", '"a\\nb"', "must be one line of 1 to 80 characters"),
        ("name", "7", "must be text (put it in quotes)"),
    ],
)
def test_an_error_in_a_route_names_its_key(key: str, value: str, expected: str) -> None:
    needed = "" if key == "channels" else "channels = ['a']"
    [error] = errors(f"[[routes]]\n{needed}\n{key} = {value}")
    assert error.startswith(f"routes.toml:3: `{key}` in [[routes]] {expected}")
    assert "hush" not in error


def test_repeat_with_on_change_is_refused() -> None:
    [error] = errors("[[routes]]\nchannels = ['a']\nnotify = 'on_change'\nrepeat = '10m'")
    assert error.startswith('routes.toml:4: `repeat` in [[routes]] has no effect with notify = "on_change"')


def test_an_expression_in_triple_quotes_has_the_line_of_its_mistake() -> None:
    text = "[[routes]]\nchannels = ['a']\nnotify = 'on_change'\nstate = '''\npayload.a\n and\n =='''"
    [error] = errors(text)
    assert error.startswith("routes.toml:7: `state` in [[routes]] is not an expression")


def test_an_error_in_a_long_list_has_the_line_of_the_element() -> None:
    [error] = errors("[[routes]]\nchannels = [\n  'a',\n  'B',\n]")
    assert error.startswith("routes.toml:4: `channels` in [[routes]] is not a valid name")


@pytest.mark.parametrize(
    "text", ["x = [1,", "x = '", 'x = """', "x = " + "[" * 9000, f"x = {'9' * 5000}", "x = 2026-13-01"]
)
def test_invalid_toml_is_one_line(text: str) -> None:
    [error] = errors(text)
    assert error.startswith("routes.toml:")
    assert len(error) < 300


def test_every_error_is_reported_at_once_in_the_order_of_the_file() -> None:
    found = errors("""\
        [people]
        ada = "x"
        [[routes]]
        events = ["push "]
        whn = "1"
        [[routes]]
        channels = ["A"]
        """)
    assert [error.split(":")[1] for error in found] == ["2", "3", "4", "5", "7"]


def test_two_routes_of_one_name_are_refused() -> None:
    assert errors("""\
        [[routes]]
        name = "route 2"
        channels = ["a"]
        [[routes]]
        channels = ["a"]
        """) == ["routes.toml:4: two routes have the same name (rename this one or the one at line 1)"]


def test_names_that_would_share_a_variable_are_refused() -> None:
    assert errors("""\
        [channels.team-a]
        [[routes]]
        channels = ["ops", "team_a"]
        [sources.s_1]
        provider = "stripe"
        [sources.s-1]
        provider = "stripe"
        """) == [
        "routes.toml:6: sources 's_1' and 's-1' would share one variable (rename one of them)",
        "routes.toml:3: channels 'team-a' and 'team_a' would share one variable (rename one of them)",
    ]
    assert errors("""\
        [alerts]
        channel = "on_call"
        [[routes]]
        channels = ["on-call"]
        """) == ["routes.toml:4: channels 'on_call' and 'on-call' would share one variable (rename one of them)"]


def test_sources_without_a_provider_are_named() -> None:
    routes = read("""\
        [sources.stripe-eu]
        provider = "strip"
        [sources.gitlabb]
        dedupe_ttl = "1h"
        [[routes]]
        source = [
          "gitlab",
          "gitlba",
        ]
        channels = ["a"]
        """)
    assert plain_all(name_errors(routes, PROVIDERS)) == [
        "routes.toml:2: [sources.stripe-eu] has the unknown provider 'strip' (did you mean `stripe`?)",
        "routes.toml:3: [sources.gitlabb] has the unknown provider 'gitlabb' (did you mean `gitlab`?)",
        "routes.toml:8: `source` in [[routes]] names the unknown source 'gitlba' (did you mean `gitlab`?)",
    ]


def test_the_reserved_source_of_alerts_is_refused() -> None:
    routes = read("""\
        [sources.bridge]
        provider = "gitlab"
        [sources.mine]
        provider = "bridge"
        [[routes]]
        source = ["gitlab", "bridge"]
        channels = ["a"]
        """)
    reserved = "names 'bridge', the reserved source of alerts"
    why = "the channel of [alerts] gets the alerts, and no route sees them"
    assert plain_all(name_errors(routes, PROVIDERS)) == [
        f"routes.toml:1: [sources.bridge] {reserved} (call the source otherwise)",
        f"routes.toml:3: [sources.mine] {reserved} (name the provider that sends to it)",
        f"routes.toml:6: `source` in [[routes]] {reserved} (remove it: {why})",
    ]


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    with pytest.raises(ConfigurationError, match=r"routes\.toml: cannot be read: No such file or directory"):
        load_routes(path)
    os.mkfifo(path)
    with pytest.raises(ConfigurationError, match=r"routes\.toml: is not a file \(put a routes.toml there"):
        load_routes(path)
    path.unlink()
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigurationError, match=r"routes\.toml:2: is not UTF-8 text \(save it as UTF-8"):
        load_routes(path)


def test_the_docs_show_real_errors_and_conditions_that_can_be_read() -> None:
    text = (Path(__file__).parents[2] / "docs" / "routes.md").read_text("utf-8")
    blocks = re.findall(r"```(?:toml)?\n(.*?)```", text, re.DOTALL)
    [shown] = [block for block in blocks if block.startswith("routes.toml:")]
    assert [str(one) for one in diagnostics(blocks[-1])] == shown.splitlines()
    conditions = re.findall(r"^when = .*$", text, re.MULTILINE)
    assert len(conditions) > 5
    for line in conditions:
        if line not in blocks[-1]:
            parse_routes(f"[[routes]]\nchannels = 'a'\n{line}")


class TestTheShippedFile:
    def test_it_needs_no_channel_but_general(self) -> None:
        routes = load_routes(SHIPPED)
        assert routes.channel_names() == ["general"]
        assert plain_all(name_errors(routes, PROVIDERS)) == []
        assert {name for route in routes.routes for name in route.source} == set(PROVIDERS)

    def test_it_is_short(self) -> None:
        assert len(SHIPPED.read_text("utf-8").splitlines()) < 100


_WORDS = """\
[[routes]] [routes] [sources.a] [channels.b] [people] name source events when channels template enabled stop pace
private provider dedupe_ttl = = 'a' ['a'] [ ] 1 true '1/s' '72h' 'U1' 'payload.x' { } # ''' . , nan
"""
_words = st.sampled_from([*_WORDS.split(), "\x00", '""' + '"', "\n", "\n", "\n", "\n"])


def outcome(text: str) -> tuple[Diagnostic, ...]:
    """Return the errors of a text; let any other exception through."""
    try:
        parse_routes(text)
    except ConfigurationError as error:
        return error.diagnostics or pytest.fail("a ConfigurationError without a diagnostic")
    return ()


@pytest.mark.thorough
@given(st.lists(_words, max_size=14).map(" ".join) | st.text(max_size=60))
@example("[[routes]]\nchannels = 'a'\nname = '\u0085'")
@hypothesis(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_gives_routes_or_the_named_error(text: str) -> None:
    lines = text.split("\n")
    for one in outcome(text):
        assert (one.severity, one.file) == (Severity.ERROR, "routes.toml")
        assert one.code in Code
        assert one.line is not None
        assert 1 <= one.line <= len(lines)
        assert one.column is None or 1 <= one.column <= len(lines[one.line - 1]) + 1
        assert plain_all([one])


_scalars = st.booleans() | st.integers(-9, 9) | st.floats() | st.sampled_from(["a", "1/s", "U1", "", "x y", "a.b"])
_data = st.recursive(_scalars, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
_keys = st.sampled_from(["name", "source", "events", "when", "channels", "template", "enabled", "stop"])


@pytest.mark.thorough
@given(st.lists(st.dictionaries(_keys, _data), max_size=3))
@hypothesis(max_examples=200)
def test_any_value_of_any_key_gives_routes_or_the_named_error(tables: list[dict[str, object]]) -> None:
    lines = []
    for table in tables:
        lines.append("[[routes]]")
        lines += [f"{key} = {_toml(value)}" for key, value in table.items()]
    for one in outcome("\n".join(lines)):
        assert one.file == "routes.toml"
        assert one.code is not Code.TOML_SYNTAX
        assert one.line is not None
        assert 1 <= one.line <= len(lines)


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool | float) else repr(value)


def test_the_storm_settings_of_a_channel_and_the_repeat_window_of_a_route_are_read() -> None:
    routes = parse_routes(
        "[alerts]\nchannel = 'ops'\n[channels.a]\npack = false\ndigest_after = false\n[channels.b]\ndigest_after = 50\n"
        "[[routes]]\nname = 'r'\nchannels = ['a']\nrepeat = '10m'\n"
    )
    assert (routes.channel("a").pack, routes.channel("a").digest_after) == (False, 0)
    assert (routes.channel("b").pack, routes.channel("b").digest_after) == (True, 50)
    assert routes.channel("c").digest_after == 2_000
    assert (routes.repeat("r"), routes.repeat("gone")) == (600.0, None)
    assert (routes.alerts, routes.channel_names()) == ("ops", ["a", "b", "ops"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[channels.a]\ndigest_after = 5",
            "routes.toml:2:1: `digest_after` in [channels.a] is not a number",
        ),
        ("[channels.a]\ndigest_after = true", "or false for no digests"),
        ("[channels.a]\npack = 'no'", "`pack` in [channels.a] must be true or false"),
        ("[alerts]\nchanel = 'x'", "routes.toml:2:1: unknown key `chanel` in [alerts] (did you mean `channel`?)"),
        ("[alerts]\nchannel = 'X Y'", "routes.toml:2:1: `channel` in [alerts] is not a valid name of a channel"),
        ("[[routes]]\nchannels = ['a']\nrepeat = 'often'", "routes.toml:3:1: `repeat` in [[routes]] is not a duration"),
    ],
)
def test_an_error_in_them_has_a_hint(text: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(expected)):
        parse_routes(text)


@pytest.mark.parametrize(
    ("when", "line", "column"),
    [
        ("'payload.x =='", 4, 1),
        ("'''payload.x =='''", 4, 1),
        ('"""\npayload.x\n==\n"""', 6, None),
        ("'''payload.x\n=='''", 5, None),
        ('"payload.x\\n\\n\\n =="', 4, 1),
        ("'''\n\npayload.x | nope\n'''", 6, None),
    ],
)
def test_a_condition_has_the_line_of_the_file(when: str, line: int, column: int | None) -> None:
    [found] = diagnostics(f"# first\n[[routes]]\nchannels = 'a'\nwhen = {when}\n")
    assert (found.line, found.column) == (line, column)
    assert found.code in (Code.CONDITION_SYNTAX, Code.CONDITION_UNKNOWN_NAME)


@pytest.mark.parametrize(
    ("text", "code", "line", "column"),
    [
        ("x = = 1", "toml-syntax", 1, 5),
        ("a = 1\n\n[[routes]\n", "toml-syntax", 3, 9),
        ("[[routes]]\n  chanels = 'a'\n  channels = 'a'", "route-unknown-key", 2, 3),
        ("[[routes]]\nname = 'x'", "route-missing-key", 1, 1),
        ("[[routes]]\nchannels = ['a', 'B']", "route-invalid-value", 2, 18),
        ("x = [", "toml-syntax", 1, None),
    ],
)
def test_an_error_has_code_line_and_column(text: str, code: str, line: int, column: int | None) -> None:
    [found] = diagnostics(text)
    assert (found.code, found.line, found.column) == (code, line, column)


def test_no_name_is_offered_that_is_not_near() -> None:
    [found] = diagnostics("[[routes]]\nchannels = 'a'\ndigest = 1")
    assert found.hint.startswith("use one of `channels`, `enabled`, `events`")


def test_the_packaged_file_is_not_offered_for_editing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "routes.toml").write_text("[[routes]]\nchanels = 'a'\nchannels = 'a'\n")
    monkeypatch.setattr("bridge.config.packaged._PACKAGE", tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        load_routes(tmp_path / "routes.toml")
    (found,) = caught.value.diagnostics
    assert found.file == "packaged:routes.toml"
    assert found.hint == "did you mean `channels`? The file is packaged: copy it first with `bridge init`"


@pytest.mark.parametrize("name", ["a:12: b.toml", "\x1b[31m.toml", "n" * 240, "a\nb.toml", "ü\u202e.toml"])
def test_a_strange_file_name_is_one_printable_line_and_is_not_cut(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("x = = 1")
    with pytest.raises(ConfigurationError) as caught:
        load_routes(path)
    (found,) = caught.value.diagnostics
    assert plain_all([found])
    assert (found.line, found.column) == (1, 5)
    if name == "a:12: b.toml":
        assert found.file == str(path)
