#!/usr/bin/env python3
"""Lets schemathesis make up requests from static/api/openapi.json, right ones and wrong ones: whatever
is asked, the answer is one of those described, and no failure of the server.

Usage: tests/openapi/fuzz.py PICOSHARE DIRECTORY [--examples 100] [--seed N]
Prints "ok …", "FAIL …" or "SKIP …"."""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/bench"))
from server import SECRET, Server  # noqa: E402

TOOL = "schemathesis==4.32.5"
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,"
          "response_schema_conformance")


def install(place):
    """The program, in an environment of its own; None: it cannot be installed here."""
    for command in ([sys.executable, "-m", "venv", place], [f"{place}/bin/pip", "install", "--quiet", TOOL]):
        try:
            subprocess.run(command, check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError):
            return None
    return f"{place}/bin/schemathesis"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("directory")
    parser.add_argument("--examples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=int(time.time() / 86400))
    options = parser.parse_args()
    directory = os.path.abspath(options.directory)
    program = install(directory + "/tool")
    if program is None:
        print(f"SKIP openapi-fuzz: {TOOL} cannot be installed here")
        return
    with Server(os.path.abspath(options.binary), directory + "/server") as server:
        run = subprocess.run(
            [program, "run", str(ROOT / "static/api/openapi.json"), "--url", server.url, "--auth", f"x:{SECRET}",
             "--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "-n", str(options.examples),
             "--request-timeout", "30", "--seed", str(options.seed), "--no-color"],
            cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    count = re.search(r"(\d+) generated, (\d+) passed", run.stdout)
    if run.returncode == 0 and count and count[1] == count[2]:
        print(f"ok openapi-fuzz: {count[1]} requests, seed {options.seed}")
    else:
        print(f"{run.stdout}\nFAIL openapi-fuzz: exit code {run.returncode}, seed {options.seed}")
        sys.exit(1)


main()
