// What the pages weigh, where their parts come from, and the policy that they bear.

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { logIn, suite } from "./browser.mjs";
import { EXPECTED_MESSAGES, everyPlace, store } from "./walk.mjs";

const MOST_BYTES = 60_000;
const STATIC = fileURLToPath(new URL("../../static/", import.meta.url));
const WALK_MS = 120_000;

const POLICY = {
  "default-src": "'self'",
  "script-src": "'self'",
  "style-src": "'self'",
  "img-src": "'self' data:",
  "media-src": "'self' data:",
  "frame-ancestors": "'none'",
  "base-uri": "'none'",
  "form-action": "'self'",
};

const packed = (text) => gzipSync(text, { level: 9 }).length;

// The policy as an object, so that its order does not matter.
function policyOf(header) {
  return Object.fromEntries(
    (header ?? "")
      .split(";")
      .map((directive) => directive.trim().split(/ (.*)/))
      .filter(([name]) => name !== ""),
  );
}

// Which page an address shows, whatever file or link it is about.
const pattern = (url) => new URL(url).pathname.replace(/^\/(files|g)\/[^/]+/, "/$1/{}");

// Every document that a walk gets to see, as { url, status, headers, text }.
async function documentsOfWalk(page, eachPlace) {
  const documents = [];
  page.on("response", (response) => {
    if (response.request().resourceType() === "document" && response.status() !== 303) {
      documents.push(
        response.text().then((text) => ({
          url: response.url(),
          status: response.status(),
          headers: response.headers(),
          text,
        })),
      );
    }
  });
  for await (const place of everyPlace(page)) {
    await eachPlace(place);
  }
  return Promise.all(documents);
}

// Runs in the page: what the policy forbids, if it were not for the policy.
function inlineParts() {
  const all = (root) =>
    [...root.querySelectorAll("*")].flatMap((element) => [
      element,
      ...(element.shadowRoot === null ? [] : all(element.shadowRoot)),
    ]);
  return all(document)
    .filter(
      (element) =>
        element.matches("style, [style], script:not([src], [type='application/json'])") ||
        element.getAttributeNames().some((name) => name.startsWith("on")),
    )
    .map((element) => element.outerHTML.slice(0, 80));
}

suite("all pages together", (test) => {
  // One walk for all of it: what came with each document, and what each place then looked like.
  test("weigh at most 60 kB, load nothing from elsewhere, and bear the policy",
    { timeout: WALK_MS },
    async ({ page, server, expectConsole }) => {
      expectConsole(EXPECTED_MESSAGES);
      const foreign = [];
      const inline = [];
      page.on("request", (request) => {
        const { origin, protocol } = new URL(request.url());
        if (origin !== server.url && protocol !== "data:") {
          foreign.push(request.url());
        }
      });
      const documents = await documentsOfWalk(page, async (place) => {
        const found = await page.evaluate(inlineParts);
        inline.push(...found.map((part) => `${place}: ${part}`));
      });
      assert.ok(documents.length >= 30, `${documents.length} documents`);
      assert.deepEqual(foreign, []);
      assert.deepEqual(inline, []);
      for (const { url, status, headers, text } of documents) {
        const where = `${url} (${status})`;
        assert.doesNotMatch(text, /<[^>]+\s(style|on\w+)\s*=|<style|<script>|javascript:/i, url);
        assert.deepEqual(policyOf(headers["content-security-policy"]), POLICY, where);
        assert.equal(headers["x-content-type-options"], "nosniff", where);
        assert.equal(headers["referrer-policy"], "same-origin", where);
        assert.equal(headers["cache-control"], "no-store", where);
      }
      await checkWeight(documents, server);
    });

  test("also without JavaScript", { javaScriptEnabled: false }, async ({ page }) => {
    await logIn(page);
    const id = await store(page, "plain.txt");
    await page.goto("/");
    await page.setInputFiles(".file-input", {
      name: "by form.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("x"),
    });
    const answer = page.waitForResponse((response) => response.status() === 200);
    await page.getByRole("button", { name: "Upload" }).click();
    const headers = await (await answer).allHeaders();
    assert.deepEqual(policyOf(headers["content-security-policy"]), POLICY);
    await page.getByText("Upload complete!").waitFor();
    assert.doesNotMatch(await page.content(), /\sstyle=|<script>/);
    const download = await page.request.get(`/-${id}`);
    assert.equal(download.headers()["content-security-policy"], "sandbox");
  });
});

// The heaviest form of each page, and every style sheet and script.
async function checkWeight(documents, server) {
  const weights = {};
  for (const { url, text } of documents) {
    const name = pattern(url);
    weights[name] = Math.max(weights[name] ?? 0, packed(text));
  }
  for (const name of ["/", "/login", "/files", "/files/{}/downloads", "/g/{}", "/information"]) {
    assert.ok(name in weights, `${name} was not seen`);
  }
  for (const folder of ["css", "js"]) {
    for (const name of await readdir(`${STATIC}${folder}`)) {
      const response = await fetch(`${server.url}/${folder}/${name}`);
      assert.equal(response.status, 200);
      weights[`/${folder}/${name}`] = packed(await response.text());
    }
  }
  const sum = Object.values(weights).reduce((total, bytes) => total + bytes, 0);
  assert.ok(sum <= MOST_BYTES, `${sum} bytes: ${JSON.stringify(weights, null, 1)}`);
}

// The other tests demand an empty console; here it must not be empty.
suite("the browser's console", (test) => {
  test("tells of what the policy forbids", {}, async ({ page, expectConsole }) => {
    const forbidden = /Content Security Policy/i;
    expectConsole(forbidden);
    await page.goto("/");
    for (const forbiddenPart of [
      () => document.body.setAttribute("style", "color: red"),
      () => {
        const script = document.createElement("script");
        script.textContent = "document.title = 'executed'";
        document.body.append(script);
      },
    ]) {
      const report = page.waitForEvent("console", (message) => forbidden.test(message.text()));
      await page.evaluate(forbiddenPart);
      await report;
    }
    assert.equal(await page.title(), "PicoShare");
  });
});
