"""Ways by what links do: short samples of measured_ways.py. How long things take is looked at there, by hand."""

import unittest

import measured_ways
from overlay import what_lacks_for_networks


class MeasuredWays(unittest.TestCase):
    def setUp(self):
        if lacks := what_lacks_for_networks():
            self.skipTest(lacks)

    def test_trees_by_latency_are_near_the_best(self):
        print(measured_ways.near(timed=False))

    def test_a_way_that_has_become_long_is_left_and_nothing_is_lost(self):
        print(measured_ways.raised(timed=False))

    def test_delays_that_wander_move_nothing(self):
        print(measured_ways.wander(seconds=40, timed=False))

    def test_a_way_that_loses_is_left_by_quality(self):
        print(measured_ways.lossy(timed=False))

    def test_two_streams_have_one_of_two_narrow_ways_each(self):
        print(measured_ways.apart(seconds=30, timed=False))


if __name__ == "__main__":
    unittest.main()
