#!/usr/bin/env python3
"""Compares static/api/openapi.json with what the program does: each route of its table is described
and none else, and servers are asked until they have given each answer that is described. Then
mistakes are planted in the description: each must be found.

Usage: tests/openapi/check.py PICOSHARE DIRECTORY
Prints a line "ok …", "FAIL …" or "SKIP …" for each operation and each planted mistake."""
import json
import pathlib
import re
import sys

try:
    import jsonschema  # noqa: F401
except ImportError:
    print("SKIP openapi: Python has no jsonschema here")
    sys.exit(0)

from description import Description, Judge
from planted import MISTAKES
from provoke import Record

ROOT = pathlib.Path(__file__).resolve().parents[2]
DESCRIPTION = ROOT / "static/api/openapi.json"
# Of the table of routes: pages are for people, /! is /-, and PUT /api/upload/ lacks a name, which is 400.
NOT_DESCRIBED = re.compile(r"(?!/api/|/-|/healthz$|/metrics$)|/api/upload/$")
FILLING = {("POST", "/api/entry"), ("PUT", "/api/upload/{filename}"), ("POST", "/api/guest/{id}"),
           ("PUT", "/api/guest/{id}/{filename}"), ("POST", "/api/system/backup")}


def routes():
    """(METHOD, path with {} for parameters) of the program's own table."""
    source = (ROOT / "src/web/routes.c").read_text()
    table = source.partition("struct route routes[] = {")[2].partition("\n};")[0]
    found = set(re.findall(r'^    \{"(\w+)", "([^"]+)"', table, re.M))
    assert len(found) > 30, "src/web/routes.c is not read any more"
    return {(method, path) for method, path in found if not NOT_DESCRIBED.match(path)}


def check_routes(description):
    """The table's prefix /-{}* is two paths of the description; what is packed into the program is
    not in the table."""
    described = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in description.operations()}
    downloads = {("GET", "/-{}"), ("GET", "/-{}/{}")}
    if downloads <= described:
        described = described - downloads | {("GET", "/-{}*")}
    table = routes() | {("GET", "/api/openapi.json")}
    for method, path in sorted(table - described):
        yield f"{method} {path} is a route and is not described"
    for method, path in sorted(described - table):
        yield f"{method} {path} is described and is no route"


def check_version(description, record):
    version = description.document["info"]["version"]
    figures = next(e for e in record.exchanges if e.target == "/api/system" and e.status == 200)
    real = json.loads(figures.content)["version"]
    if version != real:
        yield f"info.version is {version}, the program's is {real}"


def is_excepted(record, method, path, status):
    """Whether an answer need not be seen: where the disk must be full to its last page, so that a
    small change fails (tests/http/test_disk_full.c has that), and where it cannot be filled here."""
    return status == 507 and ((method, path) not in FILLING or not record.has_small_disk)


def problems(document, record):
    description = Description(document)
    judge = Judge(description)
    for exchange in record.exchanges:
        judge.look_at(exchange)
    for exchange in record.strangers:
        judge.look_at_security(exchange)
    unseen = judge.never_seen(lambda method, path, status, _: is_excepted(record, method, path, status))
    return [*check_routes(description), *check_version(description, record), *judge.problems, *unseen]


def report(document, record, found):
    for problem in found:
        print(f"FAIL openapi: {problem}")
    description = Description(document)
    answers = [answer[:3] for answer in description.answers()]
    excepted = {answer for answer in answers if is_excepted(record, *answer)}
    if not found:
        print(f"ok openapi: {len(record.exchanges)} answers are as described, of {len(description.operations())}"
              f" operations; all kinds were seen but {len(excepted)} of a full disk")
    if not record.has_small_disk:
        print("SKIP openapi: uploads and backups on a full disk: a small file system cannot be mounted here")


def main():
    binary, directory = (str(pathlib.Path(argument).resolve()) for argument in sys.argv[1:])
    text = DESCRIPTION.read_bytes()
    record = Record(binary, directory)
    found = problems(json.loads(text), record)
    report(json.loads(text), record, found)
    for name, plant in MISTAKES.items():
        wrong = json.loads(text)
        plant(wrong)
        new = set(problems(wrong, record)) - set(found)
        print(f"{'ok' if new else 'FAIL'} openapi: it would be found that {name}")
    sys.exit(1 if found else 0)


main()
