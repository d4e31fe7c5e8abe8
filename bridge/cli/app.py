"""The commands' names, options and help. What they do is in the modules beside this one."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from bridge.core.version import __version__

app = typer.Typer(
    name="bridge",
    help="Webhooks in, Slack messages out: GitLab, Stripe, Shopify and Twilio call it, your channels read about it.",
    epilog="Exit status: 0 good, 1 the answer is no, 2 wrong usage or configuration.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"bridge {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """What stands before a command."""


@app.command()
def serve() -> None:
    """Run the service until SIGTERM.

    It needs a secret for one source and a URL for one channel at least, for example:

    BRIDGE_SECRETS__GITLAB=… BRIDGE_CHANNELS__GENERAL=https://hooks.slack.com/services/… bridge serve
    """
    from bridge.cli.serve import serve as run

    run()


@app.command()
def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Keep it running, and print curl lines to play with.")] = False,
) -> None:
    """See the bridge work: the real service, a simulated Slack, and four providers that call it."""
    from bridge.cli.demo import demo as run

    run(stay)


@app.command()
def check(
    templates: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEMPLATE]...", help="Look at these alone, and at what uses them. Default: everything."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let notes count as errors.")] = False,
    env: Annotated[bool, typer.Option("--env", help="Add what `serve` would refuse in this environment.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print what was found as one JSON object.")] = False,
    payload: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A recorded body, in place of the sample of its type. May be repeated."),
    ] = None,
    event: Annotated[
        str | None,
        typer.Option(metavar="SOURCE/TYPE", help="What the recorded bodies are, where they do not say so (Shopify's)."),
    ] = None,
    store: Annotated[
        bool, typer.Option("--store", help="Look at the store alone: is it whole, and if not, what can be saved?")
    ] = False,
    save: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --store: copy what can be read into a new store.")
    ] = None,
) -> None:
    """Find what is wrong with routes.toml and the templates. Needs no network and no secrets.

    Every template is rendered against every sample event that can reach it. Errors end with status 1; notes do not.

    With TEMPLATE (gitlab/push.j2, or the path of its file) it looks at that one and what uses it: for each save.

    With --store it looks at the file of BRIDGE_STORE instead, changes nothing, and ends with status 1 if it is damaged.
    """
    if store or save:
        from bridge.cli.check_store import check_store
        from bridge.cli.errors import refuse

        if not store:
            refuse(["--save goes with --store: bridge check --store --save FILE"])
        if templates or strict or env or payload or event:
            refuse(["--store looks at the store alone: leave out --strict, --env, --payload, --event and templates"])
        check_store(as_json=json, save=save)
        return
    from bridge.cli.check import check as run

    run(templates or [], strict=strict, env=env, as_json=json, payloads=payload or [], event=event)


@app.command("test")
def trial(
    channels: Annotated[
        list[str] | None, typer.Argument(metavar="[CHANNEL]...", help="Default: every channel that a route uses.")
    ] = None,
    event: Annotated[
        str | None, typer.Option(metavar="SOURCE/TYPE", help="Send this sample event through the real routes instead.")
    ] = None,
) -> None:
    """Send a real test message to Slack, and print what Slack answered for each channel."""
    from bridge.cli.errors import refuse
    from bridge.cli.send_test import try_channels, try_event

    if event is not None and channels:
        refuse(["name channels or --event, not both: the routes decide where an event goes"])
    if event is not None:
        try_event(event)
    else:
        try_channels(channels or [])


@app.command()
def render(
    event: Annotated[str, typer.Argument(metavar="SOURCE/TYPE", help="A sample's name, e.g. gitlab/pipeline.failed")],
    payload: Annotated[
        Path | None, typer.Option(help="A recorded body (JSON, or a form as it was sent) instead of the sample.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the JSON that would be posted.")] = False,
    template: Annotated[str | None, typer.Option(help="Use this template, e.g. gitlab/pipeline.j2")] = None,
) -> None:
    """Show a message on the terminal as Slack would draw it."""
    from bridge.cli.render import render as run

    run(event, payload, as_json=json, template=template)


@app.command()
def explain(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="Where it came to, e.g. gitlab or stripe-eu")],
    payload: Annotated[Path, typer.Option(help="A recorded body: JSON, or a form as it was sent.")],
    event_type: Annotated[
        str | None,
        typer.Option("--type", help="The event's type, where the body does not say it (Shopify): orders/create"),
    ] = None,
) -> None:
    """Say which routes want a recorded body, each condition with its verdict, and where it would go.

    Status 1 means that no route wants it.
    """
    from bridge.cli.explain import explain as run

    run(source, payload, event_type)


_Source = Annotated[str | None, typer.Option(metavar="SOURCE", help="Only what came to this source.")]
_Channel = Annotated[str | None, typer.Option(metavar="CHANNEL", help="Only what is for this channel.")]
_Types = Annotated[
    list[str] | None,
    typer.Option("--type", metavar="PATTERN", help="Only types that match, as in routes.toml. May be repeated."),
]
_Since = Annotated[
    str | None,
    typer.Option(
        metavar="WHEN", help="Only what arrived since: 2h, 7d, 2026-11-25, 2026-11-25T09:41, with a zone or not."
    ),
]
_Until = Annotated[
    str | None, typer.Option(metavar="WHEN", help="Only what arrived before; a date alone counts to its end.")
]

ledger = typer.Typer(
    name="events",
    help="""See what became of what arrived: one line a delivery, the newest last.

    Works beside a running service. `bridge events show ID` tells the whole story of one event.
    """,
    no_args_is_help=False,
)
app.add_typer(ledger)


@ledger.callback(invoke_without_command=True)
def events(
    context: typer.Context,
    state: Annotated[
        str | None,
        typer.Option(
            metavar="STATE", help="waiting, delivered, skipped, told (in a digest or repeat), dead or dropped."
        ),
    ] = None,
    source: _Source = None,
    channel: _Channel = None,
    types: _Types = None,
    since: _Since = None,
    until: _Until = None,
    id_prefix: Annotated[str, typer.Option("--id", metavar="PREFIX", help="Only events whose id begins so.")] = "",
    digest: Annotated[str | None, typer.Option(metavar="ID", help="Only what was told in this digest.")] = None,
    text: Annotated[
        str, typer.Option(metavar="TEXT", help="Only what has this in its title, subject, actor or reason.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="No more than the newest so many.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what is new or changes, until Ctrl C.")
    ] = False,
) -> None:
    """See the ledger's lines."""
    if context.invoked_subcommand is not None:
        return
    from dataclasses import replace

    from bridge.cli.event_list import query_of
    from bridge.cli.events import events as run

    query = query_of(state=state, source=source, channel=channel, types=types or (), since=since, until=until)
    query = replace(query, id_prefix=id_prefix, told_in=digest, holds=text, limit=limit)
    run(query, as_lines=json, follow=follow)


@ledger.command()
def show(
    name: Annotated[
        str, typer.Argument(metavar="ID", help="An event's id or how it begins, or a delivery's number: 123")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print it as one JSON object.")] = False,
    body: Annotated[bool, typer.Option("--body", help="Print the body as it arrived, too.")] = False,
) -> None:
    """Tell the whole story of one event: arrival, keys, decision, posts with Slack's answers, the message as posted."""
    from bridge.cli.event_history import event_history as run

    run(name, as_object=json, body=body)


@app.command()
def replay(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Events' ids or how they begin, or deliveries' numbers: 123"),
    ] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
    route: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this route sent.")] = None,
    channel: _Channel = None,
    source: _Source = None,
    types: _Types = None,
    since: _Since = None,
    until: _Until = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what was beside what would be sent, and send nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask, however many there are.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Send messages again, made anew with today's templates. Each says when it happened.

    Works beside a running service, which posts them. What waits already is passed over, and two replays at once do not
    post twice.

    bridge replay --dead --dry-run, then bridge replay --dead
    """
    from bridge.cli.errors import refuse
    from bridge.cli.event_list import query_of
    from bridge.cli.replay import replay as run

    if not (ids or dead or route or channel or source or types or since or until):
        refuse(
            ["say what to send again: ids of `bridge events`, --dead, --since, --route, --channel, --source, --type"]
        )
    query = query_of(
        state="dead" if dead else None,
        source=source,
        channel=channel,
        route=route,
        types=types or (),
        since=since,
        until=until,
    )
    run(ids or (), query, dry_run=dry_run, yes=yes, as_lines=json)


@app.command()
def preview(
    event: Annotated[
        str | None,
        typer.Argument(metavar="[PROVIDER/TYPE]", help="The event to begin with, e.g. gitlab/pipeline.failed"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Listen here instead: in a container, or to reach it from elsewhere by this name.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8081,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page, where there is a screen.")
    ] = True,
) -> None:
    """Edit templates by eye: a page with the file on the left and the message on the right.

    It draws anew as you type, and as the files change on disk in your own editor. Saving writes the file, unless
    `bridge check` would refuse it. Whoever has the address, with its token, can write your templates: keep it.

    On another machine: ssh -L 8081:localhost:8081 HOST, and run it there. In a container: --host 0.0.0.0, with
    -p 127.0.0.1:8081:8081.
    """
    from bridge.cli.preview import preview as run

    run(event, host=host, port=port, browser=browser)


@app.command()
def gallery(
    file: Annotated[Path, typer.Argument(metavar="FILE.html", help="Where to; it is overwritten if it is there.")],
) -> None:
    """Write the messages of all sample events on one page, for reviews and docs. The page needs nothing else."""
    from bridge.cli.gallery import gallery as run

    run(file)


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to; it is made if it is not there.")] = Path(),
) -> None:
    """Copy routes.toml and the templates out for editing. Overwrites nothing."""
    from bridge.cli.init import init as run

    run(folder)


@app.command()
def health(
    ready: Annotated[bool, typer.Option("--ready", help="Ask whether webhooks can be accepted and kept.")] = False,
) -> None:
    """Ask the bridge on this machine (BRIDGE_HOST, BRIDGE_PORT) how it is."""
    from bridge.cli.health import main as ask

    raise typer.Exit(ask(["--ready"] if ready else []))


def main() -> None:
    """Run the command line."""
    try:
        app()
        sys.stdout.flush()
    except OSError as error:
        # The commands tell of files themselves; what is left is standard output, on a full disk say.
        with suppress(OSError):
            sys.stdout.close()
        from bridge.cli.errors import NO, complain

        complain([f"what it has to say cannot be written: {error.strerror or error}"])
        sys.exit(NO)
