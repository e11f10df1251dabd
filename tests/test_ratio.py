"""How many times as fast: order of the calls, arithmetic, interval, and when it has seen enough. No real clock."""

import math
import random
from types import SimpleNamespace

import pytest

from fastanchor.bench import Ratio, compared, paired, turns
from fastanchor.bench import _ratio as module


class Fake:
    """A clock that only the calls move."""

    def __init__(self):
        self.now, self.log = 0.0, []

    def __call__(self):
        return self.now

    def call(self, name, seconds):
        """Return a call that lasts the next of `seconds`, over and over."""
        state = SimpleNamespace(turn=0)

        def run():
            self.log.append(name)
            self.now += seconds[state.turn % len(seconds)]
            state.turn += 1

        return run


def test_calls_take_turns_and_every_other_round_runs_backwards():
    clock = Fake()
    times = turns([clock.call("a", [1.0, 2.0]), clock.call("b", [4.0])], 4, clock)
    assert "".join(clock.log) == "abbaabba"
    assert times == [[1.0, 2.0, 1.0, 2.0], [4.0, 4.0, 4.0, 4.0]]


def test_what_goes_before_a_call_is_outside_the_clock():
    clock = Fake()
    times = turns([clock.call("a", [1.0])], 2, clock, before=clock.call("-", [50.0]))
    assert "".join(clock.log) == "-a-a"
    assert times == [[1.0, 1.0]]


def test_the_ratio_is_that_of_each_round_not_of_the_medians():
    # a machine at half its speed for some rounds: medians of the times would give 6 / 1
    found = Ratio.of([2.0, 2.0, 6.0, 6.0, 6.0], [1.0, 1.0, 3.0, 1.0, 3.0])
    assert found == Ratio(2.0, 2.0, 6.0, 5, 6.0, 1.0)


@pytest.mark.parametrize(
    ("n", "rank"),
    [(1, 1), (2, 1), (5, 1), (6, 1), (8, 1), (9, 2), (10, 2), (12, 3), (20, 6), (30, 10), (50, 18), (100, 40)],
)
def test_interval_is_that_of_the_sign_test(n, rank):
    # ranks from tables of the sign test: the largest r with 2 P(at most r - 1 of n tosses) <= 5 %
    sample = [float(i) for i in range(1, n + 1)]
    random.Random(n).shuffle(sample)
    assert module.interval(sample) == (rank, n + 1 - rank)


@pytest.mark.parametrize("n", [6, 7, 15, 31, 63, 127])
def test_interval_covers_the_median_as_often_as_it_says(n):
    low, high = module.interval(range(1, n + 1))
    missed = 2 * sum(math.comb(n, i) for i in range(low)) / 2**n
    assert missed <= 0.05
    assert low == 1 or 2 * sum(math.comb(n, i) for i in range(low + 1)) / 2**n > 0.05
    assert low + high == n + 1


@pytest.mark.parametrize(
    ("low", "median", "high", "bar", "met"),
    [
        (0.98, 0.99, 1.01, 0.97, True),  # wholly above the bar
        (0.95, 0.96, 0.98, 0.97, True),  # the median misses it, the interval does not exclude it
        (0.95, 0.96, 0.97, 0.97, True),  # touches it
        (0.90, 0.93, 0.96, 0.97, False),  # wholly below
        (0.90, 0.96, 0.9708, 1 / 1.03, False),  # at most 3 % slower
        (0.90, 0.96, 0.9709, 1 / 1.03, True),
    ],
)
def test_a_bar_is_met_unless_the_interval_lies_wholly_below_it(low, median, high, bar, met):
    assert Ratio(median, low, high, 9, 1.0, 1.0).met(bar) is met


@pytest.mark.parametrize(
    ("ours", "options", "rounds"),
    [
        ([2.0], {}, 7),  # steady: the least will do
        ([2.0, 4.0], {"seconds": 1e6}, 127),  # never narrow: as many as allowed
        ([2.0, 4.0], {"rounds": (6, 20), "seconds": 1e6}, 20),
        ([2.0, 4.0], {"rounds": (4, 4)}, 4),
        ([2.0, 4.0], {"width": 1.0}, 7),  # narrow enough
        ([2.0, 4.0], {"seconds": 0.0}, 7),  # the least is always done
        ([2.0, 2.0], {"seconds": 30.0, "width": -1.0}, 10),  # three seconds a round
    ],
)
def test_rounds_are_added_until_the_interval_is_narrow(ours, options, rounds):
    clock = Fake()
    found = paired(clock.call("a", [1.0]), clock.call("b", ours), clock=clock, **options)
    assert found.rounds == rounds
    assert clock.log.count("a") == clock.log.count("b") == rounds + 1  # and one of each outside the clock


def test_times_of_the_first_calls_do_not_count():
    clock = Fake()
    found = paired(clock.call("a", [90.0, *[3.0] * 7]), clock.call("b", [80.0, *[1.5] * 7]), clock=clock)
    assert (found.median, found.low, found.high, found.reference, found.contender) == (2.0, 2.0, 2.0, 3.0, 1.5)
    assert str(found) == "2.00x (2.00 to 2.00, 7 rounds)"


def test_a_contender_with_a_narrow_interval_leaves_the_turns():
    clock = Fake()
    wild = [1.0, 3.0, 2.0, 5.0, 1.0, 4.0, 7.0]
    calls = [clock.call("s", [2.0]), clock.call("w", wild)]
    steady, other = compared(clock.call("r", [4.0]), calls, rounds=(6, 24), clock=clock, seconds=1e6)
    assert (steady.rounds, other.rounds) == (6, 24)
    assert (clock.log.count("s"), clock.log.count("w"), clock.log.count("r")) == (7, 25, 25)
    assert steady.median == 2.0


def test_short_calls_are_repeated_and_count_once():
    clock = Fake()
    found = paired(clock.call("a", [0.25]), clock.call("b", [0.125]), rounds=(7, 7), clock=clock, batch=1.0)
    assert (clock.log.count("a"), clock.log.count("b")) == (1 + 4 * 7, 1 + 8 * 7)
    assert (found.median, found.reference, found.contender) == (2.0, 0.25, 0.125)


@pytest.mark.parametrize(
    ("load", "cores", "busy"),
    [(0.4, 2, False), (1.0, 2, False), (1.1, 2, True), (3.9, 8, False), (4.1, 8, True), (0.9, 1, False)],
)
def test_a_busy_machine_is_measured_by_processor_time(monkeypatch, load, cores, busy):
    wall, processor = Fake(), Fake()
    monkeypatch.setattr(module.os, "getloadavg", lambda: (load, 0.0, 0.0), raising=False)
    monkeypatch.setattr(module.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=wall, process_time=processor))

    def call(passed, worked):
        def run():
            wall.now += passed
            processor.now += worked

        return run

    found = paired(call(8.0, 6.0), call(4.0, 1.0))
    assert found.median == (6.0 if busy else 2.0)
    assert found.processor is busy
    assert ("processor time" in str(found)) is busy


@pytest.mark.parametrize("error", [OSError(), AttributeError()])
def test_a_system_that_does_not_tell_its_load_is_taken_as_idle(monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(module.os, "getloadavg", fail, raising=False)
    assert not module.busy()
