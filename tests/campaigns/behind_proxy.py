#!/usr/bin/env python3
"""The program behind the reverse proxies of deploy/, by HTTPS, as a browser and curl use it.

    tests/campaigns/behind_proxy.py BINARY WORK_DIRECTORY [--mb 2048] [--quick]

Prints "ok …", "FAIL …" and "SKIP …" lines. Files pass each proxy in both directions, by HTTP/1.1 and
HTTP/2, whole and without being kept by it; the program knows who the client is, and by which
address; what it refuses is refused for the client, too.
"""
import argparse
import base64
import contextlib
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
import time

from load import Report
from proxies import KINDS, NAME, Proxy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import MIB, SECRET, Server, read, random_file, status_bytes, written_bytes  # noqa: E402

URL = f"https://{NAME}"
VERSIONS = ("1.1", "2")
CLIENT = "127.0.0.5"      # not the proxy's; like it a trusted one, so that only the proxy's word counts
FORGED = "203.0.113.9"
FORGED_ID = "a-forged-id"
LIMIT_S = 60
SPOOL_BYTES = 4 * MIB     # what a proxy may keep of a file, or write to disk
MEMORY_BYTES = 128 * MIB  # and need in memory
SENT_BYTES = 8 * MIB      # of a slow upload, before its pause
PAUSE_S = 65              # of a client: nginx waits 60 s if it is not told otherwise, HAProxy often 50
LINK_BYTES = MIB          # of a guest link, at the most
# It answers while a body comes, and closes: the bytes that nobody read reset the connection, and the
# client may never see the answer. By HTTP/2 it does.
RESETS = ("caddy", "1.1")


def digest_base64(digest):
    """A SHA-256 as in Repr-Digest."""
    return base64.b64encode(bytes.fromhex(digest)).decode()


def held_bytes():
    """Of a download that nobody reads: what the four sockets on its way may hold, and the proxy."""
    limits = [int(read(f"/proc/sys/net/ipv4/tcp_{way}mem").split()[2]) for way in "rw"]
    return 2 * sum(limits) + SPOOL_BYTES


class Watch:
    """What the processes of a proxy keep, sampled while the block runs."""

    def __init__(self, proxy):
        self.proxy, self.problems, self.largest = proxy, [], 0
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.look)

    def written(self):
        return sum(written_bytes(pid) for pid in self.proxy.pids())

    def look(self):
        """Files that are open, deleted ones too."""
        while not self.stop.wait(0.05):
            for pid in self.proxy.pids():
                fds = f"/proc/{pid}/fd"
                with contextlib.suppress(OSError):
                    for fd in os.listdir(fds):
                        with contextlib.suppress(OSError):
                            status = os.stat(f"{fds}/{fd}")
                            if stat.S_ISREG(status.st_mode):
                                self.largest = max(self.largest, status.st_size)

    def __enter__(self):
        self.before = self.written()
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        self.wrote = self.written() - self.before
        self.memory = sum(status_bytes(pid, "VmHWM") for pid in self.proxy.pids())
        if max(self.wrote, self.largest) > SPOOL_BYTES:
            self.problems.append(f"it wrote {self.wrote} bytes, and had a file of {self.largest} open")
        if self.memory > MEMORY_BYTES:
            self.problems.append(f"{self.memory / MIB:.0f} MiB of memory")


class Answer:
    """Of curl, whose output ends with OUTPUT; the status is 0 when there was none."""

    OUTPUT = "\x1e%{http_code}\x1e%{http_version}\x1e%{size_upload}"

    def __init__(self, head, output):
        self.head = head
        self.body, status, self.version, sent = output.decode("latin-1").rsplit("\x1e", 3)
        self.status, self.sent = int(status), int(sent)

    def header(self, name):
        found = re.search(rf"^{name}: *(.*?)\r?$", self.head, re.M | re.I)
        return found.group(1) if found else None


class Behind:
    """The checks, for one proxy: each returns what it found, or raises what is wrong."""

    def __init__(self, server, proxy, data, digest, quick):
        self.server, self.proxy, self.data, self.digest, self.quick = server, proxy, data, digest, quick
        self.marks = 0
        self.entry = None

    # -- asking --

    def command(self, version, *arguments):
        port = self.proxy.port
        return ["curl", "-q", "-sS", "--http" + version, "--cacert", self.proxy.certificate,
                "--interface", CLIENT, "--connect-to", f"{NAME}:443:127.0.0.1:{port}",
                "--connect-to", f"{NAME}:8443:127.0.0.1:{port}",
                "--connect-to", f"{NAME}:80:127.0.0.1:{self.proxy.http_port}", *arguments]

    def ask(self, version, path, *arguments, base=URL):
        """The answer, which came by that version."""
        head = self.proxy.dir + "/head"
        with contextlib.suppress(OSError):
            os.unlink(head)
        done = subprocess.run(self.command(
            version, "-D", head, "-w", Answer.OUTPUT, *arguments, base + path),
            input=b"hello\n", capture_output=True)
        answer = Answer(read(head), done.stdout)
        if answer.status == 0:
            raise RuntimeError(f"{path}: no answer, curl ended with {done.returncode}: "
                               f"{done.stderr.decode()}")
        if base.startswith("https") and answer.version != version:
            raise RuntimeError(f"{path}: HTTP/{answer.version} instead of {version}")
        return answer

    def owner(self, version, path, *arguments, want=200, **options):
        answer = self.ask(version, path, "-u", ":" + SECRET, *arguments, **options)
        if answer.status != want:
            raise RuntimeError(f"{path} {' '.join(arguments)}: {answer.status} instead of {want}")
        return answer

    def figure(self, name):
        done = subprocess.run(["curl", "-q", "-sS", "-u", ":" + SECRET, self.server.url + "/metrics"],
                              capture_output=True, text=True, check=True)
        return int(re.search(rf"^{name} (\d+)", done.stdout, re.M).group(1))

    def settled(self, name):
        """The figure, once nothing but our looking at it makes it grow."""
        last, end = self.figure(name), time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            time.sleep(0.2)
            now = self.figure(name)
            if now - last < MIB // 8:
                return now
            last = now
        raise RuntimeError(f"{name} goes on growing")

    def logged(self, mark):
        """The line of the access log with this mark."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            found = re.search(rf"^.*{mark}\b.*$", read(self.server.dir + "/stdout"), re.M)
            if found:
                return found.group(0)
            time.sleep(0.02)
        raise RuntimeError(f"no line with {mark} in the access log")

    def pause(self, version):
        """As on a train; so long in the long form only, and not by both versions."""
        time.sleep(0 if self.quick or version != VERSIONS[-1] else PAUSE_S)

    # -- files --

    def upload(self, version, how):
        if how == "form":
            answer = self.owner(version, "/api/entry", "-F", f"file=@{self.data}")
        else:
            answer = self.owner(version, "/api/upload/", "-T", self.data)
        return re.search(r'"id":"(\w+)"', answer.body).group(1)

    def check_whole(self, version, entry):
        """By the program, and read through the proxy."""
        done = subprocess.run(["curl", "-q", "-sSI", f"{self.server.url}/-{entry}"],
                              capture_output=True, text=True, check=True)
        if digest_base64(self.digest) not in done.stdout:
            raise RuntimeError("what arrived differs from what was sent")
        digest = hashlib.sha256()
        download = subprocess.Popen(self.command(version, "--fail", f"{URL}/-{entry}"),
                                    stdout=subprocess.PIPE)
        while piece := download.stdout.read(MIB):
            digest.update(piece)
        if download.wait() or digest.hexdigest() != self.digest:
            raise RuntimeError("the download differs from what was sent")

    def transfer(self, version, how):
        start = time.monotonic()
        entry = self.upload(version, how)
        sent = time.monotonic()
        self.check_whole(version, entry)
        end = time.monotonic()
        if self.entry is not None:
            self.owner(version, "/api/entry/" + self.entry, "-X", "DELETE")
        self.entry = entry
        mb = os.path.getsize(self.data) / 1e6
        return f"whole, up {mb / (sent - start):.0f}, down {mb / (end - sent):.0f} MB/s"

    def slow_upload(self, version):
        """What was sent before a pause arrives before it ends."""
        before = self.figure("picoshare_http_received_bytes_total")
        upload = subprocess.Popen(self.command(version, "-u", ":" + SECRET, "-T", "-", "-w", "%{http_code}",
                                               URL + "/api/upload/slow.bin"),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        piece = os.urandom(SENT_BYTES)
        upload.stdin.write(piece)
        upload.stdin.flush()
        end = time.monotonic() + LIMIT_S
        arrived = 0
        while arrived < SENT_BYTES and time.monotonic() < end:
            time.sleep(0.05)
            arrived = self.figure("picoshare_http_received_bytes_total") - before
        self.pause(version)
        output = upload.communicate(piece)[0].decode()
        if arrived < SENT_BYTES:
            raise RuntimeError(f"{arrived} of {SENT_BYTES} bytes arrived before the rest was sent")
        if not output.endswith("200"):
            raise RuntimeError("the upload failed: " + output)
        return f"{arrived / MIB:.0f} MiB arrived before the rest was sent"

    def slow_download(self, version):
        """A file is read from the program no faster than by the client."""
        size = os.path.getsize(self.data)
        name = "picoshare_http_sent_bytes_total"
        before = self.figure(name)
        download = subprocess.Popen(self.command(version, f"{URL}/-{self.entry}"), stdout=subprocess.PIPE)
        digest = hashlib.sha256(download.stdout.read(MIB))
        sent = self.settled(name) - before
        self.pause(version)
        while piece := download.stdout.read(MIB):
            digest.update(piece)
        if download.wait() or digest.hexdigest() != self.digest:
            raise RuntimeError("the download differs from what was sent")
        if sent >= min(size, held_bytes()):
            raise RuntimeError(f"{sent} of {size} bytes had left the program when 1 MiB was read")
        return f"{sent / MIB:.0f} MiB had left the program when 1 MiB was read"

    # -- who, and by which address --

    def address(self, version):
        self.marks += 1
        mark = f"mark={self.proxy.kind}-{self.marks}"
        forged = [part for name in ("X-Forwarded-For", "X-Real-IP") for part in ("-H", f"{name}: {FORGED}")]
        answer = self.ask(version, "/login?" + mark, *forged, "-H", f"Forwarded: for={FORGED}",
                          "-H", f"X-Request-Id: {FORGED_ID}")
        line = self.logged(mark)
        if not line.startswith(CLIENT + " "):
            raise RuntimeError(f"{line} is not by {CLIENT}")
        if answer.header("X-Request-Id") in (None, FORGED_ID):
            raise RuntimeError("the request's id is the client's")
        self.ask(version, f"/-{self.entry}", *forged, "-r", "0-9")
        history = self.owner(version, f"/files/{self.entry}/downloads").body
        if CLIENT not in history or FORGED in history:
            raise RuntimeError("the history of downloads does not have the client's address")
        return f"{CLIENT}, not {FORGED}"

    def guest_link(self, version, more=""):
        body = f'{{"label":"guest","urlExpirationTime":"2999-12-31T00:00:00Z","fileLifetime":"720h"{more}}}'
        answer = self.owner(version, "/api/guest-links", "-d", body)
        return re.search(r'"id":"(\w+)"', answer.body).group(1)

    def links(self, version):
        for base in (URL, URL + ":8443"):
            small = ("-F", "file=@-;filename=a.txt", "-H", "Accept: text/plain")
            link = self.guest_link(version)
            bodies = [self.owner(version, "/api/entry", *small, base=base).body,
                      self.ask(version, "/api/guest/" + link, *small, base=base).body]
            for body in bodies:
                if not body.startswith(base + "/-"):
                    raise RuntimeError(f"the link {body} does not begin with {base}")
        answer = self.ask(version, "/api/auth", "-d", f'{{"sharedSecretKey":"{SECRET}"}}')
        cookie = answer.header("Set-Cookie") or ""
        if "; Secure" not in cookie:
            raise RuntimeError("the cookie is not Secure: " + cookie)
        return "of HTTPS and this host; the cookie is Secure"

    def origins(self, version):
        for base in (URL, URL + ":8443"):
            self.owner(version, "/api/guest-links/" + self.guest_link(version), "-X", "DELETE",
                       "-H", "Origin: " + base, base=base)
        link = "/api/guest-links/" + self.guest_link(version)
        for foreign in ("https://evil.example", "null"):
            self.owner(version, link, "-X", "DELETE", "-H", "Origin: " + foreign,
                       "-H", "X-Forwarded-Host: evil.example", want=403)
        return "changes from this site are taken, from others refused"

    def reading(self, version):
        """Ranges, validators, HEAD."""
        path = f"/-{self.entry}"
        part = self.owner(version, path, "-r", "100-299", want=206)
        with open(self.data, "rb") as f:
            f.seek(100)
            if part.body.encode("latin-1") != f.read(200):
                raise RuntimeError("a range is not what was asked for")
        size = os.path.getsize(self.data)
        if part.header("Content-Range") != f"bytes 100-299/{size}":
            raise RuntimeError("Content-Range is " + str(part.header("Content-Range")))
        head = self.owner(version, path, "-I")
        if head.header("Content-Length") != str(size):
            raise RuntimeError("HEAD has the length " + str(head.header("Content-Length")))
        tag = head.header("ETag")
        self.owner(version, path, "-H", "If-None-Match: " + tag, want=304)
        self.owner(version, path, "-H", "If-Range: " + tag, "-r", "0-0", want=206)
        page = self.ask(version, "/login", "--compressed")
        if page.status != 200 or "</html>" not in page.body:
            raise RuntimeError("a page is not whole")
        return "ranges, ETag, HEAD"

    def refusals(self, version):
        """In the middle of a body, which is not sent to its end."""
        link = self.guest_link(version, f', "maxFileBytes":{LINK_BYTES}')
        raw, form = ("-T", self.data), ("-F", f"file=@{self.data}")
        refused = [(401, "/api/upload/a.bin", raw), (401, "/api/entry", form),
                   (413, f"/api/guest/{link}/a.bin", raw), (413, f"/api/guest/{link}", form)]
        before = (self.proxy.kind, version) == RESETS
        if before:
            refused.pop()  # the only one that is not refused before the body, for which curl asks
        for want, path, arguments in refused:
            answer = self.ask(version, path, *arguments)
            if answer.status != want:
                raise RuntimeError(f"{path} {arguments[0]}: {answer.status} instead of {want}")
            if before and answer.sent > 0:
                raise RuntimeError(f"{path} {arguments[0]}: {answer.sent} bytes were sent to be refused")
        return "401 and 413 reach the client"

    def redirect(self, version):
        answer = self.ask(version, "/login?a=b", base=f"http://{NAME}")
        if answer.status != 308 or answer.header("Location") != URL + "/login?a=b":
            raise RuntimeError(f"{answer.status} to {answer.header('Location')}")
        return "308 to https://"


def campaign(behind, report):
    """Quick: each check once, by one version or the other."""
    kind = behind.proxy.kind

    def check(call, version, *arguments):
        name = " ".join([*arguments, call.__name__.replace("_", " ")])
        try:
            report(f"{kind}: {name}, HTTP/{version}", [], call(version, *arguments))
        except Exception as error:  # an answer without what was looked for, or a dead server
            report(f"{kind}: {name}, HTTP/{version}", [f"{type(error).__name__}: {error}"], "")

    def both(*calls):
        for i, call in enumerate(calls):
            for version in [VERSIONS[i % 2]] if behind.quick else VERSIONS:
                check(call[0], version, *call[1:])

    with Watch(behind.proxy) as watch:
        both((behind.transfer, "raw"), (behind.transfer, "form"), (behind.slow_upload,),
             (behind.slow_download,))
    report(f"{kind}: what it kept", watch.problems,
           f"{watch.wrote / 1000:.0f} kB written, {watch.memory / MIB:.0f} MiB of memory")
    both((behind.address,), (behind.links,), (behind.refusals,), (behind.origins,), (behind.reading,))
    check(behind.redirect, "1.1")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    parser.add_argument("--mb", type=int, default=2048, help="the size of the file, 80 at least")
    parser.add_argument("--quick", action="store_true", help="by HTTP/1.1 or by HTTP/2, not by both")
    args = parser.parse_args()
    work, report = os.path.abspath(args.work), Report("behind a proxy")
    os.makedirs(work, exist_ok=True)
    data = work + "/data"
    digest = random_file(data, args.mb * 1_000_000)
    for kind in KINDS:
        with Server(os.path.abspath(args.binary), work + "/server", env={"PS_BEHIND_PROXY": "1"}) as s:
            proxy = Proxy(kind, f"{work}/{kind}", s.port)
            if proxy.missing:
                report.skip(kind, f"{proxy.missing} is not here")
                continue
            with proxy:
                campaign(Behind(s, proxy, data, digest, args.quick), report)
    shutil.rmtree(work, ignore_errors=True)
    sys.exit(report.failed)


if __name__ == "__main__":
    main()
