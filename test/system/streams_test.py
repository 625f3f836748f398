"""Sound and pictures in formats that are not JPEG: a sample of streams_matrix.py, with a relay that is killed."""

import unittest

import streams_matrix


class Streams(unittest.TestCase):
    def test_h264_and_opus_while_a_relay_dies(self):
        streams_matrix.run("H264+opus", 6, kills=1)

    def test_vp8_and_pcmu(self):
        streams_matrix.run("VP8+PCMU", 3, kills=0)


if __name__ == "__main__":
    unittest.main()
