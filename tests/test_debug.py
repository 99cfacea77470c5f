"""The checks of the debug build: each is provoked (kernel/test/misdeed.c) and
says what was wrong, where, and who did it."""

import re

import pytest

from icebox import PANICKED, boot, is_debug

pytestmark = pytest.mark.skipif(not is_debug(), reason="for make DEBUG=1")

PLACE = r"undefined behaviour at kernel/test/misdeed\.c:\d+:\d+: "


def last_words(kind, **options):
    """(message of the panic, console); the culprit is in the backtrace."""
    result = boot("misdeed " + kind, expect=PANICKED, **options)
    (panic,) = result.of("panic")
    return panic["message"], result.console


def test_a_wrong_order_is_told_with_both_places():
    """Where it was taken the one way, and where the other."""
    message, console = last_words("lock-order")
    assert message.startswith("lock order: spinlock misdeed_first is taken")
    first, second = re.search(
        r"(?s)holding spinlock misdeed_second, spinlock misdeed_first was "
        r"taken:(.*?)holding spinlock misdeed_first, spinlock misdeed_second "
        r"was taken:(.*?)panic: ", console).groups()
    assert "second_then_first+" in first and "first_then_second" not in first
    assert "first_then_second+" in second


def test_sleeping_while_atomic_names_the_lock():
    """Whoever sleeps with a spinlock held, even if nobody wants it."""
    message, console = last_words("sleep-atomic")
    assert message.startswith("sleeping while atomic: preempt_count 1")
    assert "spinlock misdeed_first is held" in console
    assert "sleep_atomic+" in console or "cmd_misdeed+" in console


@pytest.mark.parametrize("kind, words", [
    ("use-after-free", r"was written after its kfree at use_after_free\+"),
    ("double-free", r"freed twice, at double_free\+\S* and then at "
                    r"double_free\+"),
    ("overrun", r"of 1024 bytes from overrun\+\S* was written past its end"),
])
def test_a_wrong_use_of_the_heap_names_the_place(kind, words):
    """Who freed it, who freed it again, who had asked for it."""
    message, _ = last_words(kind, smp=1)
    assert re.search(words, message), message


@pytest.mark.parametrize("kind, words, values", [
    ("shift", "a shift by too much", "ubsan: shift 40 of type 'int'"),
    ("overflow", "a signed sum overflows",
     "ubsan: left 2147483647 of type 'int'"),
    ("null", "a NULL pointer dereference", "ubsan: address 00000000"),
    ("bounds", "an index outside of its array", "ubsan: index 4 of type"),
    ("alignment", "an access that is not aligned", "ubsan: address "),
])
def test_undefined_behaviour_names_place_and_values(kind, words, values):
    """Each sort that the compiler checks where the kernel does it most."""
    message, console = last_words(kind)
    assert re.match(PLACE + words, message), message
    assert values in console


def test_a_cpu_that_is_kept_is_named():
    """Its interrupts come; its scheduler has no say. The NMI tells where."""
    message, console = last_words(
        "keep-cpu", smp=2, append="watchdog=1 watchdog_panic=1")
    assert "(misdeed) keeps its CPU" in message
    assert re.search(r"keep_cpu\+|cmd_misdeed\+",
                     console[:console.index("panic: ")])
