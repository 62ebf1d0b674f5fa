// Names of files as they come from anywhere: kept as they are or refused, shown without disturbing
// what stands around them, and harmless where they are saved.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { logIn, suite } from "./browser.mjs";
import { temporaryDirectory } from "./fixtures.mjs";

const OVERRIDE = "\u202e"; // right-to-left from here on
const NAMES = [
  `invoice-${OVERRIDE}gpj.exe`,
  `${OVERRIDE}\u2067\u2066txt.\u200fa`,
  "שלום עולם.txt",
  "quotes \"double\" 'single' `back`.txt",
  "<b>bold</b>.txt".replaceAll("/", ""),
  "semi;colon, comma=equals.txt",
  "per%cent %41%00%2F..%2f.txt",
  "{{braces}}.txt",
  "C:drive.txt",
  "stream.txt:hidden",
  "NUL.txt",
  "CON",
  ".bashrc",
  "-rf",
  "~",
  "$(id).txt",
  "spaces   in  it.txt",
  "写".repeat(85),
  "😀 emoji\u200d.txt",
  "line\u2028separator.txt",
  `${"a".repeat(251)}.txt`,
];
const REFUSED = ["..", "../up.txt", "a/b.txt", "a\\b.txt", "a\nb.txt", "a\rb.txt", "a\tb.txt", "a\0b.txt",
  "a\x01b.txt", "a\x1bb.txt", "a\x7fb.txt", "写".repeat(86), "a".repeat(256), "..hidden", "."];
const REFUSED_BYTES = ["%ff.txt", "%c0%ae%c0%ae.txt", "%ed%a0%80.txt", "%e5%86", "%f5%80%80%80"];

const put = (page, encoded) => page.request.put(`/api/upload/${encoded}`, { data: "contents" });

// RFC 8187, which is what browsers prefer where it is.
function nameInHeader(header) {
  const found = /filename\*=UTF-8''([^;]*)$/i.exec(header);
  return found === null ? plainNameInHeader(header) : decodeURIComponent(found[1]);
}

// The name in the form that every program understands.
function plainNameInHeader(header) {
  return /filename="((?:[^"\\]|\\.)*)"/.exec(header)[1].replaceAll(/\\(.)/g, "$1");
}

// Runs in a page: text with an override in a place that it shares with other text.
function findSpills(override) {
  const spills = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const encloses = (element) =>
    /isolate|plaintext/.test(getComputedStyle(element).unicodeBidi) ||
    !/inline|contents/.test(getComputedStyle(element).display);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent;
    let element = walker.currentNode.parentElement;
    if (!text.includes(override) || /SCRIPT|STYLE/.test(element.tagName)) {
      continue;
    }
    while (!encloses(element)) {
      element = element.parentElement;
    }
    if (element.textContent.trim() !== text.trim()) {
      spills.push(element.outerHTML);
    }
  }
  return spills;
}

suite("names of files", (test) => {
  const directory = temporaryDirectory();

  test("are stored as they are, or refused", { timeout: 120_000 }, async ({ page, server }) => {
    await logIn(page, "/files");
    for (const encoded of [...REFUSED.map(encodeURIComponent), ...REFUSED_BYTES]) {
      const response = await put(page, encoded);
      assert.ok([301, 400, 404].includes(response.status()), `${encoded}: ${response.status()}`);
    }
    const shown = [];
    for (const name of NAMES) {
      const response = await put(page, encodeURIComponent(name));
      assert.equal(response.status(), 200, name);
      const { id } = await response.json();
      shown.push([id, name]);
      const header = (await page.request.head(`/-${id}`)).headers()["content-disposition"];
      assert.match(header, /^[ -~]*$/, "nothing but ASCII");
      assert.equal(nameInHeader(header), name);
      assert.doesNotMatch(plainNameInHeader(header), /[\\/\r\n]|^\.\.|^$/);

      // curl saves it below this name, beside nothing else.
      execFileSync("curl", ["-sSOJ", `${server.url}/-${id}?download=1`], { cwd: directory.path });
      const saved = readdirSync(directory.path);
      assert.equal(saved.length, 1, `${name}: ${saved}`);
      if (/^[\w.$()~ -]+$/.test(name)) {
        assert.deepEqual(saved, [name]);
      }
      rmSync(`${directory.path}/${saved[0]}`);
    }

    await page.goto("/files?sort=name");
    const rows = page.locator("tbody tr");
    const listed = await rows.evaluateAll((all) => all.map((row) => [
      row.getAttribute("test-data-filename"), row.querySelector("td").textContent]));
    assert.deepEqual(listed.map(([name]) => name).sort(), [...NAMES].sort());
    listed.forEach(([name, text]) => assert.equal(text, name));
    const [[id, name]] = shown;
    await page.request.put(`/api/entry/${id}`, { data: { filename: name, note: `note ${OVERRIDE}eton` } });
    for (const path of ["/files", `/files?q=${encodeURIComponent(OVERRIDE)}`, `/files/${id}/info`,
      `/files/${id}/edit`, `/files/${id}/confirm-delete`, `/files/${id}/downloads`]) {
      await page.goto(path);
      assert.ok((await page.content()).includes(OVERRIDE), path);
      assert.deepEqual(await page.evaluate(findSpills, OVERRIDE), [], path);
    }
    await page.goto(`/files/${id}/edit`);
    assert.equal(await page.locator("#filename").inputValue(), name);
    // What the upload page makes of it.
    await page.goto("/");
    await page.locator(".file-input").setInputFiles(["1", "2"].map((number) => ({
      name: `${number}${name}`,
      mimeType: "text/plain",
      buffer: Buffer.from("x"),
    })));
    await page.locator("#upload-result").waitFor();
    assert.deepEqual(await page.evaluate(findSpills, OVERRIDE), []);
  });

  test("are harmless where a browser saves them", { timeout: 120_000 }, async ({ page }) => {
    await logIn(page, "/files");
    for (const name of NAMES) {
      const { id } = await (await put(page, encodeURIComponent(name))).json();
      const download = page.waitForEvent("download");
      await page.evaluate((path) => location.assign(path), `/-${id}?download=1`);
      const suggested = (await download).suggestedFilename();
      assert.doesNotMatch(suggested, /[/\\\0-\x1f]|^\.\.|^$/, name);
      if (/^[\w$() -][\w.$() -]*$/.test(name) && name !== "CON" && name !== "NUL.txt") {
        assert.equal(suggested, name);
      }
    }
  });
});
