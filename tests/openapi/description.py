"""An OpenAPI description, and what is wrong with it in the light of what a server was seen to do."""
import collections
import copy
import dataclasses
import datetime
import json
import re
import urllib.parse

import jsonschema

METHODS = ("get", "put", "post", "delete", "patch")
# Of every answer of HTTP, and in no need of a description.
COMMON_HEADERS = {"date", "content-length", "content-type", "connection"}


@dataclasses.dataclass
class Exchange:
    """One request and its answer. Bodies are bytes; header names of the answer in small letters."""

    method: str
    target: str
    sent: dict
    body: bytes
    status: int
    headers: dict
    content: bytes

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return urllib.parse.parse_qsl(self.target.partition("?")[2], keep_blank_values=True)

    @property
    def media_type(self):
        return media_type(self.headers.get("content-type", ""))

    def __str__(self):
        return f"{self.method} {self.target[:60]}: {self.status}"


def media_type(value):
    return value.partition(";")[0].strip().lower()


def is_time(value):
    if isinstance(value, str):
        datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return True


FORMATS = jsonschema.FormatChecker(formats=())
FORMATS.checks("date-time", raises=ValueError)(is_time)


class Description:
    def __init__(self, document):
        self.document = document
        self.components = document["components"]
        # Members that are not described are an error in an answer, though clients should bear them.
        self.closed = copy.deepcopy(self.components)
        for schema in self.closed["schemas"].values():
            if "properties" in schema:
                schema["additionalProperties"] = False
        self.patterns = [(pattern_of(path), path) for path in document["paths"]]
        self.verdicts = {}  # of values, most of which are the same in many answers

    def resolve(self, node):
        while "$ref" in node:
            place = self.document
            for key in node["$ref"].removeprefix("#/").split("/"):
                place = place[key]
            node = place
        return node

    def operations(self):
        """(METHOD, path): operation"""
        return {(method.upper(), path): item[method] for path, item in self.document["paths"].items()
                for method in METHODS if method in item}

    def answers(self):
        """Each (METHOD, path, status, media type or None) that is described."""
        for (method, path), operation in self.operations().items():
            for status, response in operation["responses"].items():
                for kind in self.resolve(response).get("content", {None: {}}):
                    yield method, path, int(status), kind

    def path_of(self, exchange):
        """The described path; one without parameters wins."""
        found = [path for pattern, path in self.patterns if pattern.fullmatch(exchange.path)]
        return min(found, key=lambda path: path.count("{"), default=None)

    def fault(self, value, schema, components=None):
        """What is wrong with the value, JSON when it is bytes; None: nothing."""
        components = components or self.components
        if "$ref" in schema:
            schema = components["schemas"][schema["$ref"].rpartition("/")[2]]
        key = (value, id(schema))
        if key not in self.verdicts:
            value = json.loads(value) if isinstance(value, bytes) else value
            self.verdicts[key] = find_fault(value, schema, components)
        return self.verdicts[key]


def find_fault(value, schema, components):
    if "$ref" in str(schema):  # else looking for what it refers to takes longer than all the rest
        schema = {**schema, "components": components}
    validator = jsonschema.Draft202012Validator(schema, format_checker=FORMATS)
    error = next(validator.iter_errors(value), None)
    return error and f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"


def pattern_of(path):
    parts = re.split(r"\{\w+\}", path)
    return re.compile("[^/]+".join(map(re.escape, parts)))


class Judge:
    """Compares exchanges with a description; notes what was seen of it."""

    def __init__(self, description):
        self.description = description
        self.seen = set()       # (METHOD, path, status, media type)
        self.used = set()       # (METHOD, path, parameter or media type of a body)
        self.problems = collections.OrderedDict()

    def wrong(self, exchange, text):
        self.problems[f"{exchange}: {text}"] = True

    def look_at(self, exchange):
        path = self.description.path_of(exchange)
        item = self.description.document["paths"].get(path, {})
        is_head = exchange.method == "HEAD"
        method = "GET" if is_head else exchange.method
        if path is None:
            self.wrong(exchange, "the path is not described")
        elif method.lower() not in item:
            self.look_at_other_method(exchange, item)
        else:
            operation = item[method.lower()]
            self.look_at_answer(exchange, method, path, operation)
            if exchange.status < 300:
                self.look_at_request(exchange, method, path, operation)

    def look_at_other_method(self, exchange, item):
        """OPTIONS and what is not described: Allow names what is."""
        allowed = {method.upper() for method in METHODS if method in item} | {"OPTIONS"}
        if "get" in item:
            allowed.add("HEAD")
        named = set(exchange.headers.get("allow", "").split(", "))
        if exchange.status != (204 if exchange.method == "OPTIONS" else 405):
            self.wrong(exchange, "the method is not described")
        elif named != allowed:
            self.wrong(exchange, f"Allow: {', '.join(sorted(named))}; described: {', '.join(sorted(allowed))}")

    def look_at_answer(self, exchange, method, path, operation):
        response = operation["responses"].get(str(exchange.status))
        if response is None:
            self.wrong(exchange, f"the status is not described: {exchange.content[:80]}")
            return
        response = self.description.resolve(response)
        self.look_at_headers(exchange, response.get("headers", {}))
        if exchange.method == "HEAD":
            if exchange.content:
                self.wrong(exchange, "a body")
            return
        kind = self.look_at_content(exchange, response.get("content"))
        self.seen.add((method, path, exchange.status, kind))

    def look_at_headers(self, exchange, described):
        described = {name.lower(): self.description.resolve(header) for name, header in described.items()}
        for name, header in described.items():
            if name not in exchange.headers:
                if header.get("required"):
                    self.wrong(exchange, f"no header {name}")
                continue
            value = exchange.headers[name]
            schema = header["schema"]
            if schema.get("type") == "integer" and value.isdigit():
                value = int(value)
            problem = self.description.fault(value, schema)
            if problem:
                self.wrong(exchange, f"header {name}{problem}")
        for name in exchange.headers.keys() - described.keys() - COMMON_HEADERS:
            self.wrong(exchange, f"the header {name} is not described")

    def look_at_content(self, exchange, described):
        """The described media type of the body."""
        if described is None:
            if exchange.content or exchange.media_type:
                self.wrong(exchange, f"a body of {exchange.media_type} is not described")
            return None
        kind = next((kind for kind in (exchange.media_type, "*/*") if kind in described), None)
        if kind is None:
            self.wrong(exchange, f"the media type {exchange.media_type or '(none)'} is not described")
            return None
        schema = described[kind].get("schema", {})
        problem = None
        if kind.endswith("json"):
            problem = self.description.fault(exchange.content, schema, self.description.closed)
        elif schema:
            problem = self.description.fault(exchange.content.decode(), schema)
        if problem:
            self.wrong(exchange, f"body: {problem}")
        return kind

    def look_at_request(self, exchange, method, path, operation):
        """What was accepted must be described."""
        query = {}
        for parameter in map(self.description.resolve, operation.get("parameters", [])):
            if parameter["in"] == "query":
                query[parameter["name"]] = parameter["schema"]
        for name, value in exchange.query:
            problem = self.description.fault(value, query[name]) if name in query else " is not described"
            if problem:
                self.wrong(exchange, f"parameter {name}{problem}")
            self.used.add((method, path, name))
        self.look_at_request_body(exchange, method, path, operation.get("requestBody", {}).get("content", {}))

    def look_at_request_body(self, exchange, method, path, described):
        sent = media_type(exchange.sent.get("Content-Type", ""))
        if not exchange.body or sent == "":
            return
        kind = next((kind for kind in (sent, "*/*") if kind in described), None)
        if kind is None:
            return  # ignored by the server: no harm
        self.used.add((method, path, kind))
        if kind == "application/json":
            problem = self.description.fault(exchange.body, described[kind]["schema"])
            if problem:
                self.wrong(exchange, f"what was sent: {problem}")

    def look_at_security(self, exchange):
        """An exchange without credentials that would else succeed."""
        path = self.description.path_of(exchange)
        operation = self.description.operations().get((exchange.method, path))
        if operation is None:
            return
        if (exchange.status == 401) != bool(operation["security"]):
            self.wrong(exchange, f"without credentials, described: {operation['security']}")

    def never_seen(self, excepted):
        """What is described and was not seen; excepted(method, path, status, media type) is not told."""
        for answer in self.description.answers():
            if answer not in self.seen and not excepted(*answer):
                yield f"{answer[0]} {answer[1]}: {answer[2]} {answer[3] or 'without a body'} was never seen"
        for (method, path), operation in self.description.operations().items():
            wanted = [p["name"] for p in map(self.description.resolve, operation.get("parameters", []))
                      if p["in"] == "query"] + list(operation.get("requestBody", {}).get("content", {}))
            for name in wanted:
                if (method, path, name) not in self.used:
                    yield f"{method} {path}: {name} was never used"
