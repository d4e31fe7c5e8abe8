"""The renderers of a service: channels share them in fair turns, and large bodies share a budget of memory."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TypeVar

from bridge.config.diagnostics import Diagnostic
from bridge.messages.message import Rendered
from bridge.messages.render_protocol import RenderJob
from bridge.messages.render_turns import Turns
from bridge.messages.renderer import LocalRenderer, ProcessRenderer, Renderer
from bridge.messages.templates import Templates

_Result = TypeVar("_Result")
_COMPILING = ""
"""The channel of templates that are compiled before a message needs them: no channel has this name."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    run: Callable[[Renderer], None]
    """Do the work and keep its result. Raises nothing."""
    done: "asyncio.Future[None]"


class RenderPool:
    """A number of render processes, each with a thread that waits for it; 0 for this process, without limits."""

    def __init__(self, number: int) -> None:
        self._renderers: list[Renderer] = [ProcessRenderer() for _ in range(number)] or [LocalRenderer()]
        self._free = [*self._renderers]
        self._threads = ThreadPoolExecutor(len(self._renderers), "render")
        self._turns: Turns[_Waiting] = Turns()

    async def render(self, job: RenderJob, templates: Templates) -> Rendered:
        """Render a message when its channel has its turn. Raises RendererClosedError."""
        return await self._in_turn(job.channel, lambda renderer: renderer.render(job, templates))

    async def compile_error(self, templates: Templates, name: str) -> Diagnostic | None:
        """Compile a template; return the error if that fails. Raises RendererClosedError."""
        return await self._in_turn(_COMPILING, lambda renderer: renderer.compile_error(templates, name))

    def close(self) -> None:
        """End the processes at once, and what they were doing."""
        for renderer in self._renderers:
            renderer.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_turn(self, channel: str, work: Callable[[Renderer], _Result]) -> _Result:
        results: list[_Result] = []
        failures: list[Exception] = []

        def run(renderer: Renderer) -> None:
            try:
                results.append(work(renderer))
            except Exception as failure:  # noqa: BLE001 - raised below, by who asked
                failures.append(failure)

        waiting = _Waiting(run, asyncio.get_running_loop().create_future())
        self._turns.add(channel, waiting)
        self._start()
        await waiting.done
        if failures:
            raise failures[0]
        return results[0]

    def _start(self) -> None:
        while self._free and (taken := self._turns.take()):
            channel, waiting = taken
            if waiting.done.done():  # cancelled meanwhile
                continue
            renderer, began = self._free.pop(), monotonic()
            turn = asyncio.get_running_loop().run_in_executor(self._threads, waiting.run, renderer)
            turn.add_done_callback(partial(self._finish, channel, waiting, renderer, began))

    def _finish(
        self, channel: str, waiting: _Waiting, renderer: Renderer, began: float, turn: "asyncio.Future[None]"
    ) -> None:
        self._turns.took(channel, monotonic() - began)
        self._free.append(renderer)
        if turn.cancelled():
            waiting.done.cancel()
        elif not waiting.done.done():
            waiting.done.set_result(None)
        if not turn.cancelled():
            self._start()
