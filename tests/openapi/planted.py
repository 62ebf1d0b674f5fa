"""Mistakes in a description, each of which must be found. They change the document in place."""


def operation(document, path, method):
    return document["paths"][path][method]


def component(document, kind, name):
    return document["components"][kind][name]


def move(place, old, new):
    place[new] = place.pop(old)


def other_operation(document):
    item = document["paths"]["/api/entry/{id}"]
    item["patch"] = item["put"]


def other_status(document):
    responses = operation(document, "/api/settings", "put")["responses"]
    responses["402"] = responses["400"]


def other_parameter(document):
    operation(document, "/api/guest-links", "post")["parameters"] = [{"$ref": "#/components/parameters/Note"}]


def required_header(document):
    headers = component(document, "responses", "Empty")["headers"]
    headers["Retry-After"] = {"$ref": "#/components/headers/RetryAfter"}


def required_member(document):
    component(document, "schemas", "System")["required"].append("load")


def not_public(document):
    operation(document, "/api/guest/{id}", "post")["security"] = [{"session": []}]


def smaller_limit(document):
    component(document, "schemas", "NewGuestLink")["properties"]["maxFileUploads"]["maximum"] = 2


MISTAKES = {
    "a path is not described": lambda d: d["paths"].pop("/api/settings"),
    "a path is described that is none": lambda d: move(d["paths"], "/api/settings", "/api/preferences"),
    "a path is called otherwise": lambda d: move(d["paths"], "/api/guest/{id}", "/api/guests/{id}"),
    "a method is not described": lambda d: d["paths"]["/api/entry/{id}"].pop("delete"),
    "a method is described that is none": other_operation,
    "a status is not described": lambda d: operation(d, "/api/guest/{id}", "post")["responses"].pop("413"),
    "a status is described that is none": other_status,
    "a form of errors is not described":
        lambda d: component(d, "responses", "NotFound")["content"].pop("application/problem+json"),
    "a form of errors is described that is none":
        lambda d: move(component(d, "responses", "NotFound")["content"], "text/plain", "text/csv"),
    "a body is not described": lambda d: component(d, "responses", "CrossSite").pop("content"),
    "a header is not described": lambda d: component(d, "responses", "TooManyAttempts")["headers"].pop("Retry-After"),
    "a header is described that is none": required_header,
    "a header's value is wrong":
        lambda d: component(d, "headers", "Revalidate")["schema"].update(const="no-cache"),
    "a text is wrong": lambda d: component(d, "schemas", "ErrorText").update(pattern="^no$"),
    "a member is not described": lambda d: component(d, "schemas", "System")["properties"].pop("pages"),
    "a member is described that is none": required_member,
    "a member's type is wrong":
        lambda d: component(d, "schemas", "System")["properties"]["uptimeSeconds"].update(type="string"),
    "a parameter is not described": lambda d: operation(d, "/api/entry", "post")["parameters"].pop(),
    "a parameter is described that is none": other_parameter,
    "a form of request is not described":
        lambda d: move(operation(d, "/api/entry", "post")["requestBody"]["content"], "multipart/form-data", "text/csv"),
    "a limit is too low": smaller_limit,
    "sign-in is not needed": lambda d: operation(d, "/api/system", "get").update(security=[]),
    "sign-in is needed": not_public,
    "the version is another one": lambda d: d["info"].update(version="0.0.1"),
}
