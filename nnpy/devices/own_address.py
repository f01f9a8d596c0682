"""TensorFlow's server of a worker listens everywhere; here it is made to hear one address only.

TensorFlow binds it to all addresses of the machine (`GrpcServer` in grpc_server_lib.cc, where
none can be chosen), and it answers whoever asks. On Linux a filter on the listening socket drops
what comes for another address, before there is a connection: a classic BPF program (the kernel's
Documentation/networking/filter.rst), for which no rights are needed.
"""

from __future__ import annotations

import contextlib
import ctypes
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from nnpy.devices.cluster import host_and_port

_SO_ATTACH_FILTER = 26
_HEADER = -0x100000  # SKF_NET_OFF: offsets from here are those of the IP header
_LOAD_BYTE, _LOAD_WORD, _SHIFT_RIGHT, _IF_EQUAL, _RETURN = 0x30, 0x20, 0x74, 0x15, 0x06
_DESTINATION = {4: 16, 16: 24}  # where it stands in the header, by the bytes of an address
_TAKE, _DROP = 0xFFFFFFFF, 0


def hear_only(address: str) -> bool:
    """What listens at the address's port in this process hears that address alone from now on.

    Whether it does: False where nothing listens there, or the system has no such filters. A
    machine's own name may mean the loopback address here, and another one to all others: then
    everything is heard.
    """
    host, port = host_and_port(address)
    try:
        place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4]
        where = ipaddress.ip_address(str(place[0]).partition("%")[0])
    except (OSError, ValueError):
        return False
    if where.is_loopback and host not in ("localhost", str(where)):
        return False
    program = _program(where.packed)
    heard = [_attach(each, program) for each in _listening(port)]
    return bool(heard) and all(heard)


def _program(address: bytes) -> list[bytes]:
    """Takes packets to an address of IPv4 (4 bytes) or IPv6 (16), and drops all others."""
    words = struct.unpack(f">{len(address) // 4}I", address)
    steps = [
        (_LOAD_BYTE, 0, 0, _HEADER),
        (_SHIFT_RIGHT, 0, 0, 4),
        (_IF_EQUAL, 0, 2 * len(words) + 1, 4 if len(address) == 4 else 6),  # the version of IP
    ]
    for number, word in enumerate(words):
        steps.append((_LOAD_WORD, 0, 0, _HEADER + _DESTINATION[len(address)] + 4 * number))
        steps.append((_IF_EQUAL, 0, 2 * (len(words) - number) - 1, word))
    steps += [(_RETURN, 0, 0, _TAKE), (_RETURN, 0, 0, _DROP)]
    return [struct.pack("HBBI", code, yes, no, k & 0xFFFFFFFF) for code, yes, no, k in steps]


def _attach(listener: socket.socket, program: list[bytes]) -> bool:
    content = ctypes.create_string_buffer(b"".join(program))
    filtered = struct.pack("HL", len(program), ctypes.addressof(content))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, filtered)
        return True
    return False


def _listening(port: int) -> Iterator[socket.socket]:
    """The sockets of this process that listen at a port; none where they cannot be found."""
    if not sys.platform.startswith("linux"):
        return
    for path in [*Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):
            if not str(path.readlink()).startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(path.name))) as each:
                known = each.family in (socket.AF_INET, socket.AF_INET6)
                if (
                    known
                    and each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
                    and each.getsockname()[1] == port
                ):
                    yield each
