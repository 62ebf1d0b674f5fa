// The pictures in README.md: each can be taken of the program as it is. To take them anew:
// PICOSHARE_BINARY=… PICOSHARE_PICTURES=../../docs/images node --test pictures.test.mjs

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { logIn, suite } from "./browser.mjs";
import { makeLink, store } from "./walk.mjs";

const README = new URL("../../README.md", import.meta.url);
const DESKTOP = { viewport: { width: 1000, height: 740 } };
const PHONE = { viewport: { width: 380, height: 560 }, colorScheme: "dark" };
const MB = 1_000_000;

suite("pictures of README", (test) => {
  let directory;
  const taken = new Set();

  before(async () => {
    directory = process.env.PICOSHARE_PICTURES ?? (await mkdtemp(join(tmpdir(), "pictures-")));
  });
  after(async () => {
    if (process.env.PICOSHARE_PICTURES === undefined) {
      await rm(directory, { recursive: true });
    }
  });

  async function take(page, name) {
    await page.evaluate(() => document.activeElement.blur());
    await page.screenshot({ path: join(directory, name) });
    taken.add(`docs/images/${name}`);
  }

  test("the upload page", DESKTOP, async ({ page }) => {
    await logIn(page);
    await take(page, "upload.png");
  });

  test("the list of files", DESKTOP, async ({ page }) => {
    await logIn(page);
    for (const [name, megabytes, note] of [
      ["Contract, signed.pdf", 1, "for Ann"],
      ["Interview.wav", 41, "uncut"],
      ["Holiday pictures.zip", 17, ""],
      ["From the garden.mov", 30, "for Grandma"],
    ]) {
      await store(page, name, { text: "x".repeat(megabytes * MB), ...(note && { note }) });
    }
    await page.goto("/files");
    await take(page, "files.png");
  });

  test("what a guest has uploaded with a phone", PHONE, async ({ page, context }) => {
    await logIn(page);
    const link = await makeLink(page, { label: "For Joe at ExampleCo" });
    await context.clearCookies();
    await page.goto(`/g/${link}`);
    await page.locator(".file-input").setInputFiles({
      name: "Invoice.pdf",
      mimeType: "application/pdf",
      buffer: Buffer.from("something"),
    });
    await page.locator("#upload-result").waitFor();
    await take(page, "guest.png");
  });

  test("README shows each of them, and no others", {}, async () => {
    const shown = (await readFile(README, "utf8")).match(/docs\/images\/[\w.-]+/g);
    assert.deepEqual(new Set(shown), taken);
  });
});
