"""Turns an interface's offloads off, so that what crosses it are Ethernet frames: each with its checksum, none larger
than the MTU. CORE runs `ethtool -K IF rx off tx off`, which takes TCP's segmentation by the interface away, too; that
of the stack (GSO) would still give large segments to queues and filters in front of the interface.
"""

import array
import fcntl
import socket
import struct

from lab import Failure

SIOCETHTOOL = 0x8946
# ETHTOOL_S…: receiving's checksums, sending's, GRO, TSO and GSO (linux/ethtool.h).
COMMANDS = {"rx": 0x15, "tx": 0x17, "gro": 0x2c, "tso": 0x1f, "gso": 0x24}


def turn_off(interfaces):
    """Of interfaces of this thread's network namespace."""
    for name in interfaces:
        for feature in COMMANDS:
            switch(name, feature, False)


def switch(interface, feature, on):
    value = array.array("B", struct.pack("II", COMMANDS[feature], on))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        try:
            fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", interface.encode(), value.buffer_info()[0]))
        except OSError as error:
            raise Failure(f"{interface}: cannot turn its offload {feature} {'on' if on else 'off'}: "
                          f"{error.strerror}") from None
