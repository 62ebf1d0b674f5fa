#!/usr/bin/env python3
"""Requests that two programs may read differently, sent through reverse proxies and directly.

    tests/campaigns/smuggling.py BINARY WORK_DIRECTORY

Each hides a second request in what is a body by one of the two readings. Prints "ok …", "FAIL …" and
"SKIP …" lines, one for every way to the program: the program answers no more requests than the sender
was given answers, so proxy and program agree on how many there are, and no other client of the proxy
gets an answer that is not its own. Sent directly, the hidden request never reaches the access log.
"""
import argparse
import concurrent.futures
import contextlib
import os
import re
import shutil
import sys

from load import Report
from proxies import KINDS, SHARED, Proxy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "bench"))
from server import Server, read  # noqa: E402

SILENCE_S = 1.5  # a request that is incomplete to the receiver ends so
ANSWER_S = 30
AT_ONCE = 6
VICTIMS = 2
VICTIM_REQUEST = b"GET /favicon-16x16.png HTTP/1.1\r\nHost: share.example.com\r\nConnection: close\r\n\r\n"
VICTIM_END = b"IEND\xaeB`\x82"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class Payload:
    """make(n) is what the n-th sender sends. With `plain` it holds two requests by the only reading
    there is without a proxy: its framing header is none, or its last line is right but for its
    end."""

    def __init__(self, name, make, plain=False):
        self.name, self.make, self.plain = name, make, plain


def hidden(n):
    return b"GET /smuggled-%d HTTP/1.1\r\nHost: share.example.com\r\n\r\n" % n


def post(headers, body, line=b"POST /api/auth?carrier-%d HTTP/1.1", end=b"\r\n"):
    """headers and body may be functions of the hidden request."""
    def make(n):
        h = headers(hidden(n)) if callable(headers) else headers
        b = body(hidden(n)) if callable(body) else body
        first = line % n if b"%d" in line else line
        return end.join([first, b"Host: share.example.com", *h, b"", b""]) + b
    return make


def lengths(template):
    """The hidden request as a body whose length is written in another way."""
    return post(lambda h: [template % len(h)], lambda h: h)


def cl_te(*te):
    """By Content-Length all is one body; in chunks it ends at once."""
    return post(lambda h: [b"Content-Length: %d" % (len(h) + 5), *te], lambda h: b"0\r\n\r\n" + h)


def te_cl(*te):
    """In chunks all is one body; by Content-Length it ends before the hidden request."""
    def make(h):
        return chunk(h + b"x=") + b"0\r\n\r\n"
    return post(lambda h: [b"Content-Length: %d" % (make(h).index(b"\r\n") + 2), *te], make)


def chunked(body, *more):
    return post([b"Transfer-Encoding: chunked", *more], body)


TE = b"Transfer-Encoding: chunked"

CODINGS = {
    "chunked": [TE],
    "lower case": [b"transfer-encoding: CHUNKED"],
    "blank before the colon": [b"Transfer-Encoding : chunked"],
    "tab after the colon": [b"Transfer-Encoding:\tchunked"],
    "vertical tab": [b"Transfer-Encoding:\x0bchunked"],
    "blank before the name": [b" Transfer-Encoding: chunked"],
    "folded": [b"Transfer-Encoding:", b" chunked"],
    "folded away": [b"X-Forwarded-For: 192.0.2.1", b"\tTransfer-Encoding: chunked"],
    "a bare line feed before": [b"X: x\nTransfer-Encoding: chunked"],
    "a bare carriage return before": [b"X: x\rTransfer-Encoding: chunked"],
    "NUL before": [b"X: x\0Transfer-Encoding: chunked"],
    "NUL behind": [b"Transfer-Encoding: chunked\0"],
    "NUL in the name": [b"Transfer\0-Encoding: chunked"],
    "another word": [b"Transfer-Encoding: xchunked"],
    "quoted": [b'Transfer-Encoding: "chunked"'],
    "identity first": [b"Transfer-Encoding: identity, chunked"],
    "identity last": [b"Transfer-Encoding: chunked, identity"],
    "twice": [TE, TE],
    "twice in a list": [b"Transfer-Encoding: chunked, chunked"],
    "two, the first unknown": [b"Transfer-Encoding: x", TE],
    "two, the second unknown": [TE, b"Transfer-Encoding: x"],
    "empty first": [b"Transfer-Encoding: ", TE],
    "a comma first": [b"Transfer-Encoding: , chunked"],
    "a parameter": [b"Transfer-Encoding: chunked;q=1"],
    "an underscore": [b"Transfer_Encoding: chunked"],
    "a high byte": [b"Transfer-Encoding: chunked\xa0"],
    "a name with a quote": [b"'Transfer-Encoding: chunked"],
    "named by Connection": [b"Connection: Transfer-Encoding", TE],
    "with an upgrade": [b"Connection: Upgrade", b"Upgrade: h2c", TE],
}

LENGTHS = [
    b"Content-Length: +%d", b"Content-Length: -%d", b"Content-Length: 0%d", b"Content-Length: %d, %d",
    b"Content-Length: 0, %d", b"Content-Length: %d\r\nContent-Length: 0",
    b"Content-Length: 0\r\nContent-Length: %d", b"Content-Length: %d\r\ncontent-length: %d",
    b"Content-Length: 0x%x", b"Content-Length: %d.0", b"Content-Length: %de0", b"Content-Length: %d;",
    b"Content-Length : %d", b" Content-Length: %d", b"Content-Length:\r\n %d", b"Content-Length: %d\0",
    b"Content-Length: %d\x0b", b'Content-Length: "%d"', b"Content-Length: 18446744073709551616%d",
    b"Content-Length: 1844674407370955%d", b"Content_Length: %d", b"X: x\nContent-Length: %d",
    b"X: x\rContent-Length: %d", b"X: x\0\r\nContent-Length: %d", b"Content-Length: %d\r\nExpect: 100-continue",
    b"Content-Length: %d\r\nExpect: something-else", b"Content-Length: %d\r\nConnection: Content-Length",
    b"Content-Length: %d\r\nUpgrade: websocket\r\nConnection: Upgrade",
]

CHUNKS = {
    "an extension": lambda h: b"2;a=b\r\n{}\r\n0\r\n\r\n",
    "an extension that ends with a line feed": lambda h: b"2;\nxx\r\n%x\r\n0\r\n\r\n%s\r\n0\r\n\r\n"
                                                       % (len(h) + 5, h),
    "a long extension": lambda h: b"2;" + b"a" * 20000 + b"\r\n{}\r\n0\r\n\r\n",
    "a size of 17 digits": lambda h: b"1%016x\r\n%s\r\n0\r\n\r\n" % (len(h), h),
    "a size with zeros": lambda h: b"%040x\r\n%s\r\n0\r\n\r\n" % (len(h), h),
    "a size with 0x": lambda h: b"0x%x\r\n%s\r\n0\r\n\r\n" % (len(h), h),
    "a signed size": lambda h: b"+%x\r\n%s\r\n0\r\n\r\n" % (len(h), h),
    "a negative size": lambda h: b"-1\r\n\r\n" + h,
    "a size with an underscore": lambda h: b"0_1\r\n" + h,
    "a blank behind the size": lambda h: b"%x \r\n%s\r\n0\r\n\r\n" % (len(h), h),
    "a blank before the size": lambda h: b" %x\r\n%s\r\n0\r\n\r\n" % (len(h), h),
    "bare line feeds": lambda h: b"2\n{}\n0\n\n" + h,
    "a bare carriage return": lambda h: b"2\r{}\r0\r\r" + h,
    "no line end behind the data": lambda h: b"2\r\n{}0\r\n\r\n" + h,
    "more data than its size": lambda h: b"2\r\n{}xx\r\n0\r\n\r\n" + h,
    "a missing size": lambda h: b"\r\n" + h,
    "a trailer that is a length": lambda h: b"0\r\nContent-Length: %d\r\n\r\n" % len(h),
    "a trailer without a colon": lambda h: b"0\r\nGET /smuggled HTTP/1.1\r\n\r\n",
    "no end": lambda h: b"0\r\n",
}

LINES = {
    "tabs": b"POST\t/api/auth?carrier-%d\tHTTP/1.1",
    "two blanks": b"POST  /api/auth?carrier-%d  HTTP/1.1",
    "something behind": b"POST /api/auth?carrier-%d HTTP/1.1 x",
    "two versions": b"POST /api/auth?carrier-%d HTTP/1.1 HTTP/1.1",
    "HTTP/1.0": b"POST /api/auth?carrier-%d HTTP/1.0",
    "HTTP/0.9": b"POST /api/auth?carrier-%d HTTP/0.9",
    "HTTP/1.2": b"POST /api/auth?carrier-%d HTTP/1.2",
    "HTTP/2.0": b"POST /api/auth?carrier-%d HTTP/2.0",
    "http/1.1": b"POST /api/auth?carrier-%d http/1.1",
    "a blank before": b" POST /api/auth?carrier-%d HTTP/1.1",
    "an empty line before": b"\r\nPOST /api/auth?carrier-%d HTTP/1.1",
    "another host in it": b"POST http://other.example/api/auth?carrier-%d HTTP/1.1",
    "a fragment": b"POST /api/auth?carrier-%d#x HTTP/1.1",
    "an encoded line end": b"POST /api/auth?carrier-%d%%0d%%0aX:x HTTP/1.1",
    "a bare carriage return": b"POST /api/auth?carrier-%d\rHTTP/1.1",
    "another method": b"FETCH /api/auth?carrier-%d HTTP/1.1",
    "GET": b"GET /login?carrier-%d HTTP/1.1",
    "HEAD": b"HEAD /login?carrier-%d HTTP/1.1",
    "OPTIONS": b"OPTIONS /login?carrier-%d HTTP/1.1",
    "DELETE": b"DELETE /api/auth?carrier-%d HTTP/1.1",
    "PUT": b"PUT /api/upload/x?carrier-%d HTTP/1.1",
    "an unknown path": b"POST /nothing?carrier-%d HTTP/1.1",
    "an upload": b"POST /api/entry?carrier-%d HTTP/1.1",
}


def payloads():
    for name, te in CODINGS.items():
        yield Payload(f"CL.TE, {name}", cl_te(*te))
        yield Payload(f"TE.CL, {name}", te_cl(*te),
                      name in ("an underscore", "a name with a quote", "NUL before"))
    for template in LENGTHS:
        count = template.count(b"%d") + template.count(b"%x")
        yield Payload(repr(template.decode("latin-1")),
                      post(lambda h, t=template, c=count: [t % ((len(h),) * c)], lambda h: h),
                      template.startswith(b"Content_Length"))
    for name, body in CHUNKS.items():
        yield Payload(f"a chunk with {name}", chunked(body), name == "bare line feeds")
    for name, line in LINES.items():
        yield Payload(f"a request line with {name}",
                      post(lambda h: [b"Content-Length: %d" % len(h)], lambda h: h, line))
        yield Payload(f"chunks and a request line with {name}",
                      post([TE], lambda h: chunk(h) + b"0\r\n\r\n", line))
    yield Payload("bare line feeds", post(lambda h: [b"Content-Length: %d" % len(h)], lambda h: h,
                                          end=b"\n"))
    yield Payload("HTTP/1.0, kept alive, in chunks",
                  post([b"Connection: keep-alive", TE], lambda h: b"0\r\n\r\n" + h,
                       b"POST /api/auth?carrier-%d HTTP/1.0"))
    yield Payload("two hosts", post(lambda h: [b"Host: other", b"Content-Length: %d" % len(h)],
                                    lambda h: h))
    yield Payload("a host with a blank",
                  post(lambda h: [b"Host : other", b"Content-Length: %d" % len(h)], lambda h: h))
    yield Payload("a length beyond the end", post([b"Content-Length: 1000"], hidden_start))


def hidden_start(h):
    return h[:-2] + b"X: "


def exchange(connect, data):
    """What comes back until the connection is closed or nothing has come for a while; and whether it
    was closed."""
    received = b""
    with connect(ANSWER_S) as s:
        s.settimeout(SILENCE_S)
        try:
            s.sendall(data)
            while piece := s.recv(65536):
                received += piece
        except TimeoutError:
            return received, False
        except OSError:
            pass
    return received, True


def answers(received, to_head):
    """Final answers in what was received; those to HEAD have no body."""
    count = 0
    while found := re.match(rb"HTTP/1\.\d (\d+)[^\n]*\r\n((?:[^\n]+\r\n)*)\r\n", received):
        received = received[found.end():]
        status, head = int(found.group(1)), found.group(2).lower()
        if status < 200:
            continue
        count += 1
        length = re.search(rb"content-length: *(\d+)", head)
        if length and not (to_head and count == 1) and status not in (204, 304):
            received = received[int(length.group(1)):]
        elif b"transfer-encoding" in head:
            received = received.partition(b"0\r\n\r\n")[2]
    return count


def attack(connect, n, payload):
    """How many answers the sender is given, or waits for; and what others were given wrongly."""
    problems = []
    sent = payload.make(n)
    received, closed = exchange(connect, sent + b"GET /probe-%d HTTP/1.1\r\nHost: share.example.com\r\n"
                                b"Connection: close\r\n\r\n" % n)
    got = answers(received, b"HEAD /" in sent) + (0 if closed else 1)
    for _ in range(VICTIMS):
        with connect(ANSWER_S) as s:
            s.sendall(VICTIM_REQUEST)
            answer = b""
            while piece := s.recv(65536):
                answer += piece
        if not answer.startswith(b"HTTP/1.1 200") or VICTIM_END not in answer:
            problems.append(f"{payload.name}: somebody else got {answer[:60]!r}")
    return got, problems


def run(connect, access_log, first, direct):
    """Sends everything one way; problems and how many were sent."""
    all_payloads = list(payloads())
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda item: attack(connect, first + item[0], item[1]),
                                 enumerate(all_payloads)))
    log = read(access_log)
    problems = []
    for i, (payload, (got, found)) in enumerate(zip(all_payloads, outcomes)):
        problems += found
        seen = len(re.findall(rf'(?:carrier|probe|smuggled)-{first + i}\b.*" (?!499)\d+ ', log))
        if direct and not payload.plain and re.search(rf"smuggled-{first + i}\b", log):
            problems.append(f"{payload.name}: the hidden request arrived")
        if seen > got:
            problems.append(f"{payload.name}: {seen} requests arrived, {got} answers came back")
    return problems, len(all_payloads), sum(got for got, _ in outcomes)


def campaign(binary, work, report):
    """report(name, problems, text) or report.skip(name, why) for every way to the program."""
    with Server(os.path.abspath(binary), work + "/server", env={"PS_BEHIND_PROXY": "1"}) as s:
        ways = {"directly": None, **{kind: Proxy(kind, f"{work}/{kind}", s.port, SHARED.get(kind, ()))
                                     for kind in KINDS}}
        for i, (way, proxy) in enumerate(ways.items()):
            if proxy is not None and proxy.missing:
                report.skip(f"smuggling: {way}", f"{proxy.missing} is not here")
                continue
            with proxy if proxy is not None else contextlib.nullcontext(s) as target:
                problems, sent, got = run(target.connect, s.dir + "/stdout", 1000 * (i + 1), proxy is None)
            report(f"smuggling: {way}", problems, f"{sent} payloads, {got} answers, none was smuggled")
        if s.process.poll() is not None:
            report("smuggling: the end", ["the server has ended: " + read(s.log)[-2000:]], "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("binary")
    parser.add_argument("work")
    args = parser.parse_args()
    report = Report("hostile")
    campaign(args.binary, os.path.abspath(args.work), report)
    shutil.rmtree(args.work, ignore_errors=True)
    sys.exit(report.failed)


if __name__ == "__main__":
    main()
