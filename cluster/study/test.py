#!/usr/bin/env python3
"""The model against cases computed by hand."""

import math
import unittest

from model import *

# a millisecond, a megabyte a second; adding takes no time unless said
slow = Network("slow", latency=1e-3, bytes_per_second=1e6)
at_once = math.inf


class ModelTest(unittest.TestCase):
    def test_messages(self):
        self.assertAlmostEqual(exchange(1000, slow).seconds, 0.002)
        self.assertAlmostEqual(exchange(100_000, slow).seconds, 0.103)  # announced, asked for, sent
        self.assertEqual([interpolated({1000: 1.0, 3000: 2.0}, size) for size in (10, 1000, 2000, 3000, 6000)], [1, 1, 1.5, 2, 4])
        # of short messages what was measured, of long ones the figures; bytes that move do not wait
        measured = Network("measured", 1e-3, 1e6, exchanges={0: 1e-3, 1000: 5e-3})
        self.assertAlmostEqual(exchange(1000, measured).seconds, 5e-3)
        self.assertAlmostEqual(measured.wait(1000), 4e-3)
        self.assertAlmostEqual(exchange(100_000, measured).seconds, 0.103)
        # of several at once the longest wait counts, and all bytes
        self.assertAlmostEqual(together([exchange(1000, slow), exchange(100_000, slow)]), 3e-3 + 0.101)

    def test_ways(self):
        # small: three rounds of 1 ms and 1,000 bytes
        self.assertAlmostEqual(tree(1000, 8, slow, at_once).seconds, 0.006)
        # large: 200,000 + 100,000 bytes there and back, each message with three latencies; as many bytes added once
        self.assertAlmostEqual(tree(400_000, 4, slow, at_once).seconds, 2 * (0.3 + 6e-3))
        self.assertAlmostEqual(tree(400_000, 4, slow, 1e6).seconds, 2 * (0.3 + 6e-3) + 0.3)
        # beyond a block of 16 MiB two sums
        self.assertAlmostEqual(tree(2 * BLOCK_BYTES, 2, slow, at_once).seconds, 2 * tree(BLOCK_BYTES, 2, slow, at_once).seconds)
        self.assertEqual(tree(400_000, 1, slow, 1e6).seconds, 0)
        # twice the whole, or a half and a quarter there and back, or three quarters there and back
        self.assertAlmostEqual(library(4000, 4, slow, at_once).seconds, min(2 * 5e-3, 2 * (3e-3 + 2e-3), 3 * 2 * 2e-3))
        self.assertRaises(ValueError, tree, 8, 3, slow, at_once)

    def test_slowest(self):
        self.assertEqual(expected_maximum([3, 1], 1), 2)
        self.assertEqual(expected_maximum([1, 2], 2), 1.75)  # 1 in one case of four
        self.assertAlmostEqual(expected_maximum([1, 2, 3], 4096), 3)

    def test_spread_of_another(self):
        ours, theirs = (Arithmetic(steps, [[]], 1, {1: 1}) for steps in ([[4, 1], [8, 1]], [[1, 1], [1, 3]]))
        self.assertEqual(theirs.as_long_as(ours).steps, [[6, 0.5], [6, 1.5]])

    def test_overlap(self):
        # a gradient ready after half of the first second, needed after it; then a statistic that all wait for, and an end
        turns = [[dict(bytes=7, ready=0.25, needed=0.5)], [dict(bytes=1, ready=0.75, needed=0.75)]]
        times = {7: Cost(0, 0.7), 1: Cost(0.1, 0)}
        self.assertAlmostEqual(timeline([1, 0.5, 0.5], turns, times.get, overlap=False), 2.8)
        self.assertAlmostEqual(timeline([1, 0.5, 0.5], turns, times.get, overlap=True), 2 + (0.7 - 0.5) + 0.1)
        # needed at the end only: hidden, the statistic apart
        turns = [[dict(bytes=1, ready=0.5, needed=0.5)], [dict(bytes=7, ready=0.25, needed=1)]]
        self.assertAlmostEqual(timeline([1, 1, 0], turns, times.get, overlap=True), 2.1)
        # sums of a turn that all wait for wait together
        turns = [[dict(bytes=1, ready=0.5, needed=0.5), dict(bytes=1, ready=0.5, needed=0.5)]]
        self.assertAlmostEqual(timeline([1, 1], turns, times.get, overlap=True), 2.1)
        self.assertAlmostEqual(timeline([1, 1], turns, times.get, overlap=False), 2.1)
        # two that are ready together go one after the other
        turns = [[dict(bytes=7, ready=0.5, needed=1), dict(bytes=7, ready=0.5, needed=1)]]
        self.assertAlmostEqual(timeline([2, 0], turns, times.get, overlap=True), 2.4)

    def test_efficiencies(self):
        # steps of 1 s in two segments and a statistic of 1,000 bytes between; a lane takes .2 s, and .2 are fixed
        arithmetic = Arithmetic([[0.5, 0.5]] * 3, [[dict(bytes=1000, ready=0.5, needed=0.5)]], lanes=4, by_lanes={1: 0.4, 4: 1.0, 8: 1.8})
        self.assertAlmostEqual(arithmetic.seconds(2), 0.6)
        self.assertAlmostEqual(weak_efficiency(arithmetic, 8, slow, at_once, False), 1 / 1.006)
        self.assertAlmostEqual(strong_efficiency(arithmetic, 4, 4, slow, at_once, True), 1 / (4 * (0.4 + 0.004)))
        self.assertTrue(math.isnan(strong_efficiency(arithmetic, 8, 4, slow, at_once, True)))
        # a rank in two takes twice as long in the first segment: the slowest of two is 1.75 of the faster
        uneven = Arithmetic([[1, 1], [2, 1]], [[dict(bytes=0, ready=0.5, needed=0.5)]], 4, {1: 1, 2: 2})
        self.assertAlmostEqual(predicted_step(uneven, 2, Network("none", 0, 1), at_once, False), 2.75)
        self.assertAlmostEqual(predicted_step(uneven, 2, Network("none", 0, 1), at_once, False, spread=False), 2.5)


if __name__ == "__main__":
    unittest.main()
