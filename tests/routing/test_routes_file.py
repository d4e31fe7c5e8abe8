"""routes.toml: what it may say, and that every fault names the file, the line and the mend."""

import os
import re
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from bridge.config.errors import ConfigurationError
from bridge.routing.routes_file import Routes, load_routes, name_faults, parse_routes
from bridge.sources import PROVIDERS

SHIPPED = Path(__file__).parents[2] / "routes.toml"


def read(text: str) -> Routes:
    return parse_routes(dedent(text))


def faults(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse_routes(dedent(text))
    assert caught.value.__cause__ is None
    return list(caught.value.faults)


class TestWhatItSays:
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
        assert routes.where("routes", 1, "channels") == "routes.toml:24"
        assert routes.where_route("broken pipelines", "when") == "routes.toml:16"
        assert routes.where_route("route 2", "when") == "routes.toml:22"

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
    ("text", "said"),
    [
        ("[[routes]]\nchanels = ['a']\nchannels = ['a']", "2: unknown key `chanels` in [[routes]]; {near} `channels`"),
        ("[[route]]\nchannels = ['a']", "1: unknown key `route`; {near} `routes`"),
        ("[alarms]\nchannel = 'ops'", "1: unknown key `alarms`; {near} `"),
        ("\n[channels.ops]\nprivat = true", "3: unknown key `privat` in [channels.ops]; {near} `private`"),
        ("[sources.a]\nprovider='stripe'\nttl='1h'", "3: unknown key `ttl` in [sources.a]; {near} `dedupe_ttl`"),
        ("'hush/hush' = 1", "1: unknown key `…`; {near} `"),
        ("[[routes]]\nname = 'x'", "1: `channels` in [[routes]] is missing"),
        ("[routes]\nchannels = ['a']", "1: `routes` must be tables: write [[routes]] above each of them"),
        ("routes = 5", "1: `routes` must be tables: write [[routes]] above each of them"),
        ("routes = ['a']", "1: `routes` must be tables: write [[routes]] above each of them"),
        ("[people]\nada = '@ada'", "2: `ada` in [people] is no Slack member id: copy it from the person's profile"),
        ("[people]\nada = 'u012'", "2: `ada` in [people] is no Slack member id"),
        ("[people]\nada = 5", "2: `ada` in [people] must be text in quotes"),
        ("people = 'ada'", "1: [people] must be a table"),
        ("[channels]\nops = 'https://hush'", "2: [channels.ops] must be a table"),
        ("[channels.ops]\npace = 1", "2: `pace` in [channels.ops] is no pace: write posts per s, m or h, such as"),
        ("[channels.ops]\npace = 'fast'", "2: `pace` in [channels.ops] is no pace"),
        ("[channels.ops]\nprivate = 'true'", "2: `private` in [channels.ops] must be true or false, without quotes"),
        ("[channels.Ops]\nprivate = true", "1: [channels.Ops] holds what cannot be a channel's name"),
        ("[channels.'https://hush']\nprivate = true", "1: [channels.…] holds what cannot be a channel's name"),
        ("[sources.a]\nprovider='b'\ndedupe_ttl = 72", "3: `dedupe_ttl` in [sources.a] is no duration: write a number"),
        ("[sources.a]\nprovider = 'Stripe!'", "2: `provider` in [sources.a] holds what cannot be a source's name"),
        ("[[routes]\n", "1: is not TOML: "),
        ("\n\nx = = 1", "3: is not TOML: Invalid value"),
        ("a = 1\na = 2", "2: is not TOML: Cannot overwrite a value"),
    ],
)
def test_a_fault_names_the_line_and_the_mend_and_shows_no_value(text: str, said: str) -> None:
    [fault] = faults(text)
    assert fault.startswith("routes.toml:" + said.format(near="the nearest known is"))
    assert "hush" not in fault


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("channels", "[]", "is an empty list: name at least one"),
        ("channels", "5", "must be a list of texts in quotes"),
        ("channels", "['a', 5]", "must be text in quotes"),
        (
            "channels",
            "['https://hooks.slack.com/services/T0/B0/hush']",
            "holds what cannot be a channel's name: use a-z",
        ),
        ("channels", "['General']", "holds what cannot be a channel's name"),
        ("source", "'Git Lab'", "holds what cannot be a source's name"),
        ("source", "[]", "is an empty list: name at least one"),
        ("events", "['push', '']", "holds a pattern that is empty: write a type such as"),
        ("events", "'orders/'", "holds a pattern that ends in '/': leave that out"),
        ("events", "[]", "is an empty list: name at least one"),
        ("when", "'payload.x =='", "cannot be read as an expression: "),
        ("when", "true", "must be an expression in quotes, such as"),
        ("template", "'../x.j2'", "leaves the templates folder: name a file below it, such as"),
        ("template", "'a/../../x.j2'", "leaves the templates folder"),
        ("template", "'/etc/x.j2'", "leaves the templates folder"),
        ("template", "'a\\..\\x.j2'", "leaves the templates folder"),
        ("template", "'x'", "is no name of a template: name a file below templates/"),
        ("template", "'./x.j2'", "is no name of a template"),
        ("enabled", "'yes'", "must be true or false, without quotes"),
        ("stop", "1", "must be true or false, without quotes"),
        ("name", "''", "must be one line of 1 to 80 characters"),
        ("name", '"a\\nb"', "must be one line of 1 to 80 characters"),
        ("name", "7", "must be text in quotes"),
    ],
)
def test_a_fault_in_a_route_names_its_key(key: str, value: str, said: str) -> None:
    needed = "" if key == "channels" else "channels = ['a']"
    [fault] = faults(f"[[routes]]\n{needed}\n{key} = {value}")
    assert fault.startswith(f"routes.toml:3: `{key}` in [[routes]] {said}")
    assert "hush" not in fault


def test_a_fault_in_a_long_list_has_the_line_of_the_element() -> None:
    [fault] = faults("[[routes]]\nchannels = [\n  'a',\n  'B',\n]")
    assert fault.startswith("routes.toml:4: `channels` in [[routes]] holds")


@pytest.mark.parametrize(
    "text", ["x = [1,", "x = '", 'x = """', "x = " + "[" * 9000, f"x = {'9' * 5000}", "x = 2026-13-01"]
)
def test_what_is_not_toml_is_one_line(text: str) -> None:
    [fault] = faults(text)
    assert fault.startswith("routes.toml:")
    assert len(fault) < 200


def test_every_fault_is_told_at_once_in_the_order_of_the_file() -> None:
    found = faults("""\
        [people]
        ada = "x"
        [[routes]]
        events = ["push "]
        whn = "1"
        [[routes]]
        channels = ["A"]
        """)
    assert [fault.split(":")[1] for fault in found] == ["2", "3", "4", "5", "7"]


def test_two_routes_of_one_name_are_refused() -> None:
    assert faults("""\
        [[routes]]
        name = "route 2"
        channels = ["a"]
        [[routes]]
        channels = ["a"]
        """) == ["routes.toml:4: two routes have the same name: rename this one or the one at line 1"]


def test_names_that_would_share_a_variable_are_refused() -> None:
    assert faults("""\
        [channels.team-a]
        [[routes]]
        channels = ["ops", "team_a"]
        [sources.s_1]
        provider = "stripe"
        [sources.s-1]
        provider = "stripe"
        """) == [
        "routes.toml:6: sources 's_1' and 's-1' would share one variable: rename one of them",
        "routes.toml:3: channels 'team-a' and 'team_a' would share one variable: rename one of them",
    ]
    assert faults("""\
        [alerts]
        channel = "on_call"
        [[routes]]
        channels = ["on-call"]
        """) == ["routes.toml:4: channels 'on_call' and 'on-call' would share one variable: rename one of them"]


def test_sources_that_nobody_provides_are_named() -> None:
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
    assert name_faults(routes, PROVIDERS) == [
        "routes.toml:2: [sources.stripe-eu] is of the unknown provider 'strip'; the nearest known is 'stripe'",
        "routes.toml:3: [sources.gitlabb] is of the unknown provider 'gitlabb'; the nearest known is 'gitlab'",
        "routes.toml:8: `source` in [[routes]] names the unknown source 'gitlba'; the nearest known is 'gitlab'",
    ]


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "routes.toml"
    with pytest.raises(ConfigurationError, match=r"routes\.toml: cannot be read \(No such file or directory\)"):
        load_routes(path)
    os.mkfifo(path)
    with pytest.raises(ConfigurationError, match=r"routes\.toml: is no file: put a routes.toml there"):
        load_routes(path)
    path.unlink()
    path.write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ConfigurationError, match=r"routes\.toml:2: is not UTF-8 text: save it as UTF-8"):
        load_routes(path)


def test_the_docs_show_real_errors_and_conditions_that_can_be_read() -> None:
    text = (Path(__file__).parents[2] / "docs" / "routes.md").read_text("utf-8")
    blocks = re.findall(r"```(?:toml)?\n(.*?)```", text, re.DOTALL)
    [shown] = [block for block in blocks if block.startswith("routes.toml:")]
    assert faults(blocks[-1]) == shown.splitlines()
    conditions = re.findall(r"^when = .*$", text, re.MULTILINE)
    assert len(conditions) > 5
    for line in conditions:
        if line not in blocks[-1]:
            parse_routes(f"[[routes]]\nchannels = 'a'\n{line}")


class TestTheShippedFile:
    def test_it_needs_no_channel_but_general(self) -> None:
        routes = load_routes(SHIPPED)
        assert routes.channel_names() == ["general"]
        assert name_faults(routes, PROVIDERS) == []
        assert {name for route in routes.routes for name in route.source} == set(PROVIDERS)

    def test_it_is_short(self) -> None:
        assert len(SHIPPED.read_text("utf-8").splitlines()) < 100


_WORDS = """\
[[routes]] [routes] [sources.a] [channels.b] [people] name source events when channels template enabled stop pace
private provider dedupe_ttl = = 'a' ['a'] [ ] 1 true '1/s' '72h' 'U1' 'payload.x' { } # ''' . , nan
"""
_words = st.sampled_from([*_WORDS.split(), "\x00", '""' + '"', "\n", "\n", "\n", "\n"])


def outcome(text: str) -> tuple[str, ...]:
    """The faults of a text; any error but the named one goes through."""
    try:
        parse_routes(text)
    except ConfigurationError as error:
        return error.faults or ("a ConfigurationError without a fault",)
    return ()


@given(st.lists(_words, max_size=14).map(" ".join) | st.text(max_size=60))
@example("[[routes]]\nchannels = 'a'\nname = '\u0085'")
@hypothesis(max_examples=500, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_gives_routes_or_the_named_error(text: str) -> None:
    for fault in outcome(text):
        assert re.match(r"routes\.toml:\d+: ", fault)
        assert len(fault.splitlines()) == 1


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
    for fault in outcome("\n".join(lines)):
        assert fault.startswith("routes.toml:")
        assert "is not TOML" not in fault


def _toml(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return str(value).lower() if isinstance(value, bool | float) else repr(value)


def test_how_a_channel_bears_storms_and_what_a_route_folds() -> None:
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
    ("text", "said"),
    [
        ("[channels.a]\ndigest_after = 5", "routes.toml:2: `digest_after` in [channels.a] must be a number of waiting"),
        ("[channels.a]\ndigest_after = true", "or false for no digests"),
        ("[channels.a]\npack = 'no'", "`pack` in [channels.a] must be true or false"),
        ("[alerts]\nchanel = 'x'", "routes.toml:2: unknown key `chanel` in [alerts]; the nearest known is `channel`"),
        ("[alerts]\nchannel = 'X Y'", "routes.toml:2: `channel` in [alerts] holds what cannot be a channel's name"),
        ("[[routes]]\nchannels = ['a']\nrepeat = 'often'", "routes.toml:3: `repeat` in [[routes]] is no duration"),
    ],
)
def test_what_is_wrong_with_them_is_told_with_the_mend(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        parse_routes(text)
