#!/usr/bin/env python3
"""A virtual machine with little memory: three uploads at once, all downloads, then rounds of upload,
delete and giving the pages back.

    tests/campaigns/small_machine.py BINARY WORK_DIRECTORY [--mib 256] [--mb 618] [--rounds 24]

Prints "ok …", "FAIL …" and "SKIP …" lines: no kill, no failed request, digests equal, and after the
last round the same memory in use as after the first.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))
from server import MIB, SECRET, digest_of, random_file  # noqa: E402

TOOLS = ("qemu-system-x86_64", "busybox", "cpio", "socat", "mke2fs", "modprobe")
UPLOADS = 3
REQUEST_LIMIT_S = 900
RECLAIM_LIMIT_S = 600


class Machine:
    def __init__(self, directory, binary, mib, port=18480):
        self.dir, self.url = directory, f"http://127.0.0.1:{port}"
        self.call("start", binary, str(mib), str(port))

    def call(self, action, *args):
        return subprocess.run([HERE + "/machine.sh", action, self.dir, *args], check=True,
                              capture_output=True, text=True).stdout

    def curl(self, *args):
        return ["curl", "-sS", "--fail", "-m", str(REQUEST_LIMIT_S), "-u", ":" + SECRET, *args]

    def upload(self, path):
        return subprocess.Popen(self.curl("-F", f"file=@{path}", self.url + "/api/entry"),
                                stdout=subprocess.PIPE, text=True)

    @staticmethod
    def finish(upload):
        text = upload.communicate()[0]
        if upload.returncode:
            raise RuntimeError(f"upload failed: curl {upload.returncode} {text}")
        return json.loads(text)["id"]

    def digest(self, entry):
        return digest_of(*self.curl(f"{self.url}/-{entry}"))

    def request(self, method, path):
        return subprocess.run(self.curl("-X", method, self.url + path), check=True,
                              capture_output=True, text=True).stdout

    def figures(self):
        return json.loads(self.request("GET", "/api/system"))

    def reclaim(self):
        """Until nothing is free and nothing is at work."""
        end = time.monotonic() + RECLAIM_LIMIT_S
        self.request("POST", "/api/system/reclaim")
        while time.monotonic() < end:
            figures = self.figures()
            if figures["freePages"] == 0 and figures["upkeep"] == "idle":
                return
            if figures["upkeep"] == "idle":
                self.request("POST", "/api/system/reclaim")
            time.sleep(0.5)
        raise RuntimeError(f"pages are still free: {figures['freePages']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--mb", type=int, default=618)
    parser.add_argument("--rounds", type=int, default=24)
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for tool in TOOLS:
        if not shutil.which(tool):
            print(f"SKIP small machine: {tool} is not here")
            return
    work = os.path.abspath(args.work)
    os.makedirs(work, exist_ok=True)
    data = work + "/data"
    digest = random_file(data, args.mb * 1_000_000)
    name = f"machine with {args.mib} MiB"
    failed = False

    def say(good, text):
        nonlocal failed
        failed = failed or not good
        print(f"{'ok' if good else 'FAIL'} {name}: {text}", flush=True)

    machine = Machine(work + "/machine", os.path.abspath(args.binary), args.mib)
    try:
        start = time.monotonic()
        ids = [machine.finish(u) for u in [machine.upload(data) for _ in range(UPLOADS)]]
        say(True, f"{UPLOADS} uploads of {args.mb} MB at once, {time.monotonic() - start:.0f} s")
        right = sum(machine.digest(entry) == digest for entry in ids)
        say(right == UPLOADS, f"{right} of {UPLOADS} downloads have the digest of what was sent")
        for entry in ids:
            machine.request("DELETE", "/api/entry/" + entry)
        machine.reclaim()
        resident = []
        for _ in range(args.rounds):
            entry = machine.finish(machine.upload(data))
            if machine.digest(entry) != digest:
                raise RuntimeError("a download differs from what was sent")
            machine.request("DELETE", "/api/entry/" + entry)
            machine.reclaim()
            resident.append(machine.figures()["anonymousBytes"] / MIB)
        say(abs(resident[-1] - resident[0]) <= max(0.05 * resident[0], 0.25),
            f"{args.rounds} rounds of upload, delete, reclaim; anonymous memory "
            f"{resident[0]:.2f} MiB after the first, {resident[-1]:.2f} after the last")
        peak = machine.figures()["residentPeakBytes"] / MIB
        say(True, f"resident peak {peak:.1f} MiB")
    except (RuntimeError, subprocess.CalledProcessError) as error:
        say(False, str(error))
    problems = machine.call("problems")
    say(problems == "", problems.strip() or "no kill, the server ran from start to end")
    machine.call("stop")
    shutil.rmtree(work)
    sys.exit(failed)


if __name__ == "__main__":
    main()
