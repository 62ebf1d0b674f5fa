// The upload page in WebKit, which iPhones and Safari have.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { bigFile, temporaryDirectory, textFile } from "./fixtures.mjs";
import { PASSPHRASE, digestOfUrl, startServer } from "./server.mjs";
import { missing, startWebKit } from "./webkit.mjs";

const SHORT_LINK = `return document.querySelector("#upload-result upload-links")?.shadowRoot
  .querySelector("#short-link-box").shadowRoot.querySelector("#link").href`;
const MESSAGE = `return document.querySelector("#upload-result:not(.d-none) .message-body")
  ?.textContent`;

describe("uploading with WebKit", { timeout: 120_000 }, () => {
  const directory = temporaryDirectory();
  let server;
  let browser;
  let page;

  before(async () => {
    if (missing) {
      return;
    }
    server = await startServer();
    browser = await startWebKit();
    page = browser.window;
    await page.open(`${server.url}/login`);
    await page.type("form input[type='password']", PASSPHRASE);
    await page.click("form input[type='submit']");
    await page.until("return location.pathname === '/'");
  });
  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  // Opens the page, which must not break its own policy.
  async function openUpload() {
    await page.open(`${server.url}/`);
    await page.until("return customElements.get('expiration-picker') !== undefined");
    await page.evaluate(`globalThis.violations = [];
      document.addEventListener("securitypolicyviolation", (event) => {
        violations.push(event.violatedDirective);
      });`);
  }

  async function linkOfResult() {
    assert.equal(await page.until(MESSAGE), "Upload complete!");
    assert.deepEqual(await page.evaluate("return violations"), []);
    return page.until(SHORT_LINK);
  }

  it("sends a file from the chooser", { skip: missing }, async () => {
    const { path, digest } = await bigFile(directory, "chosen.bin", 20 << 20);
    await openUpload();
    assert.equal(await page.evaluate("return document.activeElement.id"), "pastebox");
    await page.type(".file-input", path);
    assert.equal(await digestOfUrl(await linkOfResult()), digest);
    assert.equal(
      await page.evaluate("return document.querySelector('upload-links').filename"),
      "chosen.bin",
    );
  });

  it("sends a file that is dropped", { skip: missing }, async () => {
    await openUpload();
    await page.evaluate(`
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["from the desktop"], "dropped.txt"));
      for (const type of ["dragenter", "dragover", "drop"]) {
        document.querySelector(".file").dispatchEvent(
          new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
      }`);
    const response = await fetch(await linkOfResult());
    assert.equal(await response.text(), "from the desktop");
  });

  it("keeps a date of one's own and the note", { skip: missing }, async () => {
    await openUpload();
    await page.evaluate(`
      const select = document.querySelector("#expiration-select");
      select.value = "";
      select.dispatchEvent(new Event("change", { bubbles: true }));
      const picker = document.querySelector("#expiration-picker");
      picker.value = "2039-09-03";`);
    assert.ok(await page.evaluate(`return document.querySelector("#expiration-picker").shadowRoot
      .querySelector("#expiration").checkVisibility()`));
    await page.type("#note", "for Ann");
    await page.type(".file-input", await textFile(directory, "dated.txt", "until then"));
    await linkOfResult();
    await page.open(`${server.url}/files`);
    const cells = await page.evaluate(
      "return [...document.querySelector('[test-data-filename=\"dated.txt\"]').cells]" +
        ".map((cell) => cell.textContent.trim())",
    );
    assert.equal(cells[1], "for Ann");
    assert.match(cells[4], /^2039-09-03 \(\d+ days\)$/);
  });

  it("says what is wrong", { skip: missing }, async () => {
    await openUpload();
    await page.type(".file-input", await textFile(directory, "empty.txt", ""));
    const text = await page.until(`return document.querySelector("#error:not(.d-none)")
      ?.querySelector("[role=alert]").textContent`);
    assert.match(text, /file must be non-empty/);
    const form = "document.querySelector('#upload-form')";
    assert.ok(await page.evaluate(`return ${form}.checkVisibility()`));
  });
});
