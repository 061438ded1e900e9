"""Start a program that does not outlive the process which asked for it.

Run as a script, by path, with nothing but the standard library:
`tied.py PARENT SIGNAL UID:GID|- PROGRAM ARGUMENT...`. It becomes PROGRAM, as that user if one is
named; on Linux the kernel then sends SIGNAL when the parent's starting thread is gone.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent, signal_number, owner, *command = arguments
    if owner != "-":
        uid, _, gid = owner.partition(":")
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
    if sys.platform == "linux":
        # After the change of user, which would clear it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal_number))
        if os.getppid() != int(parent):
            sys.exit("the process that asked for this one is gone")
    os.execv(command[0], command)  # noqa: S606  a program given by the caller, no shell


if __name__ == "__main__":
    main(sys.argv[1:])
