"""Waiting for several things, on the client's clock."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from .clock import Clock

T = TypeVar("T")


async def first_of(clock: Clock, timeout_s: float | None, *events: asyncio.Event) -> None:
    """Return once one of the events is set, or the time is up."""
    timed_out = asyncio.Event()
    timer = clock.call_later(timeout_s, timed_out.set) if timeout_s is not None else None
    tasks = [asyncio.create_task(event.wait()) for event in (*events, timed_out)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if timer is not None:
            timer.cancel()
        for task in tasks:
            task.cancel()


async def within(clock: Clock, timeout_s: float, work: Coroutine[Any, Any, T]) -> T:
    """Return what the work returns. Raises TimeoutError when the time is up; the work is cancelled then."""
    task = asyncio.ensure_future(work)
    is_late = False

    def end() -> None:
        nonlocal is_late
        is_late = True
        task.cancel()

    timer = clock.call_later(timeout_s, end)
    try:
        return await task
    except asyncio.CancelledError:
        if is_late:
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
