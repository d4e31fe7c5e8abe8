"""Tests of settings: where variables come from, which values are valid, and that no value is ever shown."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from bridge.config.errors import ConfigurationError
from bridge.config.settings import KNOWN, Settings, load_settings
from tests.diagnostics import plain, plain_all

SLACK = "https://hooks.slack.com/services/T0/B0/never-shown"


def read(environ: Mapping[str, str], folder: Path = Path("/nonexistent")) -> Settings:
    settings, warnings = load_settings(environ, dotenv=folder / ".env", secrets_dir=folder / "secrets")
    assert warnings == []
    return settings


def warnings_of(environ: Mapping[str, str], folder: Path = Path("/nonexistent")) -> list[str]:
    return plain_all(load_settings(environ, dotenv=folder / ".env", secrets_dir=folder / "secrets")[1])


def errors_of(environ: Mapping[str, str], folder: Path = Path("/nonexistent")) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ, dotenv=folder / ".env", secrets_dir=folder / "secrets")
    assert str(caught.value).splitlines() == list(map(str, caught.value.diagnostics))
    assert caught.value.__cause__ is None
    return plain_all(caught.value.diagnostics)


def secrets_of(settings: Settings, source: str) -> list[str]:
    return [secret.get_secret_value() for secret in settings.secrets_of(source)]


def test_the_defaults_are_those_of_the_table() -> None:
    settings = read({})
    assert (settings.host, settings.port) == ("127.0.0.1", 8080)
    assert (settings.routes, settings.templates, settings.public_url) == (None, None, None)
    assert settings.store == "sqlite:///bridge.db"
    assert settings.slack_hosts == ("hooks.slack.com", "hooks.slack-gov.com")
    assert (settings.retention, settings.store_limit, settings.max_inflight) == (604_800, 2**31, 2**25)
    assert (settings.max_connections, settings.head_timeout) == (1000, 10)
    assert (settings.body_timeout, settings.idle_timeout) == (15, 75)
    assert settings.renderers == 1
    assert (settings.link_buttons, settings.log_format, settings.log_level) == (False, "auto", "info")
    assert (settings.secrets, settings.channels) == ({}, {})


def test_a_secret_of_the_reserved_source_is_a_warning_and_has_no_effect() -> None:
    settings, warnings = load_settings({"BRIDGE_SECRETS__BRIDGE": "never shown"}, dotenv=Path("/nonexistent"))
    assert settings.secrets == {}
    ignored = "is the secret of a reserved source, which nobody can send to, so it is ignored"
    assert plain_all(warnings) == [f"BRIDGE_SECRETS__BRIDGE: {ignored} (remove it)"]


def test_every_variable_is_read(tmp_path: Path) -> None:
    routes = tmp_path / "routes.toml"
    routes.touch()
    environ = {
        "BRIDGE_HOST": "0.0.0.0",
        "BRIDGE_PORT": " 9000\n",
        "BRIDGE_ROUTES": str(routes),
        "BRIDGE_TEMPLATES": str(tmp_path),
        "BRIDGE_STORE": "sqlite:////data/bridge.db",
        "BRIDGE_PUBLIC_URL": "https://hooks.example.com:8443/in/",
        "BRIDGE_SECRETS__GITLAB": " token ",
        "BRIDGE_CHANNELS__GENERAL": SLACK,
        "BRIDGE_SLACK_HOSTS": '["Slack.example.com", "127.0.0.1", "[::1]"]',
        "BRIDGE_SECRETS_DIR": str(tmp_path),
        "BRIDGE_RETENTION": "36h",
        "BRIDGE_STORE_LIMIT": "512MiB",
        "BRIDGE_MAX_INFLIGHT": "64MiB",
        "BRIDGE_MAX_CONNECTIONS": "64",
        "BRIDGE_HEAD_TIMEOUT": "5s",
        "BRIDGE_BODY_TIMEOUT": "1m",
        "BRIDGE_IDLE_TIMEOUT": "620s",
        "BRIDGE_RENDERERS": "2",
        "BRIDGE_LINK_BUTTONS": "True",
        "BRIDGE_LOG_FORMAT": "JSON",
        "BRIDGE_LOG_LEVEL": "debug",
    }
    assert set(environ) >= KNOWN, "a setting is missing here"
    settings = read(environ)
    assert (settings.host, settings.port) == ("0.0.0.0", 9000)
    assert (settings.routes, settings.templates) == (routes, tmp_path)
    assert settings.store == "sqlite:////data/bridge.db"
    assert settings.public_url == "https://hooks.example.com:8443/in"
    assert secrets_of(settings, "gitlab") == ["token"]
    assert settings.channels["general"].get_secret_value() == SLACK
    assert settings.slack_hosts == ("slack.example.com", "127.0.0.1", "::1")
    assert (settings.retention, settings.store_limit, settings.max_inflight) == (129_600, 2**29, 2**26)
    assert (settings.max_connections, settings.head_timeout) == (64, 5)
    assert (settings.body_timeout, settings.idle_timeout) == (60, 620)
    assert settings.renderers == 2
    assert (settings.link_buttons, settings.log_format, settings.log_level) == (True, "json", "debug")


def test_only_the_environment_that_is_given_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_PORT", "9000")
    monkeypatch.setenv("BRIDGE_SECRETS__GITLAB", "token")
    assert read({}).port == 8080
    assert load_settings(dotenv=Path("/nonexistent"))[0].port == 9000
    assert secrets_of(load_settings(dotenv=Path("/nonexistent"))[0], "gitlab") == ["token"]


class TestPlaces:
    def test_a_variable_overrides_a_file_and_a_file_overrides_dotenv(self, tmp_path: Path) -> None:
        secrets = tmp_path / "secrets"
        secrets.mkdir()
        (tmp_path / ".env").write_text(
            "export BRIDGE_SECRETS__GITLAB='dotenv'\nBRIDGE_SECRETS__STRIPE=dotenv\nBRIDGE_SECRETS__SHOPIFY=dotenv\n"
        )
        (secrets / "bridge_secrets__gitlab").write_text("file\n")
        (secrets / "BRIDGE_SECRETS__STRIPE").write_text("file\n")
        settings = read({"BRIDGE_SECRETS__GITLAB": "variable"}, tmp_path)
        assert [secrets_of(settings, name) for name in ("gitlab", "stripe", "shopify")] == [
            ["variable"],
            ["file"],
            ["dotenv"],
        ]

    def test_an_empty_variable_hides_lower_sources(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("BRIDGE_PORT=9000\nBRIDGE_SECRETS__GITLAB=token\n")
        environ = {"BRIDGE_PORT": "", "BRIDGE_SECRETS__GITLAB": " "}
        settings, warnings = load_settings(environ, dotenv=tmp_path / ".env", secrets_dir=tmp_path / "none")
        assert settings.port == 8080
        assert settings.secrets_of("gitlab") == ()
        assert plain_all(warnings) == ["BRIDGE_SECRETS__GITLAB: is empty, so its source is off (set it, or remove it)"]

    def test_an_empty_channel_is_a_warning(self) -> None:
        assert warnings_of({"BRIDGE_CHANNELS__OPS": ""}) == [
            "BRIDGE_CHANNELS__OPS: is empty, so its channel is off (set it, or remove it)"
        ]

    def test_the_folder_that_is_named_is_read_even_from_dotenv(self, tmp_path: Path) -> None:
        (tmp_path / "BRIDGE_CHANNELS__TEAM-A").write_text(SLACK + "\r\n")
        (tmp_path / ".env").write_text(f"BRIDGE_SECRETS_DIR={tmp_path}\n")
        url = read({}, tmp_path).url_of("team-a")
        assert url is not None
        assert url.get_secret_value() == SLACK

    def test_a_named_folder_that_is_missing_is_an_error(self, tmp_path: Path) -> None:
        [error] = errors_of({"BRIDGE_SECRETS_DIR": str(tmp_path / "none")})
        assert error == "BRIDGE_SECRETS_DIR: is not a folder (create the folder, or remove the variable)"

    def test_files_of_others_in_the_folder_are_left_alone(self, tmp_path: Path) -> None:
        secrets = tmp_path / "secrets"
        (secrets / "kubernetes.io" / "serviceaccount").mkdir(parents=True)
        (secrets / "keystore.p12").write_bytes(b"\xff\xfe\x00")
        (secrets / "bridge_secrets__gitlab").write_text("token")
        assert secrets_of(read({}, tmp_path), "gitlab") == ["token"]

    def test_links_as_kubernetes_makes_them_are_followed(self, tmp_path: Path) -> None:
        data = tmp_path / "secrets" / "..2026"
        data.mkdir(parents=True)
        (data / "BRIDGE_SECRETS__GITLAB").write_text("token")
        (tmp_path / "secrets" / "..data").symlink_to("..2026")
        (tmp_path / "secrets" / "BRIDGE_SECRETS__GITLAB").symlink_to("..data/BRIDGE_SECRETS__GITLAB")
        assert secrets_of(read({}, tmp_path), "gitlab") == ["token"]

    def test_a_file_that_is_not_text_is_an_error_that_does_not_show_it(self, tmp_path: Path) -> None:
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets" / "BRIDGE_SECRETS__GITLAB").write_bytes(b"hush\xff")
        (tmp_path / ".env").write_bytes(b"BRIDGE_SECRETS__STRIPE=hush\xff")
        errors = errors_of({}, tmp_path)
        assert len(errors) == 2
        assert all(error.endswith(": is not UTF-8 text (save it as UTF-8)") and "hush" not in error for error in errors)

    def test_a_folder_in_place_of_a_secrets_file_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "secrets" / "BRIDGE_SECRETS__GITLAB").mkdir(parents=True)
        [error] = errors_of({}, tmp_path)
        assert error.endswith(
            "BRIDGE_SECRETS__GITLAB: is not a file (write the value into a file of that name, or remove it)"
        )

    def test_dotenv_is_taken_as_written(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("\ufeffBRIDGE_SECRETS__GITLAB='a${HOME}$b#c'\nOTHER=x\n# note\n")
        assert secrets_of(read({}, tmp_path), "gitlab") == ["a${HOME}$b#c"]

    def test_a_line_of_dotenv_that_is_none_is_named(self, tmp_path: Path) -> None:
        (tmp_path / ".env").write_text("BRIDGE_PORT=9000\nBRIDGE_SECRETS__GITLAB='hush\n")
        assert warnings_of({}, tmp_path) == [
            f"{tmp_path}/.env:2: the line is not NAME=value, so it is ignored (write it as NAME=value, or remove it)"
        ]


class TestNames:
    def test_case_and_dashes_make_no_difference_behind_the_underscores(self) -> None:
        settings = read({"BRIDGE_SECRETS__Stripe-EU": "a", "bridge_channels__TEAM_A": SLACK})
        assert secrets_of(settings, "stripe-eu") == secrets_of(settings, "stripe_eu") == ["a"]
        assert settings.url_of("team-a") == settings.url_of("team_a") is not None

    def test_a_name_may_hold_two_underscores(self) -> None:
        assert secrets_of(read({"BRIDGE_SECRETS__A__B": "x"}), "a__b") == ["x"]

    def test_names_that_collide_are_refused(self) -> None:
        [error] = errors_of({"BRIDGE_SECRETS__STRIPE_EU": "hush1", "BRIDGE_SECRETS__stripe-eu": "hush2"})
        assert error == (
            "BRIDGE_SECRETS__STRIPE_EU: is set twice in the environment, "
            "as BRIDGE_SECRETS__STRIPE_EU and BRIDGE_SECRETS__stripe-eu (keep one of them)"
        )

    @pytest.mark.parametrize("name", ["", "_X", "-x", "A.B", "É", "A B", "X" * 81, "A\nB"])
    def test_invalid_names_are_refused(self, name: str) -> None:
        [error] = errors_of({f"BRIDGE_CHANNELS__{name}": SLACK})
        assert "does not end in the name of a channel after BRIDGE_CHANNELS__ (use a-z, 0-9" in error
        assert "never-shown" not in error

    @pytest.mark.parametrize(
        ("name", "nearest"),
        [
            ("BRIDGE_PROT", "BRIDGE_PORT"),
            ("BRIDGE_LOGLEVEL", "BRIDGE_LOG_LEVEL"),
            ("bridge_retentoin", "BRIDGE_RETENTION"),
            ("BRIDGE_SECRET__GITLAB", "BRIDGE_SECRETS__GITLAB"),
            ("BRIDGE_SECRETS_GITLAB", "BRIDGE_SECRETS__GITLAB"),
            ("BRIDGE_CHANEL__GENERAL", "BRIDGE_CHANNELS__GENERAL"),
            ("BRIDGE_CHANNELS", "BRIDGE_CHANNELS__<NAME>"),
        ],
    )
    def test_an_unknown_variable_is_one_warning_with_the_nearest_name(self, name: str, nearest: str) -> None:
        [warning] = warnings_of({name: "hush"})
        assert warning == f"{name.upper()}: is not a setting, so it is ignored (did you mean {nearest}?)"

    @pytest.mark.parametrize("name", ["BRIDGE_DIGEST", "BRIDGE_QQQ", "BRIDGE_"])
    def test_no_name_is_offered_that_is_not_near(self, name: str) -> None:
        [warning] = warnings_of({name: "hush"})
        assert warning.endswith("(docs/settings.md lists the settings)")

    def test_variables_that_kubernetes_sets_are_one_line(self) -> None:
        environ = {
            "BRIDGE_PORT": "tcp://10.0.0.1:80",
            "BRIDGE_PORT_80_TCP": "tcp://10.0.0.1:80",
            "BRIDGE_PORT_80_TCP_ADDR": "10.0.0.1",
            "BRIDGE_SERVICE_HOST": "10.0.0.1",
            "BRIDGE_SERVICE_PORT": "80",
            "BRIDGE_SERVICE_PORT_HTTP": "80",
        }
        settings, [warning] = load_settings(environ, dotenv=Path("/none"), secrets_dir=Path("/none"))
        assert settings.port == 8080
        assert plain(warning).startswith("BRIDGE_PORT: holds an address that Kubernetes sets")
        assert "10.0.0.1" not in str(warning)

    def test_no_family_is_read_as_a_whole(self) -> None:
        settings, warnings = load_settings(
            {"BRIDGE_SECRETS": '{"gitlab": "hush"}'}, dotenv=Path("/none"), secrets_dir=Path("/none")
        )
        assert settings.secrets == {}
        assert len(warnings) == 1
        assert "BRIDGE_SECRETS" not in KNOWN


class TestSecrets:
    @pytest.mark.parametrize(
        "secret", ["1e5", "null", "true", "0123", '"quoted"', "{}", '{"a": 1}', "12345678e90123456789", "NaN", "a,b"]
    )
    def test_a_secret_that_could_be_json_is_that_text(self, secret: str) -> None:
        assert secrets_of(read({"BRIDGE_SECRETS__TWILIO": secret}), "twilio") == [secret]

    def test_a_list_holds_the_live_ones(self) -> None:
        settings = read({"BRIDGE_SECRETS__STRIPE": '["whsec_new", " whsec_old\\n", "whsec_new"]'})
        assert secrets_of(settings, "stripe") == ["whsec_new", "whsec_old"]

    @pytest.mark.parametrize("value", ["[hush", '["hush", 1]', '["hush", null]', '[["hush"]]', "[" * 9000])
    def test_an_invalid_list_is_refused(self, value: str) -> None:
        [error] = errors_of({"BRIDGE_SECRETS__STRIPE": value})
        assert error == 'BRIDGE_SECRETS__STRIPE: is not a JSON list of texts (write ["new secret", "old secret"])'

    def test_an_empty_secret_in_a_list_is_refused(self) -> None:
        [error] = errors_of({"BRIDGE_SECRETS__STRIPE": '["hush", " "]'})
        assert error == "BRIDGE_SECRETS__STRIPE: has an empty secret in its list (remove it)"

    def test_an_empty_list_is_off(self) -> None:
        assert read({"BRIDGE_SECRETS__STRIPE": "[]"}).secrets_of("stripe") == ()

    def test_nothing_shows_them(self) -> None:
        settings = read({"BRIDGE_SECRETS__GITLAB": '["hush-1", "hush-2"]', "BRIDGE_CHANNELS__GENERAL": SLACK})
        for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{settings.__dict__}"):
            assert "hush" not in shown
            assert "never-shown" not in shown
        assert set(settings.every_secret()) == {"hush-1", "hush-2", SLACK}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("BRIDGE_PORT", "hush", "is not a port (write a number from 0 to 65535)"),
        ("BRIDGE_PORT", "65536", "is not a port"),
        ("BRIDGE_PORT", "-1", "is not a port"),
        ("BRIDGE_PORT", "８０", "is not a port"),
        ("BRIDGE_HOST", "http://hush", "is not an address to listen on"),
        (
            "BRIDGE_ROUTES",
            "/hush/routes.toml",
            "is not a file (create it (`bridge init` does), or remove the variable)",
        ),
        ("BRIDGE_TEMPLATES", "/hush", "is not a folder (create it"),
        ("BRIDGE_PUBLIC_URL", "hush.example.com", "is not an http or https URL (write the URL that providers call"),
        ("BRIDGE_PUBLIC_URL", "ftp://hush.example.com", "is not an http or https URL"),
        ("BRIDGE_PUBLIC_URL", "https://", "is not an http or https URL"),
        ("BRIDGE_PUBLIC_URL", "https://hush:", "is not an http or https URL"),
        ("BRIDGE_PUBLIC_URL", "https://hush:99999", "is not a URL"),
        ("BRIDGE_PUBLIC_URL", "https://[hush", "is not a URL"),
        ("BRIDGE_PUBLIC_URL", "https://hush example.com", "holds a character that no URL has"),
        (
            "BRIDGE_PUBLIC_URL",
            "https://u:hush@example.com",
            "has a user, which Twilio does not sign",
        ),
        ("BRIDGE_PUBLIC_URL", "https://example.com/#rc=hush", "has a `?` or `#`"),
        ("BRIDGE_PUBLIC_URL", "https://example.com/?hush", "has a `?` or `#`"),
        ("BRIDGE_SLACK_HOSTS", "hush.example.com", "is not a JSON list of texts"),
        ("BRIDGE_SLACK_HOSTS", '["https://hush.example.com"]', "is not a list of hosts"),
        ("BRIDGE_SLACK_HOSTS", '["127.0.0.1:9"]', "is not a list of hosts"),
        ("BRIDGE_SLACK_HOSTS", '["*.hush.com"]', "is not a list of hosts"),
        ("BRIDGE_SLACK_HOSTS", "[]", "is not a list of hosts"),
        ("BRIDGE_RENDERERS", "many", "is not a number of processes (write one from 1 to 16"),
        ("BRIDGE_RENDERERS", "17", "is not a number of processes"),
        ("BRIDGE_RETENTION", "hush", "is not a duration (write a number and s, m, h or d"),
        ("BRIDGE_STORE_LIMIT", "hush", "is not a size (write a number and B, KiB, MiB or GiB"),
        ("BRIDGE_STORE_LIMIT", "7MiB", "must be at least 8MiB"),
        ("BRIDGE_MAX_INFLIGHT", "0", "is not a size"),
        ("BRIDGE_MAX_CONNECTIONS", "hush", "is not a number of connections (write one from 10 to 100000)"),
        ("BRIDGE_MAX_CONNECTIONS", "0", "is not a number of connections"),
        ("BRIDGE_MAX_CONNECTIONS", "1000000", "is not a number of connections"),
        ("BRIDGE_HEAD_TIMEOUT", "10", "is not a duration (write a number and s, m, h or d"),
        ("BRIDGE_BODY_TIMEOUT", "0s", "is not a duration"),
        ("BRIDGE_IDLE_TIMEOUT", "2h", "must be at most 1h"),
        ("BRIDGE_LINK_BUTTONS", "hush", "is neither true nor false (write true or false)"),
        ("BRIDGE_LOG_FORMAT", "hush", "is not one of its values (write auto, pretty or json"),
        ("BRIDGE_LOG_LEVEL", "hush", "is not one of its values (write debug, info, warning or error"),
    ],
)
def test_an_invalid_value_is_an_error_that_names_the_variable_and_hides_the_value(
    name: str, value: str, expected: str
) -> None:
    [error] = errors_of({name: value})
    assert error.startswith(f"{name}: {expected}")
    assert "hush" not in error


def test_all_errors_are_reported_together() -> None:
    errors = errors_of(
        {"BRIDGE_PORT": "x", "BRIDGE_RETENTION": "x", "BRIDGE_SECRETS__A.B": "x", "BRIDGE_SECRETS__B": "["}
    )
    assert [error.split(":")[0] for error in errors] == [
        "BRIDGE_SECRETS__A.B",
        "BRIDGE_PORT",
        "BRIDGE_SECRETS__B",
        "BRIDGE_RETENTION",
    ]


def test_the_docs_show_real_errors_and_every_variable() -> None:
    text = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")
    errors = errors_of(
        {
            "BRIDGE_PORT": "http",
            "BRIDGE_PUBLIC_URL": "https://hooks.example.com/#rc=3",
            "BRIDGE_SECRETS__STRIPE": "[whsec_x",
            "BRIDGE_RETENTION": "a week",
            "BRIDGE_IDLE_TIMEOUT": "2h",
        }
    )
    warnings = warnings_of({"BRIDGE_PROT": "1", "BRIDGE_SECRETS__SHOPIFY": "", "BRIDGE_PORT": "tcp://10.0.0.1:80"})
    for line in (*errors, *warnings):
        assert re.search(rf"^{re.escape(line)} \[[a-z-]+\]$", text, re.MULTILINE), line
    for name in KNOWN:
        assert f"`{name}`" in text


_names = st.sampled_from(sorted(KNOWN)) | st.text(max_size=12).map("BRIDGE_{}".format)
_own = st.sampled_from(["BRIDGE_SECRETS__GITLAB", "BRIDGE_CHANNELS__GENERAL"]) | st.text("aA_-.é", max_size=4).map(
    "BRIDGE_SECRETS__{}".format
)
_marked = st.text(max_size=20).map("HUSHHUSH{}".format)
_values = _marked | st.lists(_marked, max_size=2).map(json.dumps) | st.sampled_from(["[", "1", "{}", ""])


@pytest.mark.thorough
@given(st.dictionaries(_names | _own, _values, max_size=4))
@hypothesis(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
def test_any_environment_gives_settings_or_the_named_error_and_shows_no_value(environ: dict[str, str]) -> None:
    try:
        settings, diagnostics = load_settings(environ, dotenv=Path("/none"), secrets_dir=Path("/none"))
    except ConfigurationError as error:
        diagnostics = list(error.diagnostics)
        assert diagnostics
    else:
        hidden = settings.model_copy(update={"host": ""})  # the only free text that may be shown
        assert "HUSHHUSH" not in repr(hidden)
    assert all("HUSHHUSH" not in line and line.isprintable() for line in map(str, diagnostics))
    assert all(plain_all(diagnostics))
