"""Chaos run: random kills, network cuts, full disks and false answers for a real bridge; then a count.

`make chaos`, or `python -m tests.chaos.chaos --seconds 60 --seed 7`. Loopback only. Ends by itself, with status 1 if an
acknowledged event was lost, a message was out of order, or a duplicate has no known reason.
"""

import argparse
import asyncio
import json
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bridge.core.payload import list_at
from bridge.demo.slack_simulator import Post
from tests.bridges import environment
from tests.chaos.failure_plan import TOO_LATE, FailurePlan
from tests.chaos.providers import MARKER, PATIENCE, Providers
from tests.chaos.service import CAN_FILL, Service
from tests.chaos.verdict import Kept, Record, Shown, Verdict, judge
from tests.slack.simulator import SlackSimulator

CHANNELS = {"gitlab": ("alone", "quick"), "stripe": ("alone", "batched")}
"""Channels of the events of each source."""
ROUTES = """
[channels.alone]
pace = "100/s"
pack = false
digest_after = false

[channels.quick]
pace = "100/s"
digest_after = false

[channels.batched]
pace = "1/s"
digest_after = false

[[routes]]
name = "issues"
source = "gitlab"
channels = ["alone", "quick"]

[[routes]]
name = "charges"
source = "stripe"
channels = ["alone", "batched"]
"""
SENDERS = 6
WARM = 8.0
"""Seconds that a life may take to its next post before it is ended anyway."""
STRIKE = 0.02
"""Seconds after a post within which the kill aimed at it happens."""
STUCK = 60.0
"""Seconds within which there must be progress at the end, once no failure is injected."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Amount of chaos: the mean seconds between two kills, two full disks and two failures of a channel."""

    seconds: float
    seed: int
    events_per_second: float = 12.0
    kill_every: float = 3.0
    fill_every: float = 5.0
    kill_child_every: float = 8.0
    """Mean seconds between two kills of the process that renders."""
    failure_every: float = 0.7


@dataclass(frozen=True, slots=True)
class Report:
    """Result of a run."""

    record: Record
    verdict: Verdict
    counts: Mapping[str, int]
    errors: Sequence[str]
    """Further violations."""

    def violations(self) -> list[str]:
        """Return every violation, as lines."""
        return [*self.verdict.violations(), *self.errors]


class Chaos:
    """One run in a folder. Call ``run`` once."""

    def __init__(self, plan: Plan, folder: Path, slack: SlackSimulator) -> None:
        self.plan = plan
        (folder / "routes.toml").write_text(ROUTES)
        channels = {f"BRIDGE_CHANNELS__{name.upper()}": slack.webhook(name) for name in _channels()}
        self.service = Service(folder, {**environment(folder, slack), **channels})
        self.providers = Providers(self.service, plan.seed, plan.events_per_second / SENDERS)
        self.started = time.monotonic()
        self._slack = slack
        self._store = folder / "bridge.db"
        self._random = random.Random(f"{plan.seed}-kills")
        self._slack_failures: Counter[str] = Counter()
        self._failure_plans: list[FailurePlan] = []
        self._posted = asyncio.Event()
        self._striking = False

    async def run(self) -> Report:
        """Run the chaos, wait until no delivery waits, and count."""
        over = asyncio.Event()
        for name in _channels():
            failure_plan = FailurePlan(
                random.Random(f"{self.plan.seed}-{name}"),
                time.monotonic,
                self.plan.failure_every,
                self._taken,
                self._slack_failures,
            )
            self._failure_plans.append(failure_plan)
            self._slack.always(name, failure_plan)
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with aiohttp.ClientSession(timeout=timeout) as client:
            senders = [asyncio.create_task(self.providers.send(client, over)) for _ in range(SENDERS)]
            troubles = [
                asyncio.create_task(trouble)
                for trouble in (self._fill_disk_now_and_then(), self._kill_children_now_and_then())
            ]
            try:
                await self._end_lives(self.started + self.plan.seconds)
                over.set()
                for trouble in troubles:
                    trouble.cancel()
                for failure_plan in self._failure_plans:
                    failure_plan.calm = True
                await self.service.start()
                errors = await self._finish(senders)
                self.service.terminate()
                await self.service.record_end()
            finally:
                for task in (*senders, *troubles):
                    task.cancel()
                await asyncio.gather(*senders, *troubles, return_exceptions=True)
                if self.service.lives_now:
                    self.service.kill()
                    await self.service.record_end()
        record = Record(
            acked={marker: CHANNELS[source] for marker, source in self.providers.acked.items()},
            shown={name: [shown(post) for post in self._slack.posts(name)] for name in _channels()},
            kept=kept(self._store),
            lives=self.service.lives,
        )
        errors += [*self.service.errors, *self.providers.errors]
        return Report(record, judge(record), self._counts(record), errors)

    async def _end_lives(self, until: float) -> None:
        """Start the service, end it in some way, and start it again."""
        while (left := until - time.monotonic()) > 0:
            await self.service.start()
            if self._random.random() < 0.1:
                await self.service.ends(min(left, self._random.random() * 2))  # perhaps in the middle of its start
            elif await self.service.listens():
                # Most lives reach their first post: before it, all templates are compiled.
                if self._random.random() < 0.7:
                    await self._post(min(left, WARM))
                await self.service.ends(self._random.uniform(0, 2 * self.plan.kill_every))
            await self._end(self._random.random())
            await self.service.record_end()
            if sum(life.end == "by itself" for life in self.service.lives) >= 3:
                return

    async def _end(self, chance: float) -> None:
        if chance < 0.45:
            # While a post is answered and recorded: the critical moments.
            self._striking = True
            await self._post(WARM)
            self._striking = False
            await self.service.ends(STRIKE)
            self.service.kill()
        elif chance < 0.6:
            self.service.kill()
        else:
            self.service.terminate()
            if chance > 0.9:
                await asyncio.sleep(self._random.random())
                self.service.kill()

    async def _post(self, within: float) -> None:
        """Wait for the next post."""
        self._posted.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._posted.wait(), within)

    def _taken(self) -> None:
        """Record that Slack takes a post, before it answers."""
        if self._striking:
            self._striking = False
            delay = self._random.choice([0, self._random.random() * STRIKE / 2])
            asyncio.get_running_loop().call_later(delay, self.service.kill)
        self._posted.set()

    async def _fill_disk_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self.plan.fill_every))
            self.service.fill_disk()
            await asyncio.sleep(self._random.uniform(0.3, 2))
            self.service.free_disk()

    async def _kill_children_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._random.expovariate(1 / self.plan.kill_child_every))
            self.service.kill_child()

    async def _finish(self, senders: Sequence[asyncio.Task[None]]) -> list[str]:
        """Let the senders finish and the channel workers catch up. Return the errors."""
        if not await self.service.listens():
            return [f"the last life did not start: {''.join(self.service.output)[-600:]}"]
        _, late = await asyncio.wait(senders, timeout=STUCK)
        if late:
            return ["a provider was not answered, although nothing was in its way any more"]
        for sender in senders:
            sender.result()
        waiting = _waiting(self._store)
        moved = time.monotonic()
        while waiting and time.monotonic() - moved < STUCK:
            await asyncio.sleep(0.2)
            before, waiting = waiting, _waiting(self._store)
            if waiting < before:  # a bounded number of times: no event is accepted any more
                moved = time.monotonic()
        return [f"{waiting} messages still wait, although nothing is in their way any more"] if waiting else []

    def _counts(self, record: Record) -> dict[str, int]:
        sent = self.providers.counts
        ends = Counter(life.end for life in record.lives)
        return {
            "events sent": sent["events"],
            "events acknowledged": len(record.acked),
            "posts that Slack showed": sum(len(posts) for posts in record.shown.values()),
            "of which carried several messages": sum(
                len(p.markers) > 1 for posts in record.shown.values() for p in posts
            ),
            "kills (SIGKILL)": ends["SIGKILL"],
            "stops (SIGTERM)": ends["SIGTERM"],
            "kills of the process that renders": self.service.children_killed,
            "times the disk was full" if CAN_FILL else "times the disk was full (needs Linux)": self.service.times_full,
            "answers 503": sent["answers 503"],
            "tries without an answer": sent["tries without an answer"],
            "requests cut in the middle": sent["requests cut in the middle"],
            "requests whose answer was not read": sent["requests whose answer was not read"],
            "requests sent twice": sent["requests sent twice at once"] + sent["requests sent again"],
            "answers with `duplicate`": sent["answers: duplicate"],
            **{f"Slack: {name}": number for name, number in sorted(self._slack_failures.items())},
        }


def _channels() -> list[str]:
    return sorted({channel for channels in CHANNELS.values() for channel in channels})


def shown(post: Post) -> Shown:
    """Return the events in a post, and whether its sender got the answer.

    Events are looked for in its blocks, otherwise in its text.
    """
    blocks = [*list_at(post.body, "blocks"), *list_at(post.body, "attachments")]
    # One event may be named several times in a row.
    markers = [marker for marker, _ in groupby(MARKER.findall(json.dumps(blocks or post.body)))]
    answered = post.answered.startswith("200 ok") and f"{TOO_LATE:g} s late" not in post.answered
    return Shown(post.at, tuple(markers), answered)


def kept(store: Path) -> list[Kept]:
    """Return every delivery of a store, in the order in which their events were accepted."""
    asked = """
        SELECT e.id, CAST(r.body AS TEXT), d.channel, d.state, d.reason,
               (SELECT count(*) FROM attempts a WHERE a.delivery = d.id AND a.kind = 'ok')
        FROM deliveries d JOIN events e ON e.seq = d.event JOIN requests r ON r.id = e.request
        ORDER BY e.seq, d.id
    """
    database = sqlite3.connect(store)
    try:
        if (found := database.execute("PRAGMA integrity_check").fetchone()) != ("ok",):
            raise AssertionError(f"the store is damaged: {found}")
        return [
            Kept(event, MARKER.findall(body)[0], channel, state, reason, posted)
            for event, body, channel, state, reason, posted in database.execute(asked)
        ]
    finally:
        database.close()


def _waiting(store: Path) -> int:
    database = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    try:
        return int(database.execute("SELECT count(*) FROM deliveries WHERE state = 'waiting'").fetchone()[0])
    finally:
        database.close()


async def run(plan: Plan, folder: Path, watch: Callable[[Chaos], None] | None = None) -> Report:
    """Run in an existing folder. ``watch`` is called a few times a second."""
    async with SlackSimulator() as slack:
        chaos = Chaos(plan, folder, slack)
        running = asyncio.create_task(chaos.run())
        try:
            while not running.done():
                await asyncio.wait({running}, timeout=0.25)
                if watch:
                    watch(chaos)
            return running.result()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def table(report: Report) -> Table:
    """Return the counts as a table."""
    verdict = report.verdict
    made = Table.grid(padding=(0, 1))
    made.add_column(justify="right")
    made.add_column()
    for name, number in report.counts.items():
        made.add_row(str(number), name)
    made.add_section()
    for number, name in (
        (verdict.messages, "messages had to be shown"),
        (len(verdict.lost), "lost"),
        (len(verdict.out_of_order), "out of order"),
        (verdict.killed, f"duplicates: the process died between post and record ({verdict.posts['killed']} posts)"),
        (verdict.stopped, f"duplicates: stopped before a full disk let it record ({verdict.posts['stopped']} posts)"),
        (verdict.unanswered, f"duplicates: Slack's answer was lost ({verdict.posts['unanswered']} posts)"),
        (len(verdict.unexplained), "duplicates without an explanation"),
        (len(verdict.event_log) + len(report.errors), "other violations"),
    ):
        made.add_row(str(number), name)
    return made


def _watcher(progress: Progress) -> Callable[[Chaos], None]:
    def watch(chaos: Chaos) -> None:
        if not progress.tasks:
            progress.add_task("", total=chaos.plan.seconds)
        passed = time.monotonic() - chaos.started
        description = f"{len(chaos.providers.acked)} events acknowledged, {len(chaos.service.lives)} lives ended"
        if passed > chaos.plan.seconds:
            description += ", waiting for the rest"
        progress.update(progress.tasks[0].id, completed=min(passed, chaos.plan.seconds), description=description)

    return watch


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit status."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__.partition("\n\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long the chaos lasts (600)")
    parser.add_argument("--seed", type=int, default=None, help="what chance follows (another one each time)")
    given = parser.parse_args(arguments)
    seed = random.randrange(100_000) if given.seed is None else given.seed
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(f"Chaos for {given.seconds:g} s with seed {seed}.")
    folder = Path(tempfile.mkdtemp(prefix="bridge-chaos-"))
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    # Either signal must stop the service too.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with progress:
            report = asyncio.run(run(Plan(given.seconds, seed), folder, _watcher(progress)))
    except KeyboardInterrupt:
        console.print("Interrupted: nothing was counted.")
        shutil.rmtree(folder)
        return 130
    console.print(table(report))
    return verdict_of(report, folder, console)


def verdict_of(report: Report, folder: Path, console: Console) -> int:
    """Print the violations, and keep the folder for an analysis if there are any. Return the exit status."""
    violations = report.violations()
    for violation in violations:
        console.print(f"✗ {violation}", soft_wrap=True)
    if violations:
        (folder / "record.json").write_text(json.dumps(asdict(report.record), indent=1))
        console.print(f"The store, and all that was seen, are kept in {folder}.", soft_wrap=True)
        return 1
    shutil.rmtree(folder)
    console.print("✓ Nothing was lost, nothing came out of order, and every duplicate is explained.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
