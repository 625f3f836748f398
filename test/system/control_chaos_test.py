"""control_chaos, in short: commands at random while relays die leave nothing behind."""

import unittest

from control_chaos import chaos


class ControlChaos(unittest.TestCase):
    def test_nothing_is_left_behind(self):
        print(chaos(clients=4, commands=30, seed=7))


if __name__ == "__main__":
    unittest.main()
