// The system information: what it shows, giving free pages back, and ending sessions.

import assert from "node:assert/strict";
import { logIn, suite } from "./browser.mjs";
import { PASSPHRASE } from "./server.mjs";

const SIZE = String.raw`[\d.]+ [kMGTPE]?B`;
const IPHONE =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)" +
  " Version/17.0 Mobile/15E148 Safari/604.1";

const rows = (page) => page.locator("#sessions").getByRole("listitem");
const endOf = (row) => row.getByRole("button", { name: "End" });

// Logs in without a page, as a browser of that name.
async function logInAs(server, userAgent) {
  const response = await fetch(`${server.url}/api/auth`, {
    method: "POST",
    headers: { "User-Agent": userAgent },
    body: JSON.stringify({ sharedSecretKey: PASSPHRASE }),
  });
  assert.equal(response.status, 200);
  const [cookie] = response.headers.get("Set-Cookie").split(";");
  return async () => {
    const page = await fetch(`${server.url}/files`, { headers: { Cookie: cookie } });
    return page.status === 200;
  };
}

suite("system information", (test) => {
  test("shows disk, database and version", {}, async ({ page }) => {
    await logIn(page);
    await page.getByRole("menuitem", { name: "System" }).hover();
    await page.getByRole("menuitem", { name: "Information" }).click();
    await page.waitForURL("/information");
    assert.equal(await page.title(), "PicoShare - System Information");
    const bar = page.getByRole("progressbar", { name: "Disk usage" });
    const { value, max } = await bar.evaluate((element) => ({
      value: element.value,
      max: element.max,
    }));
    assert.ok(value > 0 && value <= max, `${value} of ${max}`);

    const content = await page.locator(".content").innerText();
    assert.match(content, /Version:\s+[^v\s]\S*/);
    assert.equal(content.match(/Version:/g).length, 1);
    assert.match(content, /Server disk usage: [\d.]+ [kMGTPE]?B \(\d+%\) used of [\d.]+ \w?B/);
    assert.match(content, /Upload data: 0 B/);
    assert.match(content, /Database files: [\d.]+ [kMG]B/);
  });

  test("explains the database's size", {}, async ({ page }) => {
    await logIn(page, "/information");
    const explanation = page.locator(".notification");
    assert.equal(await explanation.isVisible(), false);
    await page.locator("#file-size-information").click();
    assert.ok(await explanation.isVisible());
    await explanation.getByText("-vacuum").waitFor();
    const instructions = explanation.getByRole("link", { name: "How a database shrinks" });
    assert.match(await instructions.getAttribute("href"), /^https:\/\/www\.sqlite\.org\//);
    await page.locator("#file-size-information").press("Enter");
    assert.equal(await explanation.isVisible(), false);
  });

  test("shows what the program is doing, as the interface does", {}, async ({ page }) => {
    await logIn(page, "/information");
    const headings = await page.getByRole("heading").allInnerTexts();
    assert.deepEqual(
      headings.filter((heading) => heading !== "Memory"),
      [
        "System Information",
        "Disk Usage",
        "PicoShare Version",
        "Database",
        "Activity",
        "Sessions",
      ],
    );
    const figures = await (await page.request.get("/api/system")).json();
    const content = await page.locator(".content").innerText();
    for (const [known, line] of [
      [figures.residentBytes, `Resident memory: ${SIZE}`],
      [figures.residentPeakBytes, `, ${SIZE} at the most so far`],
      [figures.anonymousBytes, `Of it, data of the program: ${SIZE}`],
      [figures.groupBytes, `Charged to the control group: ${SIZE}`],
      [figures.groupLimitBytes, `control group: ${SIZE} of ${SIZE}`],
      [figures.groupPageCacheBytes, `Of it, page cache: ${SIZE}`],
      [0, "Number of files: 0"],
      [0, `Write-ahead log: ${SIZE}`],
      [0, `Free pages: \\d+ \\(${SIZE}\\)`],
      [0, "Running for \\d+ (second|minute)s?"],
      [0, "Uploads running: 0"],
      [0, `Chunk buffers in use: 0 of ${figures.chunkBuffers}, 320.00 kB each`],
      [0, "Open connections: [1-9]\\d*"],
      [0, "Requests running: 1,"],
    ]) {
      assert.equal(new RegExp(line).test(content), known !== null, `${line} in\n${content}`);
    }
  });
});

suite("free pages", (test) => {
  test("are given back by a button that tells how many", {}, async ({ page }) => {
    await logIn(page);
    const file = {
      name: "large.bin",
      mimeType: "application/octet-stream",
      buffer: Buffer.alloc(3_000_000),
    };
    const { id } = await (await page.request.post("/api/entry", { multipart: { file } })).json();
    assert.equal((await page.request.delete(`/api/entry/${id}`)).status(), 200);
    await page.goto("/information");
    await page.getByRole("button", { name: "Give free pages back" }).click();
    await page.getByText(/[\d.]+ MB given back/).waitFor();
    await page.getByText("Free pages: 0 (0 B)").waitFor();
    const figures = await (await page.request.get("/api/system")).json();
    assert.equal(figures.freePages, 0);
    assert.ok(await page.locator("#reclaim-btn").isEnabled());
  });
});

suite("sessions", (test) => {
  test("are listed, and one of another browser can be ended", {}, async ({ page, server }) => {
    const isAlive = await logInAs(server, IPHONE);
    await logIn(page, "/information");
    const own = rows(page).filter({ hasText: "(this one)" });
    assert.equal(await own.count(), 1);
    await own.getByText("Headless Chrome on Linux").waitFor();
    const other = rows(page).filter({ hasText: "Safari on iOS" });
    const time = String.raw`\w+ \d+, 20\d\d at \d+:\d\d [AP]M`;
    assert.match(
      await other.innerText(),
      new RegExp(`From (127\\.0\\.0\\.1|::1)\\. Logged in ${time}, last used ${time}\\.`),
    );
    const count = await rows(page).count();
    assert.ok(await isAlive());

    await endOf(other).press("Enter");
    await page.getByText("Session ended").waitFor();
    assert.equal(await other.count(), 0);
    assert.equal(await rows(page).count(), count - 1);
    assert.equal(await isAlive(), false);
    const focused = page.locator(":focus");
    assert.equal(await focused.evaluate((element) => element.tagName), "LI");
    await page.reload(); // this one lives
    assert.equal(await rows(page).count(), count - 1);
    assert.equal(await other.count(), 0);
  });

  test("ending one's own leads to the login page", {}, async ({ page, server }) => {
    const isAlive = await logInAs(server, "dummy/1.0");
    await logIn(page, "/information");
    await endOf(rows(page).filter({ hasText: "(this one)" })).click();
    await page.waitForURL("/login");
    await page.getByRole("menuitem", { name: "Log In" }).waitFor();
    assert.ok(await isAlive());
  });

  test("can all be ended, after a question", {}, async ({ page, server }) => {
    const isAlive = await logInAs(server, "dummy/1.0");
    await logIn(page, "/information");
    const endAll = page.getByRole("button", { name: "End Them All" });
    assert.equal(await endAll.isVisible(), false);
    await page.getByText("End all sessions").press("Enter");
    await endAll.click();
    await page.waitForURL("/login");
    assert.equal(await isAlive(), false);
    await logIn(page, "/information");
    assert.equal(await rows(page).count(), 1);
  });

  test("say when one has ended meanwhile", {}, async ({ page, server, expectConsole }) => {
    expectConsole(/status of 404/);
    await logInAs(server, "dummy/1.0");
    await logIn(page, "/information");
    const other = rows(page).filter({ hasText: "dummy" }).first();
    const path = await endOf(other).getAttribute("data-path");
    assert.equal((await page.request.delete(path)).status(), 200);
    await endOf(other).click();
    const alert = page.getByRole("alert");
    await alert.filter({ hasText: "no such session" }).waitFor();
    await alert.filter({ hasText: "It has ended already." }).waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    assert.equal(await alert.count(), 0);
  });

  test("say when one's own has ended elsewhere", {}, async ({ page, context, expectConsole }) => {
    expectConsole(/status of 401/);
    await logIn(page, "/information");
    await context.clearCookies();
    await endOf(rows(page).first()).click();
    const alert = page.getByRole("alert");
    await alert.filter({ hasText: "You are no longer logged in." }).waitFor();
  });

  test("are plain text without JavaScript", { javaScriptEnabled: false }, async ({ page }) => {
    await logIn(page, "/information");
    const time = /Logged in 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ/;
    await rows(page).filter({ hasText: time }).first().waitFor();
    const hint = page.locator("noscript").filter({ visible: true });
    assert.match(await hint.innerText(), /^Nothing can be changed here/);
  });
});
