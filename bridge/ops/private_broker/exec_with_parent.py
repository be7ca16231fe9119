"""A script: `exec_with_parent.py PARENT PROGRAM ARGUMENT…` replaces itself by PROGRAM, which ends when PARENT does.

It is a script because code between fork and exec is unsafe with other threads, about which Python 3.12 warns. The
setting (Linux only) survives exec, but not a change of user.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, program = int(sys.argv[1]), sys.argv[2]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # the parent ended before prctl
            sys.exit(1)
    os.execv(program, sys.argv[2:])  # noqa: S606 - arguments are a list; there is no shell
