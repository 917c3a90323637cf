"""Take from the current process what a media parser does not need: files, network, other processes.

Called once in a worker, after everything is imported and before the first byte of media is read.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass
from enum import StrEnum

#: The unprivileged user a worker of a root parent becomes (``nobody`` on Linux systems).
NOBODY = 65_534
#: CPU seconds of a worker's whole life: the backstop for one that lost its parent and its deadline.
CPU_LIFETIME_S = 6 * 3600
#: Descriptors: the standard three, the channel, and up to sixteen files with room for duplicates.
_DESCRIPTORS = 64
#: Threads of all workers of one user; one worker is bounded earlier, by its address space (8 MiB a stack).
_THREADS = 1024

# Linux constants, include/uapi/linux/prctl.h, sched.h and fcntl.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_SET_DUMPABLE = 4
_FIONBIO = 0x5421
_FIOCLEX = 0x5451
_CLONE_THREAD = 0x0001_0000
_AT_EMPTY_PATH = 0x1000
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)  # F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_DUPFD_CLOEXEC

# fmt: off
#: What decoding, c2pa, NumPy and OpenCV were seen to need, with their threads. Everything that names a file,
#: a peer or another process by path, address or number is absent and answers "not permitted".
_ALLOWED = (
    "read", "readv", "write", "writev", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "lseek",
    "close", "fstat", "fsync", "fdatasync", "ftruncate", "fallocate", "dup", "poll", "ppoll", "select",
    "pselect6", "epoll_wait", "epoll_pwait", "epoll_ctl", "eventfd2", "mmap", "munmap", "mprotect",
    "mremap", "madvise", "brk", "membarrier", "mincore", "futex", "set_robust_list", "get_robust_list",
    "rseq", "sched_yield", "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_getscheduler",
    "set_tid_address", "arch_prctl", "getcpu", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
    "sigaltstack", "restart_syscall", "exit", "exit_group", "getpid", "gettid", "getppid", "getuid",
    "geteuid", "getgid", "getegid", "getrandom", "uname", "sysinfo", "getrusage", "getrlimit", "times",
    "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "recvmsg",
    "sendmsg", "recvfrom", "sendto",
)
#: Nothing that parses media ever asks for these: the process is ended at once.
_FATAL = (
    "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev", "socket", "connect", "bind",
    "listen", "accept", "accept4", "mount", "umount2", "pivot_root", "chroot", "unshare", "setns",
    "init_module", "finit_module", "bpf", "userfaultfd", "perf_event_open", "io_uring_setup", "kexec_load",
    "add_key", "keyctl", "request_key", "open_by_handle_at",
)
# fmt: on


class Level(StrEnum):
    """How strongly a worker is contained."""

    SECCOMP = "seccomp"  # system-call filter, resource limits, unprivileged user where the parent is root
    RLIMITS = "rlimits"  # resource limits, unprivileged user where the parent is root; files stay reachable


@dataclass(frozen=True, slots=True)
class Isolation:
    """What contains a worker.

    Attributes:
        level: The strongest level that could be reached.
        reason: Why not more; empty for ``seccomp``.
    """

    level: Level
    reason: str = ""


def lock_down(memory_bytes: int, file_bytes: int) -> Isolation:
    """Give up files, network, other processes and privileges for the rest of this process' life.

    Args:
        memory_bytes: Address space, bytes.
        file_bytes: Largest file the process may write through a descriptor it is given, bytes.

    Returns:
        What was reached. The weaker level is reported, never assumed away.

    Source: security.md 4.2 (recipe, measured) and SR-11.
    """
    time.localtime()  # reads /etc/localtime once, which is out of reach afterwards
    parent = os.getppid()
    filter_, reason = _build_filter()
    _set_limits(memory_bytes, file_bytes)
    if os.getuid() == 0:
        _become_nobody()
    # The kernel forgets this setting when the user changes, so it comes after.
    _end_with_parent(parent)
    if filter_ is None:
        return Isolation(Level.RLIMITS, reason)
    try:
        filter_.load()  # type: ignore[attr-defined]
    except OSError as cause:
        return Isolation(Level.RLIMITS, f"the kernel refused the system-call filter: {cause}")
    return Isolation(Level.SECCOMP)


def _set_limits(memory_bytes: int, file_bytes: int) -> None:
    wanted = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: CPU_LIFETIME_S,
        resource.RLIMIT_CORE: 0,  # a core file would hold the media
        resource.RLIMIT_NOFILE: _DESCRIPTORS,
        resource.RLIMIT_FSIZE: file_bytes,
    }
    if os.getuid() == 0:
        # For an ordinary user the count covers everything the user runs and would fail at random.
        wanted[resource.RLIMIT_NPROC] = _THREADS
    for limit, value in wanted.items():
        _soft, hard = resource.getrlimit(limit)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (bound, bound))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file over its limit is an error value, not a death


def _become_nobody() -> None:
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def _end_with_parent(parent: int) -> None:
    if sys.platform != "linux":
        return  # elsewhere a worker ends when its channel reports end of file
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((_PR_SET_PDEATHSIG, signal.SIGKILL), (_PR_SET_DUMPABLE, 0)):
        if libc.prctl(option, int(value), 0, 0, 0):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    if os.getppid() != parent:  # the parent died before the kernel was told
        os._exit(0)


def _build_filter() -> tuple[object | None, str]:
    try:
        import pyseccomp  # noqa: PLC0415 - looks for a system library when imported, which may be absent
    except (ImportError, RuntimeError, OSError, TypeError) as cause:
        return None, f"libseccomp is not usable: {cause}"
    made = pyseccomp.SyscallFilter(defaction=pyseccomp.ERRNO(errno.EPERM))
    made.set_attr(pyseccomp.Attr.CTL_TSYNC, 1)  # threads that libraries started at import are bound as well
    kill = pyseccomp.KILL_PROCESS
    arg = pyseccomp.Arg

    def rule(action: int, name: str, *conditions: object) -> None:
        if pyseccomp.resolve_syscall(pyseccomp.system_arch(), name) >= 0:  # absent on this architecture
            made.add_rule(action, name, *conditions)

    for name in _ALLOWED:
        rule(pyseccomp.ALLOW, name)
    for name in _FATAL:
        rule(kill, name)
    for name, place in (("newfstatat", 3), ("statx", 2)):  # how libc and Rust ask about an open descriptor
        rule(pyseccomp.ALLOW, name, arg(place, pyseccomp.MASKED_EQ, _AT_EMPTY_PATH, _AT_EMPTY_PATH))
    rule(pyseccomp.ALLOW, "clone", arg(0, pyseccomp.MASKED_EQ, _CLONE_THREAD, _CLONE_THREAD))
    # The arguments of clone3 lie in memory where a filter cannot look; libc then falls back to clone.
    rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    rule(pyseccomp.ALLOW, "prctl", arg(0, pyseccomp.EQ, _PR_SET_NAME))
    for command in _FCNTL_COMMANDS:
        rule(pyseccomp.ALLOW, "fcntl", arg(1, pyseccomp.EQ, command))
    for command in (_FIONBIO, _FIOCLEX):  # how Python sets a descriptor's blocking and inheritance
        rule(pyseccomp.ALLOW, "ioctl", arg(1, pyseccomp.EQ, command))
    return made, ""
