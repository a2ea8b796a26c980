# Connections as the kernel sees them: which the broker still has, and ends that go silent.
# tests/proof/: for the rows about who is gone without a word, and about descriptors.
import ctypes
import os
import socket
import struct
from pathlib import Path

SO_ATTACH_FILTER = 26  # of Linux
LAST_ACK_RECEIVED = 56  # in a tcp_info: milliseconds since then
BPF_RETURN = 0x06      # the only instruction: how much of a packet is let in


def deafen(connection):
    """From now on it is as if this end's machine were gone: whatever comes for it is dropped by the
    kernel, unacknowledged and unanswered. It must not be sent on, nor closed before its time."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RETURN, 0, 0, 0))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                          struct.pack("HL", 1, ctypes.addressof(drop_all)))


def reset(connection):
    """Closes it without a goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def since_heard(connection):
    """Seconds since the kernel has had something from the peer, however late this program looks."""
    told = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 60)
    return struct.unpack_from("I", told, LAST_ACK_RECEIVED)[0] / 1000


def port_of(connection):
    return connection.getsockname()[1]


def _sockets(pid):
    """The inodes of its open sockets."""
    found = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            what = os.readlink(entry.path)
        except FileNotFoundError:  # closed meanwhile
            continue
        if what.startswith("socket:["):
            found.add(int(what[8:-1]))
    return found


def peers(pid):
    """The ports of those whose connections the process has not closed."""
    own = _sockets(pid)
    found = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[9]) in own:
            found.add(int(fields[2].rpartition(":")[2], 16))
    return found - {0}  # of listeners
