"""A program of its own: `exec_with_parent.py PARENT PROGRAM ARGUMENT…` becomes PROGRAM, and ends when PARENT does.

Run as a script rather than between fork and exec in the parent: that is unsafe where other threads run, and Python
3.12 says so. The tie (Linux only) outlives exec, but not a change of user.
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
        if os.getppid() != parent:  # it ended before the tie was made
            sys.exit(1)
    os.execv(program, sys.argv[2:])  # noqa: S606 - arguments are a list; there is no shell
