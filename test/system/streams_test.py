"""Sound and pictures that are not JPEG: samples of streams_matrix.py, with a relay that is killed, and of
streams_narrow.py, without its bounds in time."""

import unittest

import streams_matrix
import streams_narrow
from overlay import what_lacks_for_networks


class Streams(unittest.TestCase):
    def test_h264_and_opus_while_a_relay_dies(self):
        streams_matrix.run("H264+opus", 5, kills=1)


class Narrow(unittest.TestCase):
    def setUp(self):
        if lacks := what_lacks_for_networks():
            self.skipTest(lacks)

    def test_audio_beside_too_much_video(self):
        print(streams_narrow.narrow(8, timed=False))

    def test_a_viewer_that_comes_between_sync_points(self):
        print(streams_narrow.join(1, timed=False))


if __name__ == "__main__":
    unittest.main()
