"""What a step should take on R ranks, from measured arithmetic, the plan's sums, and a network's latency and bandwidth.

A step is segments of arithmetic with a turn of sums after each but the last. The predicted step is

    sum over segments of E[the slowest of R draws from the segment's measured times]
    + of every turn of sums that all ranks wait for, the longest time its messages wait for each other and the time all of them move
    + of the other sums, what does not fit behind the arithmetic between where they are ready and where they are needed.

Ranks are powers of two, where they pair up along the summation tree (Sources/Ranks/TreeSum.swift).
"""

import bisect
import math
from dataclasses import dataclass, replace

WHOLE_BYTES = 128 << 10  # TreeSum.wholeBytes of ranks in pairs
BLOCK_BYTES = 16 << 20  # TreeSum.block, of Float


@dataclass
class Network:
    """A link between any two ranks, in both directions at once."""

    name: str
    latency: float  # seconds one way
    bytes_per_second: float
    eager: int = 64 << 10  # longer messages are announced and asked for first: three times the latency
    exchanges: dict | None = None  # measured seconds by bytes, which say more of short messages than the two figures

    def wait(self, size):
        """Seconds of an exchange between two ranks in which its bytes do not move."""
        if size > self.eager:
            return 3 * self.latency
        return max(0.0, interpolated(self.exchanges, size) - self.move(size)) if self.exchanges else self.latency

    def move(self, size):
        return size / self.bytes_per_second


@dataclass
class Cost:
    """Seconds of a sum: in which it waits for messages, and in which bytes move or are added, which other sums' bytes cannot meanwhile."""

    waiting: float = 0.0
    moving: float = 0.0

    def __add__(self, other):
        return Cost(self.waiting + other.waiting, self.moving + other.moving)

    def __mul__(self, times):
        return Cost(times * self.waiting, times * self.moving)

    @property
    def seconds(self):
        return self.waiting + self.moving


def together(costs):
    """Seconds of sums that are under way at the same time."""
    return max((cost.waiting for cost in costs), default=0.0) + sum(cost.moving for cost in costs)


def interpolated(table, at):
    """Between the two nearest entries on a straight line; beyond the last in its proportion, before the first as it."""
    keys = sorted(table)
    if at <= keys[0]:
        return table[keys[0]]
    if at >= keys[-1]:
        return table[keys[-1]] * at / keys[-1]
    high = bisect.bisect_left(keys, at)
    low, high = keys[high - 1], keys[high]
    return table[low] + (table[high] - table[low]) * (at - low) / (high - low)


def rounds(ranks):
    """How often ranks pair up."""
    if ranks < 1 or ranks & (ranks - 1):
        raise ValueError(f"{ranks} ranks: the model is for powers of two")
    return ranks.bit_length() - 1


def exchange(size, network):
    """Of two ranks, until each has the other's `size` bytes."""
    return Cost(network.wait(size), network.move(size))


def doubling(size, ranks, network, adding):
    """The whole vector at each distance 1, 2, 4, ..."""
    return (exchange(size, network) + Cost(0, size / adding)) * rounds(ranks)


def halving(size, ranks, network, adding):
    """Halves, quarters, ... of the vector on the way out, each added once, and the same back."""
    parts = [size / 2**level for level in range(1, rounds(ranks) + 1)]
    return sum((exchange(part, network) * 2 + Cost(0, part / adding) for part in parts), Cost())


def tree(size, ranks, network, adding):
    """A sum along the tree. `adding`: bytes a second of a vector added to another."""
    way = doubling if size <= WHOLE_BYTES else halving
    return sum((way(min(BLOCK_BYTES, size - start), ranks, network, adding) for start in range(0, size, BLOCK_BYTES)), Cost())


def library(size, ranks, network, adding):
    """The best all-reduce whose order is free: the faster of the same two ways and the ring."""
    if ranks == 1:
        return Cost()
    part = size / ranks
    ring = (exchange(part, network) * 2 + Cost(0, part / adding)) * (ranks - 1)
    return min(doubling(size, ranks, network, adding), halving(size, ranks, network, adding), ring, key=lambda cost: cost.seconds)


def expected_maximum(values, ranks):
    """Of the largest of `ranks` independent draws from what was measured. Never more than the largest that was."""
    ordered, count = sorted(values), len(values)
    return sum(value * (((place + 1) / count) ** ranks - (place / count) ** ranks) for place, value in enumerate(ordered))


def mean(values):
    return sum(values) / len(values)


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


@dataclass
class Arithmetic:
    """A rank's arithmetic, measured."""

    steps: list  # of each step, the seconds of its segments
    turns: list  # after each segment but the last, the sums: {"bytes", "ready", "needed"}
    lanes: int  # of the measured steps
    by_lanes: dict  # mean seconds of a step by its lanes

    def seconds(self, lanes):
        """Of a step of so many lanes: a fixed part and one for each lane, by least squares over the measured."""
        count, xs, ys = len(self.by_lanes), list(self.by_lanes), list(self.by_lanes.values())
        slope = (count * sum(x * y for x, y in zip(xs, ys)) - sum(xs) * sum(ys)) / (count * sum(x * x for x in xs) - sum(xs) ** 2)
        return (sum(ys) - slope * sum(xs)) / count + slope * lanes

    def as_long_as(self, other):
        """These times, each segment's in proportion, so that its mean is the other's."""
        scales = [mean(theirs) / mean(ours) for ours, theirs in zip(zip(*self.steps), zip(*other.steps))]
        return replace(self, steps=[[scale * seconds for scale, seconds in zip(scales, step)] for step in self.steps])

    def segments(self, ranks, lanes=None, spread=True):
        scale = 1 if lanes in (None, self.lanes) else self.seconds(lanes) / self.seconds(self.lanes)
        slowest = (lambda times: expected_maximum(times, ranks)) if spread else mean
        return [scale * slowest(times) for times in zip(*self.steps)]


def dependent(planned):
    """Whether nothing can be done between where a sum is ready and where it is needed."""
    return planned["needed"] - planned["ready"] < 1e-9


def timeline(segments, turns, cost, overlap):
    """Seconds of a step whose segments take these. `cost(bytes)` is a sum's cost. The sums of a turn are under way together.

    Where sums overlap, one at a time goes out, in the order in which they are ready, and rests while ranks wait for another.
    """
    if not overlap:
        return sum(segments) + sum(together([cost(planned["bytes"]) for planned in turn]) for turn in turns)
    ends, reached = [], 0.0  # where each turn stands in arithmetic
    for seconds in segments:
        reached += seconds
        ends.append(reached)
    shares = {0.0: 0.0}
    for turn, end in zip(turns, ends):
        shares.setdefault(turn[0]["needed"], end)
    shares.setdefault(1.0, ends[-1])
    waiting = []  # [ready, seconds left, turn], in order
    for number, turn in enumerate(turns):
        waiting += [[interpolated(shares, p["ready"]), cost(p["bytes"]).seconds, number] for p in turn if not dependent(p)]
    waiting.sort(key=lambda entry: entry[0])

    done, elapsed = 0.0, 0.0
    for number, seconds in enumerate(segments):
        end = ends[number]
        while waiting and waiting[0][0] < end:
            begin = max(done, waiting[0][0])
            elapsed, done = elapsed + begin - done, begin
            if waiting[0][1] > end - done:
                waiting[0][1] -= end - done
                break
            left = waiting.pop(0)[1]
            elapsed, done = elapsed + left, done + left
        elapsed, done = elapsed + end - done, end
        if number < len(turns):
            elapsed += together([cost(p["bytes"]) for p in turns[number] if dependent(p)])
            while any(entry[2] == number for entry in waiting):
                elapsed += waiting.pop(0)[1]
    return elapsed


def predicted_step(arithmetic, ranks, network, adding, overlap, lanes=None, spread=True, way=tree):
    """Seconds of a step in which each rank has `lanes` lanes (those that were measured unless given)."""
    segments = arithmetic.segments(ranks, lanes, spread)
    if ranks == 1:
        return sum(segments)
    return timeline(segments, arithmetic.turns, lambda size: way(size, ranks, network, adding), overlap)


def weak_efficiency(arithmetic, ranks, *rest, **options):
    """Of a fixed number of samples a rank, against one rank."""
    return predicted_step(arithmetic, 1, *rest, **options) / predicted_step(arithmetic, ranks, *rest, **options)


def strong_efficiency(arithmetic, ranks, lanes, *rest, **options):
    """Of a fixed minibatch of `lanes` lanes, against one rank; nan where there are more ranks than lanes."""
    if ranks > lanes:
        return math.nan
    one = predicted_step(arithmetic, 1, *rest, lanes=lanes, **options)
    return one / (ranks * predicted_step(arithmetic, ranks, *rest, lanes=lanes // ranks, **options))
