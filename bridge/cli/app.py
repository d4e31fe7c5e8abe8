"""Command line: names, options and help texts of the commands. Each command runs in a module of its own."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from bridge.core.states import DeliveryState
from bridge.core.version import __version__

app = typer.Typer(
    name="bridge",
    help="""Receive webhooks from GitLab, Stripe, Shopify and Twilio, and post readable messages to Slack.

    New here? Run `bridge demo`, then `bridge init`, `bridge check`, `bridge test` and `bridge serve`.
    """,
    epilog="Exit status: 0 success; 1 the answer is no, e.g. a check failed; 2 wrong usage or configuration.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


RUN, CONFIGURE, EVENT_LOG = "Run", "Routes and templates", "Event log"
"""Headings of the command groups in `bridge --help`."""


def _version(requested: bool) -> None:
    if requested:
        typer.echo(f"bridge {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Handle the options before the command."""


@app.command(rich_help_panel=RUN)
def serve() -> None:
    """Run the service until SIGTERM.

    It needs at least the secret of one source and the Slack URL of one channel.

    Example:
      export BRIDGE_SECRETS__GITLAB=…
      export BRIDGE_CHANNELS__GENERAL=https://hooks.slack.com/services/…
      bridge serve
    """
    from bridge.cli.serve import serve as run

    run()


@app.command(rich_help_panel=RUN)
def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Keep it running, and print curl commands to try.")] = False,
) -> None:
    """See the service work, with simulated providers and Slack.

    It needs no account, secret or network, and leaves no files behind.
    """
    from bridge.cli.demo import demo as run

    run(stay)


@app.command(rich_help_panel=CONFIGURE)
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Target; created if missing.")] = Path(),
) -> None:
    """Copy routes.toml and the templates to a folder for editing.

    Existing files stay as they are.
    """
    from bridge.cli.init import init as run

    run(folder)


@app.command(rich_help_panel=CONFIGURE)
def check(
    templates: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEMPLATE", help="Check only these and the files that use them. Default: all."),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Treat notes as errors.")] = False,
    env: Annotated[
        bool, typer.Option("--env", help="Also check the environment: report anything that `serve` would refuse.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
    payload: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Use this recorded body instead of the sample of its type. Repeatable."),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE/TYPE", help="Event type of the recorded bodies, if they do not name it (Shopify)."
        ),
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Check only the store: report damage, and how much can be recovered.")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --store: copy all readable data into a new store.")
    ] = None,
) -> None:
    """Check routes.toml and the templates, without network or secrets.

    Every template is rendered with every sample event that can reach it. Errors end with status 1, notes with 0.
    TEMPLATE is a name (gitlab/push.j2) or the path of a file. One template is checked fast enough for every save.
    --store checks the file of BRIDGE_STORE instead, changes nothing, and ends with status 1 if it is damaged.

    Examples:
      bridge check
      bridge check templates/gitlab/push.j2
      bridge check --payload saved.json --event shopify/orders/create
      bridge check --store --save recovered.db
    """
    if store or save:
        from bridge.cli.check_store import check_store
        from bridge.cli.errors import refuse

        if not store:
            refuse(["--save needs --store: bridge check --store --save FILE"])
        if templates or strict or env or payload or event:
            refuse(["--store checks only the store: leave out --strict, --env, --payload, --event and templates"])
        check_store(as_json=json, save=save)
        return
    from bridge.cli.check import check as run

    run(templates or [], strict=strict, env=env, as_json=json, payloads=payload or [], event=event)


@app.command("test", rich_help_panel=RUN)
def send_test(
    channels: Annotated[
        list[str] | None, typer.Argument(metavar="CHANNEL", help="Default: every channel used by a route.")
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(metavar="SOURCE/TYPE", help="Send a sample event along the real routes instead."),
    ] = None,
) -> None:
    """Send a real test message to Slack, and print Slack's answer.

    The messages are marked as tests. Status 1 if one is not posted.

    Examples:
      bridge test general
      bridge test --event gitlab/pipeline.failed
    """
    from bridge.cli.errors import refuse
    from bridge.cli.send_test import send_event, send_to_channels

    if event is not None and channels:
        refuse(["give channels or --event, not both: an event goes to the channels of its routes"])
    if event is not None:
        send_event(event)
    else:
        send_to_channels(channels or [])


@app.command(rich_help_panel=CONFIGURE)
def render(
    event: Annotated[str, typer.Argument(metavar="SOURCE/TYPE", help="Name of a sample, e.g. gitlab/pipeline.failed")],
    payload: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Use this recorded body (JSON, or the raw form) instead of the sample."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the JSON for Slack instead.")] = False,
    template: Annotated[
        str | None, typer.Option(metavar="NAME", help="Use this template, e.g. gitlab/pipeline.j2")
    ] = None,
) -> None:
    """Show a message on the terminal as it would look in Slack.

    Examples:
      bridge render gitlab/pipeline.failed
      bridge render stripe/charge.failed --payload saved.json --json
    """
    from bridge.cli.render import render as run

    run(event, payload, as_json=json, template=template)


@app.command(rich_help_panel=CONFIGURE)
def explain(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Source that received it, e.g. gitlab or stripe-eu")],
    payload: Annotated[Path, typer.Option(metavar="FILE", help="Recorded body: JSON, or the raw form.")],
    event_type: Annotated[
        str | None,
        typer.Option("--type", metavar="TYPE", help="Event type, if the body does not name it (Shopify)."),
    ] = None,
) -> None:
    """Show each route's verdict on a recorded body, and the channels.

    Every condition is listed with its own verdict. Status 1: no route matches.

    Example:
      bridge explain shopify --payload saved.json --type orders/create
    """
    from bridge.cli.explain import explain as run

    run(source, payload, event_type)


_Source = Annotated[str | None, typer.Option(metavar="SOURCE", help="Only events of this source.")]
_Channel = Annotated[str | None, typer.Option(metavar="CHANNEL", help="Only deliveries to this channel.")]
_Types = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="PATTERN", help="Only types that match, as in routes.toml. Repeatable."),
]
_Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN",
        help="Only events received since: 2h, 7d, 2026-11-25 or 2026-11-25T09:41. Local time if without a zone.",
    ),
]
_Until = Annotated[
    str | None, typer.Option(metavar="WHEN", help="Only events received before; a date includes its whole day.")
]

event_log = typer.Typer(
    name="events",
    help="""List events and the state of their deliveries.

    One line per delivery, newest last. Safe beside a running service.
    `bridge events show ID` shows everything recorded about one event.

    Examples:
      bridge events --state dead --since 7d
      bridge events --type pipeline.failed --follow
      bridge events show 0191c2f3
    """,
    no_args_is_help=False,
)
app.add_typer(event_log, rich_help_panel=EVENT_LOG)


@event_log.callback(invoke_without_command=True)
def events(
    context: typer.Context,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE",
            help=f"Only this state: {', '.join(DeliveryState)}. Summarized: in a digest or a repeat notice.",
        ),
    ] = None,
    source: _Source = None,
    channel: _Channel = None,
    types: _Types = None,
    since: _Since = None,
    until: _Until = None,
    id_prefix: Annotated[
        str, typer.Option("--id", metavar="PREFIX", help="Only events with this start of the id.")
    ] = "",
    digest: Annotated[str | None, typer.Option(metavar="ID", help="Only deliveries summarized in this digest.")] = None,
    text: Annotated[
        str, typer.Option(metavar="TEXT", help="Only deliveries with this text in title, subject, actor or reason.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the newest.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Keep printing new and changed deliveries until Ctrl C.")
    ] = False,
) -> None:
    """List deliveries, unless a subcommand is given."""
    if context.invoked_subcommand is not None:
        return
    from dataclasses import replace

    from bridge.cli.event_list import query_of
    from bridge.cli.events import events as run

    query = query_of(state=state, source=source, channel=channel, types=types or (), since=since, until=until)
    query = replace(query, id_prefix=id_prefix, summarized_in=digest, contains=text, limit=limit)
    run(query, as_lines=json, follow=follow)


@event_log.command()
def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Event id or its start, or a delivery number: 123")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    body: Annotated[bool, typer.Option("--body", help="Also print the body as received.")] = False,
) -> None:
    """Show everything recorded about one event.

    That is: its arrival, keys, routes and deliveries, every post with Slack's answer, and the posted message.
    """
    from bridge.cli.event_history import event_history as run

    run(name, as_object=json, body=body)


@app.command(rich_help_panel=EVENT_LOG)
def replay(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID", help="Event ids or their starts, or delivery numbers: 123"),
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only dead deliveries: those that Bridge gave up.")] = False,
    route: Annotated[str | None, typer.Option(metavar="NAME", help="Only deliveries of this route.")] = None,
    channel: _Channel = None,
    source: _Source = None,
    types: _Types = None,
    since: _Since = None,
    until: _Until = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the old and the new message, and send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
) -> None:
    """Send stored messages again, rendered with today's templates.

    Each message states when its event happened. The running service posts them.
    Deliveries that still wait are skipped, and two replays at the same time do not post twice.

    Examples:
      bridge replay --dead --dry-run
      bridge replay --dead
      bridge replay --since 2h --channel deploys
    """
    from bridge.cli.errors import refuse
    from bridge.cli.event_list import query_of
    from bridge.cli.replay import replay as run

    if not (ids or dead or route or channel or source or types or since or until):
        refuse(["choose deliveries: ids from `bridge events`, --dead, --since, --route, --channel, --source, --type"])
    query = query_of(
        state=DeliveryState.DEAD if dead else None,
        source=source,
        channel=channel,
        route=route,
        types=types or (),
        since=since,
        until=until,
    )
    run(ids or (), query, dry_run=dry_run, yes=yes, as_lines=json)


@app.command(rich_help_panel=CONFIGURE)
def preview(
    event: Annotated[
        str | None,
        typer.Argument(metavar="PROVIDER/TYPE", help="First event to show, e.g. gitlab/pipeline.failed"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on. 0.0.0.0 in a container, a host name for other machines.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for any free one.")] = 8081,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser, if there is a screen.")
    ] = True,
) -> None:
    """Edit templates on a web page, with the message beside the file.

    The message follows as you type, and as your own editor changes the files.
    Save writes the file, unless `bridge check` finds errors in it.
    The address contains a token and allows writing your templates: keep it to yourself.
    On another machine: run `ssh -L 8081:localhost:8081 HOST`, and this command there.
    In a container: --host 0.0.0.0, with `docker run -p 127.0.0.1:8081:8081`.

    Example:
      bridge preview gitlab/merge_request.open
    """
    from bridge.cli.preview import preview as run

    run(event, host=host, port=port, browser=browser)


@app.command(rich_help_panel=CONFIGURE)
def gallery(
    file: Annotated[Path, typer.Argument(metavar="FILE.html", help="File to write; an existing one is overwritten.")],
) -> None:
    """Write the messages of all sample events to one HTML page.

    The page needs no other file and no network: attach it to a review.

    Example:
      bridge gallery messages.html
    """
    from bridge.cli.gallery import gallery as run

    run(file)


@app.command(rich_help_panel=RUN)
def health(
    ready: Annotated[bool, typer.Option("--ready", help="Ask whether it can accept and store webhooks.")] = False,
) -> None:
    """Ask the service on this machine for its health."""
    from bridge.cli.health import main as ask_health

    raise typer.Exit(ask_health(["--ready"] if ready else []))


def main() -> None:
    """Run the command line."""
    try:
        app()
        sys.stdout.flush()
    except OSError as error:
        # Commands report errors of files themselves. Left is standard output, e.g. redirected to a full disk.
        with suppress(OSError):
            sys.stdout.close()
        from bridge.cli.errors import NO, complain

        complain([f"cannot write to standard output: {error.strerror or error}"])
        sys.exit(NO)
