#!/usr/bin/env python3
"""Runs every command of the documents, as a reader would: what is written there works.

Usage: tests/docs/commands.py [--here PLACE] PICOSHARE DIRECTORY DOCUMENT...

Each section (## heading) has an empty directory of its own, which is also HOME, and PICOSHARE first
on the PATH. Its ```sh blocks run one after the other in bash, which stops at the first command that
fails; exported variables and the directory last for the section. A ```text block right after one is
what it must print, among other lines perhaps: "…" stands for anything, and an id that it shows is
the name, in the blocks that follow, of the one that was really printed. localhost:4001 is wherever
the section's server listens. HTML comments in lines of their own are for this program:

    <!-- needs: podman root -->   the next block needs these commands (or: root, systemd)
    <!-- elsewhere: PLACE -->     the next block is run by PLACE, a script that says --here PLACE;
                                  a comma and more words may follow the script's name
    <!-- nowhere: WHY -->         the next block is not run by any test
    <!-- first: COMMANDS -->      run before the next block, which then finds what a reader has
    <!-- server: COMMAND -->      a server that a reader has, as well
    <!-- serves -->               the next block is a server, which goes on until …
    <!-- stop -->                 … it is stopped here, or at the end of the section

With --here PLACE those blocks alone are run that are marked with it, as a reader who has set nothing.

Prints a line "ok …", "FAIL …" or "SKIP …" for each block; a block that fails ends its section."""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT_S = 120
LIMIT_ELSEWHERE_S = 1800  # images are built there, and programs, some of it in an emulator
# 10 or 16 letters and digits, a digit among them: no word of the language.
ID = re.compile(r"\b(?=[A-Za-z]*[0-9])[A-Za-z0-9]{10}(?:[A-Za-z0-9]{6})?\b")
# The trap makes bash wait for the server that the signal is meant for.
SHELL = """set -euo pipefail
trap : TERM
if [ -e "$HOME/.exported" ]; then . "$HOME/.exported"; cd "$PWD"; fi
%s
export -p >"$HOME/.exported"
"""
ITEM = re.compile(
    r"^ *<!-- (?P<word>needs|elsewhere|nowhere|first|server|serves|stop)(?:: (?P<value>.*?))? -->$"
    r"|^## (?P<heading>[^\n]*)$"
    r"|^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.M | re.S,
)


class Broken(Exception):
    """A block did not do what the document says."""


def missing(needs):
    """The first of the words that is not here; None: all are."""
    for need in needs.split():
        if need == "root":
            here = os.geteuid() == 0
        elif need == "systemd":
            here = os.path.isdir("/run/systemd/system")
        else:
            here = shutil.which(need) is not None
        if not here:
            return need
    return None


class Section:
    def __init__(self, picoshare, directory, here):
        self.directory = directory
        self.limit_s = LIMIT_S if here is None else LIMIT_ELSEWHERE_S
        self.names = {}  # in the document, of what is called otherwise here
        self.server = None
        self.log = directory / ".log"
        directory.mkdir(parents=True)
        # A reader sees that the answer is an error; curl says so when it is told to.
        (directory / ".curlrc").write_text("fail-with-body\nsilent\nshow-error\n")
        self.environment = {
            "HOME": str(directory),
            "PATH": f"{picoshare.parent}:{os.environ['PATH']}",
            "DOCS": str(pathlib.Path(__file__).parent.resolve()),
            "LANG": "C.UTF-8",
        }
        if here is None:
            self.environment["PORT"] = "0"
        else:
            self.environment |= {k: v for k, v in os.environ.items() if k.startswith("LITESTREAM_")}

    def bash(self, commands, output):
        return subprocess.Popen(
            ["bash", "-c", SHELL % self.real(commands)],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def run(self, commands, expected):
        output = self.directory / ".output"
        with open(output, "wb") as file:
            process = self.bash(commands, file)
            try:
                code = process.wait(self.limit_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                code = f"none after {self.limit_s} s"
        printed = output.read_text(errors="replace")
        if code != 0:
            raise Broken(f"exit code {code}\n{printed}")
        for line in expected.splitlines():
            self.expect(line, printed)

    def expect(self, line, printed):
        """That the line was printed; learns the ids that it names."""
        line = self.real(line)
        pattern, at, names = "", 0, []
        for name in ID.finditer(line):
            pattern += re.escape(line[at : name.start()])
            at = name.end()
            if name[0] in self.names.values():
                pattern += name[0]
            else:
                pattern += "([A-Za-z0-9]{%d})" % len(name[0])
                names.append(name[0])
        pattern = (pattern + re.escape(line[at:])).replace("…", ".*")
        found = re.search(f"^{pattern}$", printed, re.M)
        if found is None:
            raise Broken(f"not printed: {line}\n{printed}")
        self.names.update(zip(names, found.groups()))

    def real(self, text):
        for name, real in self.names.items():
            text = text.replace(name, real)
        return text

    def serve(self, commands):
        self.stop()
        with open(self.log, "wb") as file:
            self.server = self.bash(commands, file)
        end = time.monotonic() + LIMIT_S
        while True:
            said = self.log.read_text(errors="replace")
            listening = re.search(r'"listening".{1,8}"http://(localhost:\d+)/"', said)  # or JSON
            if listening is not None:
                self.names["localhost:4001"] = listening[1]
                return
            if self.server.poll() is not None:
                self.server = None
                raise Broken(f"no server\n{said}")
            if time.monotonic() > end:
                raise Broken(f"the server does not listen\n{said}")
            time.sleep(0.05)

    def stop(self):
        if self.server is None:
            return
        server, self.server = self.server, None
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
        try:
            code = server.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            code = server.wait()
        if code != 0:
            raise Broken(f"the server ended with {code}\n{self.log.read_text(errors='replace')}")

    def kill(self):
        if self.server is not None and self.server.poll() is None:
            os.killpg(self.server.pid, signal.SIGKILL)
            self.server.wait()


def read(document):
    """The text, and its sections with their items: (line, word, value, end)."""
    text = document.read_text()
    sections = [("beginning", [])]
    for item in ITEM.finditer(text):
        line = text.count("\n", 0, item.start()) + 1
        if item["heading"] is not None:
            sections.append((item["heading"], []))
        else:
            word = item["word"] or f"```{item['kind']}"
            value = item["text"] if item["word"] is None else item["value"]
            sections[-1][1].append((line, word, value or "", item.end()))
    return text, sections


def marked(items, here):
    """Of the items those of blocks that are run at that place."""
    kept, before = [], []
    for item in items:
        if item[1] == "```text":
            kept.append(item)  # after which block, expected_after() says
        else:
            before.append(item)
        if item[1] == "```sh":
            if any(word == "elsewhere" and value == here for _, word, value, _ in before):
                kept += before
            before = []
    return kept


def demand_place(place):
    """That the script which the place names runs its blocks."""
    script = ROOT / place.split(",")[0]
    said = script.read_text() if script.is_file() else ""
    if "--here" not in said or place not in said:
        raise Broken(f"{script.name} does not say --here {place}")


def expected_after(text, items, at):
    """The ```text block right after the block at that place, or nothing."""
    end = items[at][3]
    if at + 1 == len(items) or items[at + 1][1] != "```text":
        return ""
    return items[at + 1][2] if text[end : text.index("```text", end)].strip() == "" else ""


def run_block(section, kind, text, expected):
    if kind == "serves":
        section.serve(text)
    else:
        section.run(text, expected)


def run_section(section, name, text, items, here):
    """Runs the blocks to the first that fails; false: there was one."""
    lacks, kind = None, "block"
    for at, (line, word, value, _) in enumerate(items):
        title = f"{name}:{line}"
        try:
            if word == "needs":
                missed = missing(value)
                lacks = missed and f"no {missed} here"
            elif word == "elsewhere" and value != here:
                demand_place(value)
                lacks = f"in {value}"
            elif word == "nowhere":
                lacks = value
            elif word == "serves":
                kind = "serves"
            elif word == "stop":
                section.stop()
            elif word == "first" and lacks is None:
                section.run(value, "")
            elif word == "server" and lacks is None:
                section.serve(value)
            elif word == "```sh":
                if lacks is None:
                    run_block(section, kind, value, expected_after(text, items, at))
                print(f"ok {title}" if lacks is None else f"SKIP {title}: {lacks}")
                lacks, kind = None, "block"
        except Broken as why:
            print(f"FAIL {title}: {why}\n{value}")
            return False
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--here", metavar="PLACE")
    parser.add_argument("picoshare", type=pathlib.Path)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("documents", type=pathlib.Path, nargs="+")
    args = parser.parse_args()
    failed = blocks = 0
    for document in args.documents:
        text, sections = read(document)
        for number, (heading, items) in enumerate(sections):
            if args.here is not None:
                items = marked(items, args.here)
            if not any(word == "```sh" for _, word, _, _ in items):
                continue
            blocks += 1
            place = args.directory / f"{document.stem}-{number}"
            section = Section(args.picoshare.resolve(), place.resolve(), args.here)
            try:
                failed += not run_section(section, document.name, text, items, args.here)
                section.stop()
            except Broken as why:
                print(f"FAIL {document.name}: {heading}: {why}")
                failed += 1
            finally:
                section.kill()
    if blocks == 0:
        print(f"FAIL no block is marked with elsewhere: {args.here}")
    sys.exit(1 if failed or blocks == 0 else 0)


main()
