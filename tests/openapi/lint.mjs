#!/usr/bin/env node
// Lints a description of OpenAPI: whether it is valid, consistent and complete, examples too. Then
// mistakes are planted in it: each must be found.
// Usage: tests/openapi/lint.mjs DESCRIPTION
// Prints a line "ok …" or "FAIL …" for each problem, warnings too, and each planted mistake.
import { readFileSync } from "node:fs";
import { createConfig, lintFromString } from "@redocly/openapi-core";

const config = await createConfig({
  extends: ["recommended-strict"],
  rules: {
    "no-invalid-media-type-examples": "error",
    "no-invalid-parameter-examples": "error",
    "no-invalid-schema-examples": "error",
    "no-unused-components": "error",
    "operation-tag-defined": "error",
    "tag-description": "error",
  },
});

const mistakes = {
  "the licence is missing": (d) => delete d.info.license,
  "an operationId is used twice": (d) => (d.paths["/healthz"].get.operationId = "getSystem"),
  "a path parameter is missing": (d) => delete d.paths["/api/entry/{id}"].put.parameters,
  "a reference leads nowhere": (d) => delete d.components.schemas.Note,
  "a type is none": (d) => (d.components.schemas.GuestLink.type = "objekt"),
  "an example is wrong": (d) => (d.components.schemas.EntryId.examples = ["l"]),
  "a component is not used": (d) => (d.components.schemas.Other = { type: "string" }),
};

function find(text) {
  return lintFromString({ source: text, absoluteRef: process.argv[2], config });
}

function report(isGood, text) {
  console.log(`${isGood ? "ok" : "FAIL"} openapi-lint: ${text}`);
  process.exitCode ||= isGood ? 0 : 1;
}

const text = readFileSync(process.argv[2], "utf8");
const problems = await find(text);
for (const { ruleId, location, message } of problems) {
  report(false, `${ruleId}: ${location[0]?.pointer ?? ""}: ${message.replaceAll(/\s+/g, " ")}`);
}
if (problems.length === 0) {
  report(true, process.argv[2]);
}
for (const [name, plant] of Object.entries(mistakes)) {
  const document = JSON.parse(text);
  plant(document);
  report((await find(JSON.stringify(document))).length > problems.length, `it would be found that ${name}`);
}
