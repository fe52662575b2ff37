"""Ctrl-C while a library works."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from fitserve.training.interrupts import interrupts_held


@pytest.fixture(autouse=True)
def python_s_own_handler() -> Iterator[None]:
    """A shell starts what runs in its background with Ctrl-C ignored; then there is nothing to hold back."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_library_that_swallows_everything_loses_no_interrupt() -> None:
    rounds = []
    with pytest.raises(KeyboardInterrupt), interrupts_held() as check:  # noqa: PT012
        for i in range(5):
            rounds.append(i)
            try:
                press()
                break
            except BaseException:  # noqa: BLE001 - as callbacks from C do
                continue
        rounds.append(-1)
        check()
    assert rounds == [0, -1]


def test_an_interrupt_comes_at_the_end_at_the_latest() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interrupts_held():  # noqa: PT012 - the end of the block is what raises
        press()
        done.append(True)
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_fit_that_fails_does_not_hide_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts_held():  # noqa: PT012 - signals arrive between two statements
        press()
        raise ValueError("failed")


def test_a_second_one_ends_it_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), interrupts_held():  # noqa: PT012 - signals arrive between two statements
        press()
        press()
        pytest.fail("went on")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handlers_of_others_and_other_threads_are_left_alone() -> None:
    pressed = []
    before = signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
    try:
        with interrupts_held() as check:
            press()
            check()
    finally:
        signal.signal(signal.SIGINT, before)
    assert pressed == [signal.SIGINT]

    def inside() -> str:
        with interrupts_held() as check:
            check()
            return threading.current_thread().name

    with ThreadPoolExecutor(1, "worker") as pool:
        assert pool.submit(inside).result().startswith("worker")
