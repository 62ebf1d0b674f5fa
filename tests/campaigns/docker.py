#!/usr/bin/env python3
"""The blocks of docs/operations.md about containers, run as they stand, with Podman in Docker's place as
its package podman-docker has it: the image, a container, Compose, and a replica that is restored.

    tests/campaigns/docker.py BINARY WORK_DIRECTORY [--litestream PROGRAM]

Prints "ok …", "FAIL …" and "SKIP …" lines. Takes four minutes, 2 GB in the work directory, and packages
from Debian's archive.
"""
import argparse
import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import free_port, read  # noqa: E402
import s3  # noqa: E402
from engine import LITESTREAM, ROOT, Engine, reason_to_skip  # noqa: E402

URL = "http://localhost:4001"  # of every container on that page
LIMIT_S = 60
DOCKER = """#!/bin/sh
{settings}
if [ "$1" = compose ]; then shift; exec podman-compose "$@"; fi
exec podman "$@"
"""


def port_is_free():
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", 4001)) != 0


def own_address():
    """That by which containers, too, reach this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("192.0.2.1", 9))  # sends nothing
        return s.getsockname()[0]


def is_served():
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(URL + "/healthz", timeout=5) as answer:
            return answer.read() == b"ok\n"
        time.sleep(0.1)
    return False


@contextlib.contextmanager
def reachable(service):
    """The S3 service's variables, with an address that containers reach."""
    inner, outer = service.env["LITESTREAM_ENDPOINT"].rsplit(":", 1)[1], free_port()
    relay = subprocess.Popen(["socat", f"TCP-LISTEN:{outer},fork,reuseaddr", f"TCP:127.0.0.1:{inner}"])
    try:
        yield {**service.env, "LITESTREAM_ENDPOINT": f"http://{own_address()}:{outer}"}
    finally:
        relay.terminate()
        relay.wait()


class Campaign:
    def __init__(self, args, engine):
        self.args, self.engine, self.failed = args, engine, False
        self.bin = engine.dir + "/bin"
        os.makedirs(self.bin)
        with open(self.bin + "/docker", "w") as f:
            f.write(DOCKER.format(settings="\n".join(f"export {name}='{value}'"
                                                     for name, value in engine.settings.items())))
        os.chmod(self.bin + "/docker", 0o755)

    def say(self, good, text):
        self.failed = self.failed or not good
        print(f"{'ok' if good else 'FAIL'} docker: {text}", flush=True)

    def run_blocks(self, place, **more):
        """Of the page; a package that cannot be had is no failure."""
        path = f"{self.bin}:{os.environ['PATH']}"
        done = subprocess.run([ROOT + "/tests/docs/commands.py", "--here", place, self.args.binary,
                               f"{self.args.work}/{place.rsplit(' ', 1)[-1]}", ROOT + "/docs/operations.md"],
                              env={**os.environ, "PATH": path, **more}, capture_output=True, text=True)
        said = re.sub(r"^(ok|FAIL|SKIP) ", r"\1 docker: ", done.stdout + done.stderr, flags=re.M)
        self.failed = self.failed or done.returncode != 0
        print(said, end="", flush=True)
        return done.returncode == 0

    def containers(self):
        if self.run_blocks("tests/campaigns/docker.py, containers"):
            self.say(is_served(), "the last container answers on the port that the page says")
        self.clear()

    def replica(self):
        reason = s3.reason_to_skip_replica(self.args.litestream)
        if reason:
            print(f"SKIP docker: replica: {reason}", flush=True)
            return
        version = re.search(r"^ARG LITESTREAM=.*:(.*)$", read(ROOT + "/Dockerfile"), re.M)[1]
        self.engine.make_program_image(f"{LITESTREAM}:{version}", self.args.litestream, "/usr/local/bin/litestream")
        os.symlink(self.args.litestream, self.bin + "/litestream")
        with s3.S3(self.args.work + "/service") as service, reachable(service) as variables:
            if self.run_blocks("tests/campaigns/docker.py, a replica", **variables):
                self.say(is_served(), "a container with Litestream answers on the port that the page says")
            self.clear()

    def clear(self):
        self.engine.podman("rm", "-af", "-t", "0")
        self.engine.podman("volume", "rm", "-af")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--litestream")
    args = parser.parse_args()
    args.binary, args.work = os.path.abspath(args.binary), os.path.abspath(args.work)
    args.litestream = args.litestream and os.path.abspath(args.litestream)
    reason = reason_to_skip()
    for tool in ("podman-compose", "socat"):
        reason = reason or (f"{tool} is not here" if not shutil.which(tool) else None)
    if not reason and not port_is_free():
        reason = "port 4001 is in use"
    if reason:
        print(f"SKIP docker: {reason}")
        return
    os.makedirs(args.work)
    failed = True
    try:
        with Engine(args.work + "/engine", network="bridge") as engine:
            engine.make_base()
            campaign = Campaign(args, engine)
            campaign.containers()
            campaign.replica()
            failed = campaign.failed
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"FAIL docker: {error}")
    shutil.rmtree(args.work, ignore_errors=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
