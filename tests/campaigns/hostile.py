#!/usr/bin/env python3
"""Clients that mean harm: bombs, slow ones, stalled ones, thousands of them, requests in disguise.

    tests/campaigns/hostile.py BINARY WORK_DIRECTORY [--seconds 6] [--parts smuggling,bombs,…]

Prints "ok …", "FAIL …" and "SKIP …" lines. Whatever they send is answered by a clear refusal or
closed, pages keep answering for others meanwhile, and the server's memory stays below PEAK_MIB.
"""
import argparse
import collections
import json
import os
import resource
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import smuggling
from load import Report

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import MIB, SECRET, Server, read  # noqa: E402

PEAK_MIB = 112  # of the process itself, which is what the limits of docs/ARCHITECTURE.md add up to
PAGE_S = 20    # a page that needs longer does not answer
CROWD = 10_000
CROWD_ADDRESS = "127.0.0.2"
STALLED, STALLED_ADDRESSES, STALLED_BYTES = 200, 8, 100_000
OWNER_BYTES = 3_000_000
LONG_S = 20    # attacks that last this long are the long form


# ---- beside an attack ----


class Pages:
    """A visitor who looks at a page ten times a second, while the block runs."""

    def __init__(self, server, path="/login"):
        self.url, self.count, self.worst, self.problems = server.url + path, 0, 0, []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.stop.is_set():
            start = time.monotonic()
            try:
                with urllib.request.urlopen(self.url, timeout=PAGE_S) as answer:
                    answer.read()
                self.count += 1
            except OSError as error:
                self.problems.append(f"after {self.count} pages: {error}")
                return
            self.worst = max(self.worst, time.monotonic() - start)
            self.stop.wait(0.1)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        if not self.problems and self.count == 0:
            self.problems.append("no page was asked for")

    def text(self):
        return f"{self.count} pages beside, the slowest in {self.worst * 1000:.0f} ms"


def peak(server, problems):
    """The server's peak, as text; too much of it is a problem, and so is its end."""
    mib = server.status_bytes("VmHWM") / MIB
    if server.process.poll() is not None:
        problems.append("the server has ended: " + read(server.log)[-2000:])
    elif mib > PEAK_MIB:
        problems.append(f"{mib:.1f} MiB at the peak, {PEAK_MIB} at most")
    return f"peak {mib:.1f} MiB"


# ---- bombs ----


def request(line, *headers, body=b""):
    head = [line + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *headers]
    if body:
        head.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*head, b"", b""]) + body


def form(cookie, body, boundary=b"B"):
    return request(b"POST /api/entry", cookie,
                   b"Content-Type: multipart/form-data; boundary=" + boundary, body=body)


FILE = b'--B\r\nContent-Disposition: form-data; name="file"; filename="bomb.txt"\r\n\r\nhello\r\n'


def field(name, value):
    return b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name, value)


def bombs(cookie, entry):
    """What, the bytes, and the statuses that are right. None: closed without an answer is right too,
    since the answer may be lost when the sender is cut."""
    def api(method, path, body):
        return request(method + b" " + path, cookie, body=body)

    def settings(body):
        return api(b"PUT", b"/api/settings", body)

    get = b"GET /-" + entry
    yield "10,000 headers", request(b"GET /login", *[b"X-%d: x" % i for i in range(10_000)]), (431,)
    yield "10,000 empty headers", request(b"GET /login", *[b"X:" for _ in range(10_000)]), (431,)
    yield "a header of 64 kB", request(b"GET /login", b"X: " + b"x" * 65_536), (431,)
    yield "a header of 1 MB", request(b"GET /login", b"X: " + b"x" * MIB), (431, None)
    yield "a header name of 64 kB", request(b"GET /login", b"X" * 65_536 + b": x"), (431,)
    yield "33 kB of headers", request(b"GET /login", *[b"X-%d: %s" % (i, b"x" * 1000)
                                                       for i in range(33)]), (431,)
    yield "10,000 cookies", request(b"GET /files", b"Cookie: " + b"; ".join(
        b"sharedSecret=%d" % i for i in range(10_000))), (431,)
    yield "700 cookies", request(b"GET /files", b"Cookie: " + b"; ".join(
        b"sharedSecret=%d" % i for i in range(700))), (401, 431, None)
    yield "700 lines of cookies", request(b"GET /files", *[b"Cookie: a=%d" % i
                                                           for i in range(700)]), (401, 431)
    yield "10,000 ranges", request(get, b"Range: bytes=" + b",".join(
        b"%d-%d" % (i, i) for i in range(10_000))), (431,)
    yield "2,000 ranges", request(get, b"Range: bytes=" + b",".join([b"0-0"] * 2000)), (200,)
    yield "16 overlapping ranges", request(get, b"Range: bytes=" + b",".join([b"0-"] * 16)), (200,)
    yield "huge ranges", request(get, b"Range: bytes=0-99999999999999999999,99999999999999999999-"), \
        (200, 206, 416)
    yield "1,000 entity tags", request(get, b"If-None-Match: " + b", ".join(
        b'"%d"' % i for i in range(1000))), (200,)
    yield "a target of 1 MB", request(b"GET /" + b"a" * MIB), (414, None)
    yield "a query of 64 kB", request(b"GET /files?q=" + b"a" * 65_536, cookie), (414,)
    yield "2,000 parameters", request(b"GET /files?" + b"&".join([b"a=1"] * 2000), cookie), (200,)
    yield "a path of 2,000 segments", request(b"GET " + b"/a" * 2000), (404,)
    yield "a path of dots", request(b"GET /" + b"../" * 2000), (301,)
    yield "2,000 Forwarded clients", request(b"GET /login", b"Forwarded: " + b",".join(
        [b"for=1"] * 2000)), (200,)
    yield "Accept of 2,000 types", request(b"GET /nothing", b"Accept: " + b",".join(
        [b"a/b;q=0.1"] * 1500)), (404,)

    yield "100,000 parts", form(cookie, field(b"a", b"b") * 100_000 + FILE + b"--B--\r\n"), (400, 413)
    yield "1,000 parts", form(cookie, field(b"a", b"b") * 1000 + FILE + b"--B--\r\n"), (400, 413)
    yield "1,000 files", form(cookie, FILE * 1000 + b"--B--\r\n"), (400, 413)
    yield "a field name of 1 MB", form(cookie, field(b"a" * MIB, b"b") + FILE + b"--B--\r\n"), (400, 413)
    yield "a file name of 1 MB", form(cookie, FILE.replace(b"bomb", b"b" * MIB) + b"--B--\r\n"), \
        (400, 413)
    yield "a note of 1 MB", form(cookie, FILE + field(b"note", b"n" * MIB) + b"--B--\r\n"), (400, 413)
    yield "a preamble of 14 MB", form(cookie, b"p" * (14 * MIB) + b"\r\n" + FILE + b"--B--\r\n"), \
        (400, 413, None)
    yield "a preamble of line ends", form(cookie, b"\r\n" * MIB + FILE + b"--B--\r\n"), (200, 400, 413)
    yield "an epilogue of 14 MB", form(cookie, FILE + b"--B--\r\n" + b"e" * (14 * MIB)), \
        (200, 400, 413, None)
    yield "100,000 headers of a part", form(cookie, b"--B\r\n" + b"X: x\r\n" * 100_000 + b"\r\nb\r\n--B--"), \
        (400, 413)
    yield "near boundaries", form(cookie, FILE[:-2] + b"\r\n--A" * 200_000 + b"\r\n--B--\r\n"), (200,)
    yield "a boundary of 71 characters", form(cookie, b"--" + b"B" * 71 + b"--\r\n", b"B" * 71), (400,)
    yield "a boundary of 8 kB", form(cookie, b"x", b"B" * 8192), (400,)
    yield "no boundary", form(cookie, b"x", b""), (400,)
    yield "a compressed body", request(b"POST /api/entry", cookie, b"Content-Encoding: gzip",
                                       b"Content-Type: multipart/form-data; boundary=B",
                                       body=b"\x1f\x8b\x08\0" + bytes(1000)), (400, 415)
    yield "a compressed file", request(b"PUT /api/upload/a.gz", cookie, b"Content-Encoding: gzip",
                                       body=b"\x1f\x8b\x08\0" + bytes(1000)), (400, 415)
    yield "compressed settings", request(b"PUT /api/settings", cookie, b"Content-Encoding: deflate",
                                         body=b'{"defaultNeverExpire":true}'), (400, 415)

    yield "20,000 nested lists", settings(b"[" * 20_000), (400,)
    yield "10,000 nested objects", settings(b'{"a":' * 10_000), (400,)
    yield "a number of 60,000 digits", settings(b'{"defaultExpirationDays":' + b"9" * 60_000 + b"}"), (400,)
    yield "a number with a huge exponent", settings(b'{"defaultExpirationDays":1e999999999}'), (400,)
    yield "a negative number", settings(b'{"defaultExpirationDays":-9223372036854775809}'), (400,)
    yield "a key of 1 MB", settings(b'{"' + b"a" * MIB + b'":1}'), (413,)
    yield "a key of 60 kB", settings(b'{"' + b"a" * 60_000 + b'":1}'), (400,)
    yield "10,000 keys", settings(b"{" + b",".join(b'"%d":1' % i for i in range(6_000)) + b"}"), (400,)
    yield "no JSON of 64 kB", settings(b"\xff" * 65_536), (400,)
    yield "a label of 60 kB", api(b"POST", b"/api/guest-links", json.dumps(
        {"label": "l" * 60_000, "urlExpirationTime": "2999-12-31T00:00:00Z",
         "fileLifetime": "24h0m0s"}).encode()), (400,)
    yield "a lifetime of 60 kB", api(b"POST", b"/api/guest-links", json.dumps(
        {"label": "", "urlExpirationTime": "2999-12-31T00:00:00Z",
         "fileLifetime": "9" * 60_000 + "h"}).encode()), (400,)
    yield "a note of 60 kB", api(b"PUT", b"/api/entry/" + entry, json.dumps(
        {"filename": "a", "note": "n" * 60_000}).encode()), (400,)
    yield "a passphrase of 60 kB", api(b"POST", b"/api/auth", json.dumps(
        {"sharedSecretKey": "p" * 60_000}).encode()), (401, 400)
    yield "credentials of 15 kB", request(b"GET /files", b"Authorization: Basic " + b"QUFB" * 3900), (401,)


def exchange(port, data):
    """The status of the first final answer; None when there is none. Reads while it sends."""
    received, rest = b"", memoryview(data)
    with socket.create_connection(("127.0.0.1", port), timeout=PAGE_S) as s:
        s.setblocking(False)
        end = time.monotonic() + PAGE_S
        while time.monotonic() < end:
            readable, writable, _ = select.select([s], [s] if rest else [], [], 1)
            try:
                if readable:
                    piece = s.recv(65536)
                    if not piece:
                        break
                    received += piece
                if writable and rest:
                    rest = rest[s.send(rest[:65536]):]
            except OSError:
                rest = b""
                if readable:
                    break
        else:
            raise TimeoutError("neither answered nor closed")
    found = received.split(b" ", 2)
    return int(found[1]) if len(found) > 2 else None


def run_bombs(server, report, _):
    problems, count = [], 0
    cookie = server.sign_in().encode()
    path = server.dir + "/small"
    with open(path, "wb") as f:
        f.write(b"0123456789")
    entry = server.store(path).encode()
    for name, data, right in bombs(cookie, entry):
        count += 1
        try:
            status = exchange(server.port, data)
            if status not in right:
                problems.append(f"{name}: {status} instead of {right}")
            if exchange(server.port, request(b"GET /login")) != 200:
                problems.append(f"{name}: the next page is not there")
        except OSError as error:
            problems.append(f"{name}: {error}")
    memory = peak(server, problems)
    report("bombs", problems, f"{count} of them, {memory}")


# ---- many and slow ----


class Crowd:
    """Keeps connections of one address open, CROWD of them or as many as may be, in every state."""

    STATES = (b"", b"GET /login HTTP/1.1\r\nHo", b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n",
              b"POST /api/auth HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")

    def __init__(self, server, size):
        self.address, self.size = ("127.0.0.1", server.port), size
        self.sockets, self.opened = {}, 0
        self.poll = select.poll()

    def open_one(self):
        s = socket.socket()
        s.setblocking(False)
        s.bind((CROWD_ADDRESS, 0))
        s.connect_ex(self.address)
        self.sockets[s.fileno()] = (s, self.STATES[self.opened % len(self.STATES)])
        self.poll.register(s, select.POLLIN | select.POLLOUT | select.POLLHUP)
        self.opened += 1

    def handle(self, fd, events):
        s, text = self.sockets[fd]
        try:
            if events & (select.POLLIN | select.POLLHUP | select.POLLERR) and not s.recv(65536):
                raise OSError("closed")
            if events & select.POLLOUT:
                if text:
                    s.send(text)
                self.poll.modify(fd, select.POLLIN | select.POLLHUP)
        except BlockingIOError:
            pass
        except OSError:
            self.poll.unregister(fd)
            s.close()
            del self.sockets[fd]

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _ in range(min(500, self.size - len(self.sockets))):
                self.open_one()
            for fd, events in self.poll.poll(50):
                self.handle(fd, events)

    def close(self):
        for s, _ in self.sockets.values():
            s.close()


def run_crowd(server, report, seconds):
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    size = min(CROWD, hard - 200)
    crowd = Crowd(server, size)
    try:
        crowd.run(2)  # until they are there
        with Pages(server) as pages:
            crowd.run(seconds)
    finally:
        crowd.close()
    problems = list(pages.problems)
    report(f"{size} connections", problems,
           f"{crowd.opened} opened by one address; {pages.text()}, {peak(server, problems)}")


def guest_link(server):
    body = json.dumps({"label": "", "urlExpirationTime": "2999-12-31T00:00:00Z",
                       "fileLifetime": "24h0m0s"}).encode()
    asked = urllib.request.Request(server.url + "/api/guest-links", data=body, method="POST",
                                   headers={"Cookie": server.sign_in().split(": ")[1]})
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)["id"].encode()


def run_stalled(server, report, seconds):
    """Guests who send the beginning of a file and then nothing, from more addresses than the shares
    of clients leave room for. In the long form, another guest waits until they have lost it."""
    link, stalled, problems = guest_link(server), [], []
    head = b"PUT /api/guest/%s/stalled.bin HTTP/1.1\r\nHost: localhost\r\n" \
           b"Content-Length: 10000000\r\n\r\n" % link
    for i in range(STALLED):
        s = socket.create_connection(("127.0.0.1", server.port),
                                     source_address=(f"127.0.1.{i % STALLED_ADDRESSES + 1}", 0))
        s.sendall(head + bytes(STALLED_BYTES))
        stalled.append(s)
    path = server.dir + "/owners"
    with open(path, "wb") as f:
        f.write(os.urandom(OWNER_BYTES))
    with Pages(server) as pages:
        begin = time.monotonic()
        sent = subprocess.run(["curl", "-sS", "-m", str(PAGE_S), "-u", ":" + SECRET, "-T", path,
                               server.url + "/api/upload/"], capture_output=True, text=True)
        text = f"the owner's {OWNER_BYTES / 1e6:.0f} MB passed in {time.monotonic() - begin:.1f} s, "
        if seconds >= LONG_S:
            begin = time.monotonic()
            guest = subprocess.run(
                ["curl", "-sS", "-m", "100", "-w", "%{http_code}", "-T", path,
                 f"{server.url}/api/guest/{link.decode()}/"], capture_output=True, text=True)
            text += f"another guest's in {time.monotonic() - begin:.0f} s, "
            if not guest.stdout.endswith("200"):
                problems.append("another guest's upload: " + guest.stdout + guest.stderr)
    problems += pages.problems
    if '"id"' not in sent.stdout:
        problems.append("the owner's upload: " + sent.stdout + sent.stderr)
    for s in stalled:
        s.close()
    report(f"{STALLED} stalled guests", problems,
           f"{text}{pages.text()}, {peak(server, problems)}")


def run_one_byte_chunks(server, report, seconds):
    """Bodies in chunks of a byte, many at once, never ending."""
    cookie, problems = server.sign_in().encode(), []
    head = b"PUT /api/upload/drops.bin HTTP/1.1\r\nHost: localhost\r\n" + cookie + \
        b"\r\nTransfer-Encoding: chunked\r\n\r\n"
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(50)]
    for s in clients:
        s.sendall(head)
    with Pages(server) as pages:
        end, count = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            for s in clients:
                s.sendall(b"1\r\nx\r\n" * 50)
                count += 50
    for s in clients:
        s.sendall(b"0\r\n\r\n")
    for s in clients:
        s.settimeout(PAGE_S)
        if b" 200 " not in s.recv(65536):
            problems.append("an upload failed")
        s.close()
    problems += pages.problems
    report("chunks of one byte", problems,
           f"{count} in {len(clients)} uploads; {pages.text()}, {peak(server, problems)}")


SLOW = {
    "slow headers": ["-H", "-i", "1", "-x", "40"],
    "slow body": ["-B", "-i", "1", "-x", "40", "-s", "100000"],
    "slow reading": ["-X", "-w", "64", "-y", "128", "-n", "1", "-z", "16"],
    "range bombs": ["-R", "-a", "1", "-b", "2000"],
}


def run_slow(server, report, seconds):
    if shutil.which("slowhttptest") is None:
        report.skip("slowhttptest", "slowhttptest is not here")
        return
    path = server.dir + "/large"
    with open(path, "wb") as f:
        f.write(os.urandom(8 * MIB))
    entry = server.store(path)
    paths = {"slow body": "/api/auth", "slow reading": f"/-{entry}", "range bombs": f"/-{entry}"}
    for name, options in SLOW.items():
        problems = []
        with Pages(server) as pages:
            ended = subprocess.run(
                ["slowhttptest", *options, "-c", "900", "-r", "900", "-l", str(seconds), "-p", "5",
                 "-u", server.url + paths.get(name, "/login")],
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=server.dir)
        problems += pages.problems
        if ended.returncode not in (0, 1):
            problems.append(f"slowhttptest ended with {ended.returncode}: {ended.stderr[-200:]}")
        report(name, problems, f"900 connections; {pages.text()}, {peak(server, problems)}")


PARTS = collections.OrderedDict([
    ("bombs", run_bombs),
    ("crowd", run_crowd),
    ("chunks", run_one_byte_chunks),
    ("stalled", run_stalled),
    ("slow", run_slow),
])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--seconds", type=int, default=6, help="how long an attack lasts")
    parser.add_argument("--parts", default="smuggling," + ",".join(PARTS))
    args = parser.parse_args()
    work, report = os.path.abspath(args.work), Report("hostile")
    for part in args.parts.split(","):
        if part == "smuggling":
            smuggling.campaign(args.binary, work + "/smuggling", report)
        else:
            with Server(os.path.abspath(args.binary), f"{work}/{part}") as s:
                PARTS[part](s, report, args.seconds)
    shutil.rmtree(work, ignore_errors=True)
    sys.exit(report.failed)


if __name__ == "__main__":
    main()
