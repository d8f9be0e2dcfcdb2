"""What this machine computes on, as clients are told it."""

import ctypes
import os
import sys

from worldwarp_protocol.messages import Machine


def memory() -> int:
    """Bytes of the processor's memory."""
    if sys.platform != "win32":
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    status = (ctypes.c_uint64 * 8)()  # MEMORYSTATUSEX: two 32-bit fields, then seven of 64 bits, total memory first
    ctypes.cast(status, ctypes.POINTER(ctypes.c_uint32))[0] = ctypes.sizeof(status)
    ctypes.windll.kernel32.GlobalMemoryStatusEx(status)
    return int(status[1])


def here() -> Machine:
    """The first GPU and the memory; imports torch."""
    import torch

    if not torch.cuda.is_available():
        return Machine(memory=memory())
    properties = torch.cuda.get_device_properties(0)
    return Machine(properties.name[:120], properties.total_memory, memory())
