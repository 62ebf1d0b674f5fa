#!/usr/bin/env python3
"""Three uploads at once in a memory control group that counts the page cache too, smaller and smaller,
with temporary files on a tmpfs that counts as well.

    tests/campaigns/limits.py BINARY WORK_DIRECTORY [--mb 618] [--limits 64,32,24,16] [--pairs 3]

Prints "ok …", "FAIL …" and "SKIP …" lines. All uploads must succeed and be stored as they were sent;
at 32 MiB, at least 0.8 of the speed without a limit, the median of pairs.
"""
import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import MIB, Server, digest_of, prepare, random_file, read  # noqa: E402

UPLOADS = 3
SPEED_AT = 32
MIN_SPEED = 0.8


class Group:
    """A memory control group, of either version; None of enter() when this machine has none."""

    def __init__(self, name):
        v1 = "/sys/fs/cgroup/memory"
        if os.path.exists(v1 + "/memory.limit_in_bytes"):
            self.path, self.limit, self.peak = f"{v1}/{name}", "memory.limit_in_bytes", \
                "memory.max_usage_in_bytes"
        else:
            self.path, self.limit, self.peak = f"/sys/fs/cgroup/{name}", "memory.max", "memory.peak"

    def __enter__(self):
        os.mkdir(self.path)
        return self

    def set(self, mib):
        with open(f"{self.path}/{self.limit}", "w") as f:
            f.write(str(mib * MIB))

    def prefix(self):
        return ["sh", "-c", f'echo $$ >{self.path}/cgroup.procs && exec "$@"', "sh"]

    def kills(self):
        text = read(self.path + "/memory.oom_control") or read(self.path + "/memory.events")
        return sum(int(line.split()[1]) for line in text.splitlines()
                   if line.startswith("oom_kill "))

    def peak_mib(self):
        return int(read(f"{self.path}/{self.peak}") or 0) / MIB

    def __exit__(self, *_):
        for _ in range(50):
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
                return
            time.sleep(0.1)


@contextlib.contextmanager
def tmpfs(path):
    """Yields whether it could be mounted."""
    os.makedirs(path, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4g", "picoshare-test", path],
                             capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", path], check=True)


def upload_three(args, data, digest, limit, temporary):
    """MB per second, the peak of the group; an exception when something went wrong."""
    with contextlib.ExitStack() as stack:
        prefix, group = [], None
        if limit is not None:
            group = stack.enter_context(Group(f"picoshare-{os.getpid()}-{limit}"))
            group.set(limit)
            prefix = group.prefix()
        with Server(args.binary, args.work + "/server", prefix=prefix,
                    env={"TMPDIR": temporary}) as s:
            start = time.monotonic()
            ids = [s.finish(u)[0] for u in [s.upload(data) for _ in range(UPLOADS)]]
            seconds = time.monotonic() - start
            for entry in ids:
                if digest_of("curl", "-sS", "--fail", f"{s.url}/-{entry}") != digest:
                    raise RuntimeError("a download differs from what was sent")
            if group and group.kills():
                raise RuntimeError("killed for memory")
            return UPLOADS * args.mb / seconds, group.peak_mib() if group else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--mb", type=int, default=618)
    parser.add_argument("--limits", default="64,32,24,16")
    parser.add_argument("--pairs", type=int, default=3)
    args = parser.parse_args()
    args.binary, args.work = os.path.abspath(args.binary), os.path.abspath(args.work)
    os.makedirs(args.work, exist_ok=True)
    try:
        with Group(f"picoshare-{os.getpid()}"):
            pass
    except OSError as error:
        print(f"SKIP limits: no memory control group can be made here ({error})")
        return
    data = args.work + "/data"
    digest = random_file(data, args.mb * 1_000_000)
    failed = False

    def check(name, call):
        nonlocal failed
        try:
            print(f"ok limits: {name}: {call()}", flush=True)
        except (Exception, SystemExit) as error:  # the server has died, or curl failed
            failed = True
            print(f"FAIL limits: {name}: {error}", flush=True)

    with tmpfs(args.work + "/tmp") as mounted:
        if not mounted:
            print("SKIP limits: no tmpfs can be mounted here; temporary files are on the disk")
        for limit in [int(text) for text in args.limits.split(",")]:
            def run(limit=limit):
                speed, peak = upload_three(args, data, digest, limit, args.work + "/tmp")
                return f"{speed:.0f} MB/s, group's peak {peak:.0f} MiB"
            check(f"{UPLOADS} x {args.mb} MB in {limit} MiB", run)

        def compare():
            ratios = []
            for i in range(args.pairs):
                speeds = {}
                for limit in (None, SPEED_AT) if i % 2 else (SPEED_AT, None):
                    prepare()
                    speeds[limit] = upload_three(args, data, digest, limit, args.work + "/tmp")[0]
                ratios.append(speeds[SPEED_AT] / speeds[None])
            ratio = statistics.median(ratios)
            text = f"{ratio:.2f} of the speed without a limit ({', '.join(f'{r:.2f}' for r in ratios)})"
            if ratio < MIN_SPEED:
                raise RuntimeError(text)
            return text
        if args.pairs > 0:
            check(f"speed in {SPEED_AT} MiB", compare)
    shutil.rmtree(args.work)
    sys.exit(failed)


if __name__ == "__main__":
    main()
