"""The lock held around every use of HDF5, in this process and while it ends."""

import atexit
import threading

import h5py  # noqa: F401  (its own end-of-process hook must run after the one below)

#: A daemon thread that dies inside HDF5, when the process ends, leaves the lock of h5py taken and
#: the process hanging for ever: so the end waits for this one.
HDF5 = threading.RLock()
atexit.register(HDF5.acquire)
