import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { filesListed, logIn, shortLink, suite } from "./browser.mjs";
import { temporaryDirectory, textFile } from "./fixtures.mjs";
import { digestOfUrl } from "./server.mjs";

const NEVER = "2999-12-31T00:00:00Z";
const HOUR_MS = 3600_000;
const fileInput = ".file-input";

const rowOf = (page, label) => page.getByRole("row").filter({ hasText: label });
const button = (within, name) => within.getByRole("button", { name });
const isFocused = (locator) => locator.evaluate((element) => element === document.activeElement);
const digestOf = (text) => createHash("sha256").update(text).digest("hex");

// Fills the form as the owner does, and returns the path of the guests' page.
async function create(page, label, { expires, maxSize, limit } = {}) {
  await page.goto("/guest-links");
  await button(page, "Create new").click();
  await page.waitForURL("/guest-links/new");
  await page.locator("#label").fill(label);
  if (expires !== undefined) {
    await page.locator("#file-expiration-select").selectOption({ label: expires });
  }
  await page.locator("#max-file-size").fill(maxSize ?? "");
  await page.locator("#file-upload-limit").fill(limit ?? "");
  await button(page, "Create").click();
  await page.waitForURL("/guest-links");
  return rowOf(page, label).getByRole("cell").nth(0).getByRole("link").getAttribute("href");
}

// Makes a link without the form; returns its id.
async function make(page, fields) {
  const response = await page.request.post("/api/guest-links", {
    data: { urlExpirationTime: NEVER, fileLifetime: "876000h0m0s", ...fields },
  });
  assert.equal(response.status(), 200);
  return (await response.json()).id;
}

// A page of somebody who is not logged in.
async function guestPage(page, server, path, options = {}) {
  const context = await page.context().browser().newContext({
    baseURL: server.url,
    timezoneId: "UTC",
    locale: "en-US",
    ...options,
  });
  page.context().once("close", () => context.close());
  context.setDefaultTimeout(10_000);
  const guest = await context.newPage();
  await guest.goto(path);
  return guest;
}

suite("guest links", (test) => {
  const directory = temporaryDirectory();

  test("let a guest send a file", {}, async ({ page, server }) => {
    await logIn(page);
    await page.getByRole("menuitem", { name: "Guest Links" }).click();
    await page.waitForURL("/guest-links");
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Guest Links");
    await page.getByText("No guest links yet.").waitFor();

    const path = await create(page, "For Joe");
    assert.match(path, /^\/g\/[A-Za-z2-9]{16}$/);
    const cells = rowOf(page, "For Joe").getByRole("cell");
    const texts = await cells.evaluateAll((list) => list.slice(1, 6).map((cell) => cell.innerText));
    assert.match(texts.shift(), /^\d{4}-\d\d-\d\d$/);
    assert.deepEqual(texts, ["Never", "Never", "Unlimited", "0 / Unlimited"]);
    assert.equal(await page.getByText("No guest links yet.").isVisible(), false);

    const guest = await guestPage(page, server, path);
    assert.equal(await guest.title(), "PicoShare - Upload");
    assert.equal(await guest.getByRole("heading", { level: 1 }).innerText(), "Upload");
    assert.ok(await guest.locator(".file").isVisible());
    assert.ok(await guest.locator("#expiration-select").isVisible());
    assert.equal(await guest.locator("#note").count(), 0);
    assert.equal(await guest.getByRole("menuitem", { name: "Log In" }).count(), 1);
    await guest.setInputFiles(fileInput, await textFile(directory, "from Joe.txt", "hello"));
    await guest.getByText("Upload complete!").waitFor();
    assert.equal(await digestOfUrl(await shortLink(guest)), digestOf("hello"));
    assert.equal(await button(guest, "Edit").count(), 0);
    await button(guest, "Upload Another").click();
    await guest.locator("#upload-form").waitFor();

    assert.ok((await filesListed(page)).includes("from Joe.txt"));
    await page.goto("/guest-links");
    assert.equal(await cells.nth(5).innerText(), "1 / Unlimited");
  });

  test("offer as long as their files may live", {}, async ({ page, server }) => {
    await logIn(page);
    const all = ["1 day", "7 days", "30 days", "1 year", "Never"];
    for (const [expires, count] of [["7 days", 2], ["30 days", 3], ["Never", 5]]) {
      const path = await create(page, `for ${expires}`, { expires });
      const cell = rowOf(page, `for ${expires}`).getByRole("cell").nth(3);
      assert.equal(await cell.innerText(), expires);
      const guest = await guestPage(page, server, path);
      const options = guest.locator("#expiration-select option");
      assert.deepEqual(await options.allInnerTexts(), all.slice(0, count));
      const selected = guest.locator("#expiration-select option[selected]");
      assert.equal(await selected.count(), 1);
      assert.equal(await selected.innerText(), expires);
    }
  });

  test("keep what the guest chose", {}, async ({ page, server }) => {
    await logIn(page);
    const path = await create(page, "for a month", { expires: "30 days" });
    const guest = await guestPage(page, server, path);
    await guest.setInputFiles(fileInput, await textFile(directory, "a month.txt", "x"));
    await shortLink(guest);
    await button(guest, "Upload Another").click();
    await guest.locator("#expiration-select").selectOption({ label: "7 days" });
    await guest.setInputFiles(fileInput, await textFile(directory, "a week.txt", "x"));
    await shortLink(guest);
    await page.goto("/files");
    const expires = (name) => rowOf(page, name).getByRole("cell").nth(4).innerText();
    assert.match(await expires("a month.txt"), / \(30 days\)$/);
    assert.match(await expires("a week.txt"), / \(7 days\)$/);
  });

  test("take files up to their size", {}, async ({ page, server }) => {
    await logIn(page);
    const path = await create(page, "small files", { maxSize: "1" });
    const cell = rowOf(page, "small files").getByRole("cell").nth(4);
    assert.equal(await cell.innerText(), "1.00 MB");
    const guest = await guestPage(page, server, path);
    await guest.getByText("Each may have up to 1.00 MB.").waitFor();
    const sent = [];
    guest.on("request", (request) => sent.push(request.method()));
    const large = await textFile(directory, "large.txt", "x".repeat((1 << 20) + 1));
    await guest.setInputFiles(fileInput, large);
    const message = guest.locator("#error-message");
    await message.waitFor();
    assert.equal(
      await message.innerText(),
      "File is too large. Maximum upload size is 1048576 bytes.",
    );
    await guest.getByText("this link takes 1.00 MB at most.").waitFor();
    assert.ok(!sent.includes("POST"));
    assert.ok(await guest.locator("#upload-form").isVisible());

    const fitting = await textFile(directory, "fitting.txt", "y".repeat(1 << 20));
    await guest.setInputFiles(fileInput, fitting);
    assert.equal(await digestOfUrl(await shortLink(guest)), digestOf("y".repeat(1 << 20)));
  });

  test("take as many files as they may", {}, async ({ page, server }) => {
    await logIn(page);
    const path = await create(page, "one file", { limit: "1" });
    const guest = await guestPage(page, server, path);
    await guest.getByText("This link takes one more.").waitFor();
    await guest.setInputFiles(fileInput, await textFile(directory, "the only one.txt", "x"));
    await shortLink(guest);
    await button(guest, "Upload Another").click();
    await guest.locator("h1").filter({ hasText: "Guest Link Inactive" }).waitFor();
    assert.equal(await guest.title(), "PicoShare - Guest Link Inactive");
    assert.equal(await guest.locator(fileInput).count(), 0);
    assert.ok(await guest.getByRole("alert").isVisible());

    await page.goto("/guest-links");
    const row = rowOf(page, "one file");
    assert.equal(await row.getByRole("cell").nth(5).innerText(), "1 / 1");
    assert.equal(await row.getByRole("cell").nth(0).getByRole("link").count(), 0);
    assert.equal(await button(row, "Copy").isVisible(), false);
    assert.ok(await row.getByText("Used up").isVisible());
    // It can be switched off and on again, which does not make it active.
    await button(row, "Disable").click();
    await row.getByText("Disabled").waitFor();
    await button(row, "Enable").click();
    await row.getByText("Used up").waitFor();
    await page.getByText("Guest link reactivated, but it has expired or is used up").waitFor();
    assert.equal(await button(row, "Copy").isVisible(), false);
  });

  test("say what went wrong for each of several files", {}, async (t) => {
    const { page, server } = t;
    await logIn(page);
    const path = await create(page, "two files", { limit: "2" });
    const guest = await guestPage(page, server, path);
    const paths = await Promise.all(
      ["first.txt", "second.txt", "third.txt"].map((name) => textFile(directory, name, name)),
    );
    await guest.setInputFiles(fileInput, paths);
    await guest.getByText("2 of 3 files uploaded.").waitFor();
    const third = guest.getByRole("listitem").filter({ hasText: "third.txt" });
    await third.getByText("Guest link is no longer active").waitFor();
    await third.getByText("Ask the owner of this server for a new link.").waitFor();
    assert.equal(await third.getByText("logged in").count(), 0);
    const listed = await filesListed(page);
    assert.ok(listed.includes("first.txt") && listed.includes("second.txt"));
    assert.ok(!listed.includes("third.txt"));
  });

  test("that are deleted meanwhile tell the guest", {}, async ({ page, server }) => {
    await logIn(page);
    const id = await make(page, { label: "short-lived" });
    const guest = await guestPage(page, server, `/g/${id}`);
    await page.request.delete(`/api/guest-links/${id}`);
    await guest.setInputFiles(fileInput, await textFile(directory, "too late.txt", "x"));
    await guest.getByText("Invalid guest link ID").waitFor();
    await guest.getByText("The owner of this server has deleted it.").waitFor();
  });

  test("work without JavaScript", {}, async ({ page, server }) => {
    await logIn(page);
    const id = await make(page, { label: "plain", fileLifetime: "720h0m0s" });
    const guest = await guestPage(page, server, `/g/${id}`, { javaScriptEnabled: false });
    await guest.setInputFiles(fileInput, await textFile(directory, "plain.txt", "no script"));
    await guest.locator("#expiration-select").selectOption({ label: "7 days" });
    await button(guest, "Upload").click();
    await guest.getByText("Upload complete!").waitFor();
    const href = await guest.locator("#upload-result a").first().getAttribute("href");
    assert.equal(await digestOfUrl(href), digestOf("no script"));
    await guest.getByRole("link", { name: "Upload Another" }).click();
    await guest.waitForURL(`/g/${id}`);
    await page.goto("/files");
    const cell = rowOf(page, "plain.txt").getByRole("cell").nth(4);
    assert.match(await cell.innerText(), / \(7 days\)$/);
  });

  test("show the owner the whole menu", {}, async ({ page }) => {
    await logIn(page);
    const id = await make(page, { label: "my own" });
    await page.goto(`/g/${id}`);
    assert.ok(await page.getByRole("menuitem", { name: "Guest Links" }).isVisible());
    assert.equal(await page.locator("#note").count(), 0);
  });
});

suite("the list of guest links", (test) => {
  const directory = temporaryDirectory();

  test("switches a link off and on", {}, async ({ page, server }) => {
    await logIn(page);
    const path = await create(page, "to switch");
    const row = rowOf(page, "to switch");
    assert.ok(await button(row, "Copy").isVisible());
    assert.equal(await row.getByText("Disabled").isVisible(), false);
    await button(row, "Disable").click();
    await page.getByText("Guest link disabled").waitFor();
    assert.equal(await button(row, "Copy").isVisible(), false);
    assert.ok(await row.getByText("Disabled").isVisible());
    assert.ok(await isFocused(button(row, "Enable")));
    const guest = await guestPage(page, server, path);
    assert.equal(await guest.locator("h1").innerText(), "Guest Link Inactive");

    await page.reload();
    assert.equal(await row.getByRole("link").count(), 0);
    await page.goto(path);
    await page.getByText("This guest link no longer works: it is disabled.").waitFor();
    await page.getByText("in the list of guest links you can enable it").waitFor();
    await page.getByRole("link", { name: "list of guest links" }).click();
    await button(row, "Enable").click();
    await page.getByText("Guest link reactivated").waitFor();
    assert.equal(await row.getByText("Disabled").count(), 0);
    assert.ok(await button(row, "Copy").isVisible());
    assert.equal(await row.getByRole("link").getAttribute("href"), path);
    await guest.reload();
    assert.equal(await guest.locator("h1").innerText(), "Upload");
  });

  test("copies a link", {}, async ({ page, server }) => {
    await logIn(page);
    const path = await create(page, "to copy");
    await button(rowOf(page, "to copy"), "Copy").click();
    await page.getByText("Copied link").waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(copied, `${server.url}${path}`);
  });

  test("deletes a link at once, and says so", {}, async ({ page, server }) => {
    await logIn(page);
    const older = await make(page, { label: "the older" });
    const path = `/g/${await make(page, { label: "the newer" })}`;
    await page.goto("/guest-links");
    await button(rowOf(page, "the newer"), "Delete").focus();
    await page.keyboard.press("Enter");
    await rowOf(page, "the newer").waitFor({ state: "detached" });
    await page.getByRole("status").filter({ hasText: "Guest link deleted" }).waitFor();
    // Another Enter must do nothing to the row that has taken its place.
    await page.waitForFunction(() => document.activeElement?.tagName === "TR");
    await page.keyboard.press("Enter");
    assert.ok(await rowOf(page, "the older").isVisible());
    assert.equal((await page.request.get(path)).status(), 404);
    assert.equal((await page.request.get(`/g/${older}`)).status(), 200);
    await page.keyboard.press("Tab");
    assert.ok(await isFocused(rowOf(page, "the older").getByRole("link")));

    for (const row of (await page.locator("tbody").getByRole("row").all()).reverse()) {
      await button(row, "Delete").click();
      await row.waitFor({ state: "detached" });
    }
    await page.getByText("No guest links yet.").waitFor();
    assert.ok(await isFocused(button(page, "Create new")));
    await page.keyboard.press("Space");
    await page.waitForURL("/guest-links/new");
    assert.equal(server.url, new URL(page.url()).origin);
  });

  test("brings back what was deleted by mistake", {}, async ({ page, server }) => {
    await logIn(page);
    const ids = [];
    for (const label of ["the last", "the middle one", "the first"]) {
      ids.unshift(await make(page, { label, maxFileUploads: 3 }));
    }
    const path = `/g/${ids[1]}`;
    const guest = await guestPage(page, server, path);
    await guest.setInputFiles(fileInput, await textFile(directory, "before.txt", "x"));
    await shortLink(guest);

    await page.goto("/guest-links");
    const labels = () => page.locator("tbody bdi").allInnerTexts();
    const before = await labels();
    await button(rowOf(page, "the middle one"), "Delete").click();
    await rowOf(page, "the middle one").waitFor({ state: "detached" });
    assert.equal((await page.request.get(path)).status(), 404);
    const status = page.getByRole("status").filter({ hasText: "Guest link deleted" });
    await button(status, "Undo").click();
    await rowOf(page, "the middle one").waitFor();
    await page.getByText("Guest link restored").waitFor();
    assert.equal(await status.count(), 0);
    assert.deepEqual(await labels(), before);
    assert.ok(await isFocused(rowOf(page, "the middle one")));
    await guest.reload();
    await guest.getByText("This link takes 2 more.").waitFor();

    // Several, by keyboard, the last first.
    for (const label of ["the first", "the middle one"]) {
      await button(rowOf(page, label), "Delete").press("Enter");
      await rowOf(page, label).waitFor({ state: "detached" });
    }
    assert.equal(await button(page, "Undo").count(), 2);
    await page.keyboard.press("Control+z");
    await rowOf(page, "the middle one").waitFor();
    await page.keyboard.press("Control+z");
    await rowOf(page, "the first").waitFor();
    assert.deepEqual(await labels(), before);
    await page.reload();
    assert.deepEqual(await labels(), before);
    assert.equal(await rowOf(page, "the middle one").getByRole("cell").nth(5).innerText(), "1 / 3");
  });

  test("offers to bring a link back for ten seconds", {}, async ({ page }) => {
    await logIn(page);
    await make(page, { label: "short-lived offer" });
    await page.goto("/guest-links");
    await page.clock.install();
    const row = rowOf(page, "short-lived offer");
    await button(row, "Delete").click();
    await row.waitFor({ state: "detached" });
    await page.clock.runFor(9000);
    await button(page, "Undo").focus();
    await page.clock.runFor(60_000);
    assert.ok(await button(page, "Undo").isVisible(), "as long as the focus is there");
    await button(page, "Create new").focus();
    await page.clock.runFor(9000);
    assert.ok(await button(page, "Undo").isVisible());
    await page.clock.runFor(1500);
    assert.equal(await button(page, "Undo").count(), 0);
  });

  test("says when a link cannot be brought back", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 404/);
    await logIn(page);
    const id = await make(page, { label: "lost" });
    await page.goto("/guest-links");
    await button(rowOf(page, "lost"), "Delete").click();
    await rowOf(page, "lost").waitFor({ state: "detached" });
    assert.equal((await page.request.put(`/api/guest-links/${id}/restore`)).status(), 204);
    assert.equal((await page.request.delete(`/api/guest-links/${id}`)).status(), 200);
    await page.route(`**/api/guest-links/${id}/restore`, (route) =>
      route.fulfill({ status: 404, contentType: "text/plain", body: "deleted too long ago\n" }),
    );
    await button(page, "Undo").click();
    await page.getByRole("alert").filter({ hasText: "deleted too long ago" }).waitFor();
    assert.equal(await rowOf(page, "lost").count(), 0);
  });

  test("says what failed", {}, async ({ page, expectConsole }) => {
    expectConsole(/ERR_CONNECTION_RESET/);
    expectConsole(/status of 404/);
    await logIn(page);
    const id = await make(page, { label: "stubborn" });
    await page.goto("/guest-links");
    const row = rowOf(page, "stubborn");
    await page.route("**/api/guest-links/*", (route) => route.abort("connectionreset"));
    await button(row, "Delete").click();
    const alert = page.getByRole("alert");
    await alert.filter({ hasText: "Failed to communicate with server" }).waitFor();
    await alert.filter({ hasText: "Error" }).waitFor();
    assert.ok(await row.isVisible());
    await button(page, "Close").click();
    assert.equal(await alert.count(), 0);

    await page.unroute("**/api/guest-links/*");
    await page.request.delete(`/api/guest-links/${id}`);
    await button(row, "Disable").click();
    await alert.filter({ hasText: `Guest link with ID ${id} not found` }).waitFor();
    assert.ok(await button(row, "Disable").isVisible());
  });
});

suite("the form for a guest link", (test) => {
  test("has labels, limits and a way back", {}, async ({ page }) => {
    await logIn(page, "/guest-links/new");
    assert.equal(await page.title(), "PicoShare - New Guest Link");
    for (const [label, id] of [
      ["Label (optional)", "label"],
      ["Guest Link Expires", "expiration-select"],
      ["Guest Files Expire", "file-expiration-select"],
      ["Max file size (optional)", "max-file-size"],
      ["Upload limit (optional)", "file-upload-limit"],
    ]) {
      assert.equal(await page.getByLabel(label).getAttribute("id"), id);
    }
    await page.getByLabel("Max file size").fill("0");
    await button(page, "Create").click();
    const valid = (id) => page.locator(id).evaluate((input) => input.validity.valid);
    assert.equal(await valid("#max-file-size"), false);
    assert.equal(new URL(page.url()).pathname, "/guest-links/new");
    await button(page, "Cancel").click();
    await page.waitForURL("/guest-links");
  });

  test("shows the server's text for a long label", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 400/);
    await logIn(page, "/guest-links/new");
    await page.locator("#label").fill("A".repeat(5000));
    await button(page, "Create").click();
    await page.getByText("Invalid request: label too long").waitFor();
    await page.getByText("No link was made.").waitFor();
    assert.equal(new URL(page.url()).pathname, "/guest-links/new");
    assert.equal(await page.locator("#label").inputValue(), "A".repeat(5000));
    await button(page, "Close").click();
    await page.locator("#label").fill("A".repeat(200));
    await button(page, "Create").click();
    await page.waitForURL("/guest-links");
  });

  test("sends what was chosen", {}, async ({ page }) => {
    await logIn(page, "/guest-links/new");
    await page.locator("#label").fill("  ");
    await page.locator("#expiration-select").selectOption({ label: "7 days" });
    await page.locator("#file-expiration-select").selectOption({ label: "30 days" });
    await page.locator("#max-file-size").fill("40");
    await page.locator("#file-upload-limit").fill("5");
    const request = page.waitForRequest("/api/guest-links");
    await button(page, "Create").click();
    const { urlExpirationTime, ...rest } = (await request).postDataJSON();
    assert.deepEqual(rest, {
      label: null,
      fileLifetime: "720h0m0s",
      maxFileBytes: 40 * 1048576,
      maxFileUploads: 5,
    });
    const hours = (Date.parse(urlExpirationTime) - Date.now()) / HOUR_MS;
    assert.ok(Math.abs(hours - 7 * 24) < 0.1, `${hours} hours`);
    await page.waitForURL("/guest-links");
    const cells = rowOf(page, "unnamed").getByRole("cell");
    assert.match(await cells.nth(2).innerText(), /^\d{4}-\d\d-\d\d \(7 days\)$/);
    assert.equal(await cells.nth(4).innerText(), "40.00 MB");
    assert.equal(await cells.nth(5).innerText(), "0 / 5");
  });

  test("counts from now even when the page is old", {}, async ({ page }) => {
    await page.clock.install();
    await logIn(page, "/guest-links/new");
    await page.clock.fastForward("23:30:00");
    const posted = page.waitForRequest("/api/guest-links");
    await page.locator("#expiration-select").selectOption({ label: "1 day" });
    await button(page, "Create").click();
    const { urlExpirationTime } = (await posted).postDataJSON();
    const hours = (Date.parse(urlExpirationTime) - Date.now()) / HOUR_MS;
    assert.ok(Math.abs(hours - 47.5) < 0.1, `${hours} hours`);
    await page.waitForURL("/guest-links");
  });
});
