"""Ctrl-C in the middle of a fit: it ends where nothing is half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def interrupts_held() -> Iterator[Callable[[], None]]:
    """Hold Ctrl-C back until the end, or until what is yielded is called, which raises KeyboardInterrupt.

    A second Ctrl-C raises it at once. Wherever it happens to arrive it may be lost in the callbacks of a library, which
    then goes on for minutes, or leave an object of it behind that crashes the process when it is freed. Handlers that
    are not Python's own are left alone, as is every thread but the main one.
    """
    asked = threading.Event()

    def check() -> None:
        if asked.is_set():
            asked.clear()
            raise KeyboardInterrupt

    def handle(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            signal.default_int_handler(number, frame)
        asked.set()

    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield check
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        check()  # here, so that a fit that fails as Ctrl-C is pressed does not hide it
