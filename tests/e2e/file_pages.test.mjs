import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { logIn, suite } from "./browser.mjs";

const CHROME =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36";
const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
const HOUR_MS = 3600_000;

// Stores a file without the upload page; returns its id. fields: expiration, note.
async function store(page, name, text, { expiration, note } = {}) {
  const query = expiration === undefined ? "" : `?expiration=${encodeURIComponent(expiration)}`;
  const response = await page.request.post(`/api/entry${query}`, {
    multipart: {
      file: { name, mimeType: "text/plain", buffer: Buffer.from(text) },
      ...(note !== undefined && { note }),
    },
  });
  assert.equal(response.status(), 200);
  return (await response.json()).id;
}

async function download(server, id, agent) {
  const response = await fetch(`${server.url}/-${id}`, { headers: { "User-Agent": agent } });
  assert.equal(response.status, 200);
  await response.text();
}

const rowOf = (page, name) => page.getByRole("row").filter({ hasText: name });
const button = (page, name) => page.getByRole("button", { name });
const path = (page) => new URL(page.url()).pathname;

// What stands below a heading of the information page.
async function fact(page, name) {
  const section = page.locator("section").filter({ has: page.getByRole("heading", { name }) });
  return (await section.locator(".value").innerText()).trim();
}

// The moment a file expires, to the second; null: never.
async function expiry(page, id) {
  await page.goto(`/files/${id}/edit`);
  return page.locator("#expiration-picker").getAttribute("value");
}

// In an hour and a bit it is still the same day there, whenever the test runs.
function zoneInTheMorning() {
  const ahead = Math.max(-12, 10 - new Date().getUTCHours());
  return `Etc/GMT${ahead > 0 ? "-" : "+"}${Math.abs(ahead)}`;
}

suite("the list of files", (test) => {
  test("leads to each file's pages", {}, async ({ page }) => {
    await logIn(page);
    const id = await store(page, "listed.txt", "something", { note: "for Ann" });
    await store(page, "other.txt", "something else");
    await page.goto("/files");
    const row = rowOf(page, "listed.txt");
    assert.equal(await row.getByRole("cell").nth(0).innerText(), "listed.txt");
    assert.equal(await row.getByRole("cell").nth(1).textContent(), "for Ann");
    assert.equal(await rowOf(page, "other.txt").getByRole("cell").nth(1).textContent(), "");
    assert.equal(await row.getByRole("link", { name: "listed.txt" }).getAttribute("href"), `/-${id}`);

    await row.getByLabel("Information").click();
    await page.waitForURL(`/files/${id}/info`);
    await page.goBack();
    await row.getByRole("button", { name: "Edit" }).click();
    await page.waitForURL(`/files/${id}/edit`);
    await page.goBack();
    await row.getByRole("button", { name: "Copy" }).click();
    await page.getByText("Copied link").waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), new RegExp(`/-${id}$`));
  });

  test("has controls that say which file they are for and obey keys", {}, async ({ page }) => {
    await logIn(page);
    const id = await store(page, "by key.txt", "something");
    await page.goto("/files");
    const row = rowOf(page, "by key.txt");
    for (const name of ["Information", "Edit", "Copy"]) {
      const control = row.getByRole("button", { name });
      const description = await control.evaluate(
        (element) => document.getElementById(element.getAttribute("aria-describedby")).textContent,
      );
      assert.equal(description, "by key.txt");
    }
    await row.getByRole("button", { name: "Information" }).focus();
    await page.keyboard.press("Space");
    await page.waitForURL(`/files/${id}/info`);
  });
});

suite("the information page", (test) => {
  test("tells what is known", {}, async ({ page }) => {
    const text = "twenty-four bytes, yes!\n";
    await logIn(page);
    const id = await store(page, "known & <shown>.txt", text);
    await page.goto(`/files/${id}/info`);
    assert.equal(await page.title(), "PicoShare - File Information");
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "File Information");
    assert.equal(await fact(page, "Filename"), "known & <shown>.txt");
    assert.equal(await fact(page, "Size"), "24 B");
    assert.match(await fact(page, "Expires"), /^\d{4}-\d\d-\d\d \(30 days\)$/);
    assert.equal(await fact(page, "Downloads"), "0 (History)");
    assert.equal(await page.getByText("(History)").innerText(), "0 (History)");
    assert.equal(await fact(page, "Note"), "None");
    assert.equal(await fact(page, "Uploaded by"), "You");
    assert.match(
      await fact(page, "Upload time"),
      /^[A-Z][a-z]+ [1-9]\d?, 20\d\d at (1[0-2]|[1-9]):[0-5]\d [AP]M$/,
    );
    assert.equal(await fact(page, "SHA-256"), createHash("sha256").update(text).digest("hex"));

    const full = page.locator("upload-links #verbose-link-box #link");
    assert.match(await full.innerText(), new RegExp(`/-${id}/known%20%26%20%3Cshown%3E.txt$`));
    await button(page, "Copy Shortlink").click();
    await page.getByText("Copied link").waitFor();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), new RegExp(`/-${id}$`));
  });

  test("counts downloads and leads to their history", {}, async ({ page, server }) => {
    await logIn(page);
    const id = await store(page, "counted.txt", "something", { note: "for Ann" });
    await download(server, id, CHROME);
    await page.goto(`/files/${id}/info`);
    assert.equal(await fact(page, "Downloads"), "1 (History)");
    assert.equal(await fact(page, "Note"), "for Ann");
    await page.getByRole("link", { name: "History" }).click();
    await page.waitForURL(`/files/${id}/downloads`);
    await page.getByRole("heading", { name: "counted.txt" }).waitFor();
  });

  test("tells times of the reader's own zone", { timezoneId: "Asia/Kolkata" }, async ({ page }) => {
    await logIn(page);
    const id = await store(page, "abroad.txt", "something");
    await page.goto(`/files/${id}/info`);
    const stored = await page.locator("#upload-timestamp").getAttribute("datetime");
    const local = new Date(Date.parse(stored) + 5.5 * HOUR_MS);
    const minutes = String(local.getUTCMinutes()).padStart(2, "0");
    const shown = await page.locator("#upload-timestamp").innerText();
    assert.ok(shown.includes(` ${((local.getUTCHours() + 11) % 12) + 1}:${minutes} `), shown);
    assert.ok(shown.includes(` ${local.getUTCDate()}, ${local.getUTCFullYear()} at `), shown);
  });

  test("closes to where the owner came from", {}, async ({ page, context }) => {
    await logIn(page);
    const id = await store(page, "closed.txt", "something");
    await page.goto("/files");
    await rowOf(page, "closed.txt").getByLabel("Information").click();
    await button(page, "Close").click();
    await page.waitForURL("/files");

    const tab = await context.newPage();
    await tab.goto(`/files/${id}/info`);
    await button(tab, "Close").click();
    await tab.waitForURL("/files");
  });
});

suite("editing", (test) => {
  test("is offered after an upload", {}, async ({ page }) => {
    await logIn(page);
    assert.equal(await page.locator("#edit-btn").isVisible(), false);
    await page.setInputFiles(".file-input", {
      name: "new.txt",
      mimeType: "text/plain",
      buffer: Buffer.from("something"),
    });
    await page.getByRole("link", { name: "Edit" }).click();
    await page.waitForURL("/files/*/edit");
    assert.equal(await page.getByLabel("Filename").inputValue(), "new.txt");
    await button(page, "Cancel").click();
    await page.waitForURL("/");
  });

  test("changes name, note and expiry", {}, async ({ page }) => {
    await logIn(page);
    const id = await store(page, "before.txt", "something");
    await page.goto("/files");
    await rowOf(page, "before.txt").getByRole("button", { name: "Edit" }).click();
    assert.equal(await page.title(), "PicoShare - Edit");
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Edit File");
    assert.equal(await page.locator("#edit-form").getAttribute("data-entry-id"), id);
    assert.equal(await page.getByLabel("Filename").inputValue(), "before.txt");
    assert.ok(await page.getByRole("checkbox", { name: "Delete after expiration" }).isChecked());

    await page.locator("#filename").fill("after.txt");
    await page.locator("#expiration-picker #expiration").fill("2039-09-04");
    await page.locator("#note").click();
    await page.locator("#note").fill("for Joe");
    await button(page, "Save").click();
    await page.waitForURL("/files");
    const cells = rowOf(page, "after.txt").getByRole("cell");
    assert.equal(await cells.nth(1).innerText(), "for Joe");
    assert.match(await cells.nth(4).innerText(), /^2039-09-04 \(\d+ days\)$/);
    assert.equal(await rowOf(page, "before.txt").count(), 0);

    await page.goto(`/files/${id}/edit`);
    await page.getByLabel("Note").fill(" ");
    await page.locator("#expire-checkbox").uncheck();
    assert.equal(await page.locator("#expiration-picker").isVisible(), false);
    await button(page, "Save").click();
    await page.waitForURL("/files");
    assert.equal(await cells.nth(1).innerText(), "");
    assert.equal(await cells.nth(4).innerText(), "Never");

    await page.goto(`/files/${id}/edit`);
    assert.equal(await page.locator("#expire-checkbox").isChecked(), false);
    assert.equal(await page.locator("#expiration-picker").isVisible(), false);
    await page.locator("#expire-checkbox").check();
    await button(page, "Save").click();
    await page.waitForURL("/files");
    assert.match(await cells.nth(4).innerText(), / \((29|30) days\)$/);
  });

  for (const timezoneId of ["UTC", "Pacific/Auckland", "America/Los_Angeles"]) {
    test(`keeps the second of the expiry (${timezoneId})`, { timezoneId }, async ({ page }) => {
      await logIn(page);
      const id = await store(page, "kept.txt", "something", { expiration: "2039-05-06T07:08:09Z" });
      assert.equal(await expiry(page, id), "2039-05-06T07:08:09Z");
      await page.locator("#note").fill("changed");
      await page.locator("#expire-checkbox").uncheck();
      await page.locator("#expire-checkbox").check();
      await button(page, "Save").click();
      await page.waitForURL("/files");
      assert.equal(await expiry(page, id), "2039-05-06T07:08:09Z");
      assert.equal(await page.getByLabel("Note").inputValue(), "changed");

      const midnight = await page.evaluate(() => new Date(2039, 4, 20).toISOString());
      await page.locator("#expiration-picker #expiration").fill("2039-05-20");
      await button(page, "Save").click();
      await page.waitForURL("/files");
      assert.equal(await expiry(page, id), midnight.replace(".000Z", "Z"));
    });
  }

  test("works for a file that expires today", { timezoneId: zoneInTheMorning() },
    async ({ page }) => {
      const expiration = new Date(Date.now() + 2 * HOUR_MS).toISOString();
      await logIn(page);
      const id = await store(page, "today.txt", "something", { expiration });
      const before = await expiry(page, id);
      const today = await page.evaluate(() => {
        const pad = (number) => String(number).padStart(2, "0");
        const now = new Date();
        return `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
      });
      const date = page.locator("#expiration-picker #expiration");
      assert.equal(await date.inputValue(), today);
      assert.ok(await date.evaluate((input) => input.validity.valid));
      await page.locator("#filename").fill("still today.txt");
      await button(page, "Save").click();
      await page.waitForURL("/files");
      assert.equal(await rowOf(page, "still today.txt").count(), 1);
      assert.equal(await expiry(page, id), before);
    });

  test("says when too little time is left to save", { timeout: 30_000 },
    async ({ page, expectConsole }) => {
      expectConsole(/status of 400/);
      const hint = page.getByText("Less than an hour is left");
      const expiration = new Date(Date.now() + HOUR_MS + 4000).toISOString();
      await logIn(page);
      const id = await store(page, "soon.txt", "something", { expiration });
      await page.goto(`/files/${id}/edit`);
      assert.equal(await hint.count(), 0);
      await page.waitForTimeout(5000);
      await page.reload();
      await hint.waitFor();
      await page.locator("#note").fill("too late?");
      await button(page, "Save").click();
      await page.getByText("expire time must be at least one hour in the future").waitFor();
      assert.equal(await page.locator("#note").inputValue(), "too late?");

      await page.locator("#expiration-picker #expiration").fill("2039-01-01");
      await button(page, "Save").click();
      await page.waitForURL("/files");
      assert.match(await rowOf(page, "soon.txt").getByRole("cell").nth(4).innerText(), /^2039-01-01/);
    });

  test("checks the fields before anything is sent", {}, async ({ page }) => {
    await logIn(page);
    const id = await store(page, "checked.txt", "something");
    await page.goto(`/files/${id}/edit`);
    const sent = [];
    page.on("request", (request) => sent.push(`${request.method()} ${request.url()}`));
    const filename = page.getByLabel("Filename");
    const note = page.getByLabel("Note");
    const date = page.locator("#expiration-picker #expiration");
    const complaint = (locator) => locator.evaluate((input) => input.validationMessage);

    await filename.fill("");
    await button(page, "Save").click();
    assert.notEqual(await complaint(filename), "");
    await filename.fill("ü".repeat(128));
    await button(page, "Save").click();
    assert.equal(
      await complaint(filename),
      "The filename is too long: it takes 256 bytes, and only 255 fit.",
    );
    await filename.fill("ü".repeat(127));
    await note.fill("世".repeat(167));
    await button(page, "Save").click();
    assert.equal(
      await complaint(note),
      "The note is too long: it takes 501 bytes, and only 500 fit.",
    );
    await note.fill("世".repeat(166));
    await date.fill("");
    await button(page, "Save").click();
    assert.equal(await complaint(date), "Date must be in YYYY-MM-DD format");
    await date.fill("2001-01-01");
    await button(page, "Save").click();
    assert.notEqual(await complaint(date), "");
    assert.deepEqual(sent.filter((line) => line.startsWith("PUT")), []);
    assert.equal(path(page), `/files/${id}/edit`);
    assert.equal(await note.getAttribute("maxlength"), "500");

    await date.fill("2039-01-01");
    await button(page, "Save").click();
    await page.waitForURL("/files");
    assert.equal(await rowOf(page, "ü".repeat(127)).count(), 1);
  });

  test("says what went wrong and keeps what was typed", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 40[04]|ERR_CONNECTION_RESET/);
    const message = page.locator("#error-message");
    await logIn(page);
    const id = await store(page, "unlucky.txt", "something");
    await page.goto(`/files/${id}/edit`);
    await page.locator("#filename").fill("..dots");
    await button(page, "Save").click();
    await message.filter({ hasText: "filename cannot begin with dots" }).waitFor();
    assert.ok(await page.getByRole("alert").isVisible());
    await page.getByText("Nothing was changed. Correct it, then try again.").waitFor();
    assert.equal(await page.locator("#filename").inputValue(), "..dots");
    assert.equal(await page.locator("#progress-spinner").isVisible(), false);

    await page.locator("#filename").fill("fine.txt");
    await page.route("**/api/entry/*", (route) => route.abort("connectionreset"));
    await button(page, "Save").click();
    await message.filter({ hasText: /^Failed to communicate with server/ }).waitFor();
    await page.unroute("**/api/entry/*");

    await page.request.delete(`/api/entry/${id}`);
    await button(page, "Save").click();
    await message.filter({ hasText: "Invalid entry ID" }).waitFor();
    await page.getByText("Nothing was changed: the file has expired or was deleted.").waitFor();
  });

  test("rests while a change is on its way", {}, async ({ page }) => {
    await logIn(page);
    const id = await store(page, "slow.txt", "something");
    await page.goto(`/files/${id}/edit`);
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    let calls = 0;
    await page.route("**/api/entry/*", async (route) => {
      calls++;
      await held;
      await route.continue();
    });
    await button(page, "Save").click();
    await page.locator("#progress-spinner").waitFor();
    assert.ok(await page.locator("#edit-form").evaluate((form) => form.inert));
    await page.keyboard.press("Enter");
    release();
    await page.waitForURL("/files");
    assert.equal(calls, 1);
  });

  test("is left without a change", {}, async ({ page }) => {
    await logIn(page);
    const id = await store(page, "left.txt", "something");
    await page.goto("/files");
    await rowOf(page, "left.txt").getByLabel("Information").click();
    await button(page, "Edit").click();
    await page.waitForURL(`/files/${id}/edit`);
    await page.locator("#filename").fill("never saved.txt");
    await button(page, "Cancel").click();
    await page.waitForURL(`/files/${id}/info`);
    assert.equal(await fact(page, "Filename"), "left.txt");

    await button(page, "Edit").click();
    await button(page, "Delete").click();
    await page.waitForURL(`/files/${id}/confirm-delete`);
    await button(page, "Cancel").click();
    await page.waitForURL(`/files/${id}/edit`);
    await button(page, "Cancel").click();
    await page.waitForURL(`/files/${id}/info`);
    await button(page, "Close").click();
    await page.waitForURL("/files");
    assert.equal(await rowOf(page, "left.txt").count(), 1);
  });

  test("can be cancelled in a new tab", {}, async ({ page, context }) => {
    await logIn(page);
    const id = await store(page, "tab.txt", "something");
    for (const from of ["edit", "downloads"]) {
      const tab = await context.newPage();
      await tab.goto(`/files/${id}/${from}`);
      await tab.locator("#cancel-btn, #close-btn").click();
      await tab.waitForURL(`/files/${id}/info`);
    }
    const tab = await context.newPage();
    await tab.goto(`/files/${id}/confirm-delete`);
    await button(tab, "Cancel").click();
    await tab.waitForURL(`/files/${id}/edit`);
  });

  test("goes back where the browser does not tell its history", {}, async ({ page }) => {
    await page.addInitScript(() => {
      Object.defineProperty(window, "navigation", { value: undefined });
    });
    await logIn(page);
    const id = await store(page, "old browser.txt", "something");
    await page.goto(`/files/${id}/info`);
    await button(page, "Edit").click();
    await page.waitForURL(`/files/${id}/edit`);
    await button(page, "Cancel").click();
    await page.waitForURL(`/files/${id}/info`);
    await page.goto(`/files/${id}/confirm-delete`);
    await button(page, "Cancel").click();
    await page.waitForURL(`/files/${id}/edit`);
  });
});

suite("deleting", (test) => {
  test("asks once more", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 404/);
    await logIn(page);
    const id = await store(page, "doomed.txt", "something");
    await page.goto(`/files/${id}/edit`);
    await button(page, "Delete").click();
    await page.waitForURL(`/files/${id}/confirm-delete`);
    assert.equal(await page.title(), "PicoShare - Delete");
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Delete File");
    assert.equal(await page.locator(".filename").innerText(), "doomed.txt");
    assert.equal(await page.locator("#delete-form input[name='entry-id']").inputValue(), id);
    assert.equal((await page.request.get(`/-${id}`)).status(), 200);

    await page.locator("#delete-btn").click();
    await page.waitForURL("/files");
    assert.equal(await rowOf(page, "doomed.txt").count(), 0);
    assert.equal((await page.request.get(`/-${id}`)).status(), 404);
    await page.goto(`/files/${id}/info`);
    await page.getByText("entry not found").waitFor();
  });

  test("says when it failed", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 500/);
    await logIn(page);
    const id = await store(page, "stubborn.txt", "something");
    await page.goto(`/files/${id}/confirm-delete`);
    await page.route("**/api/entry/*", (route) =>
      route.fulfill({ status: 500, contentType: "text/plain", body: "failed to delete entry\n" }),
    );
    await button(page, "Delete").click();
    await page.locator("#error-message").filter({ hasText: "failed to delete entry" }).waitFor();
    assert.equal(path(page), `/files/${id}/confirm-delete`);

    await page.unroute("**/api/entry/*");
    await button(page, "Delete").click();
    await page.waitForURL("/files");
    assert.equal(await rowOf(page, "stubborn.txt").count(), 0);
  });
});

suite("the download history", (test) => {
  const rows = (page) => page.locator("table").getByRole("row");

  test("is empty at first", {}, async ({ page }) => {
    await logIn(page);
    const id = await store(page, "unread.txt", "something");
    await page.goto(`/files/${id}/info`);
    await page.getByRole("link", { name: "History" }).click();
    await page.getByText("No downloads yet.").waitFor();
    assert.equal(await page.title(), "PicoShare - Downloads");
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Downloads");
    assert.equal(await page.locator("table, #unique-ips-only").count(), 0);
    await button(page, "Close").click();
    await page.waitForURL(`/files/${id}/info`);
  });

  for (const width of [1280, 360]) {
    const options = { userAgent: CHROME, viewport: { width, height: 800 } };
    test(`lists browsers and addresses at ${width} px`, options, async ({ page, server }) => {
      await logIn(page);
      const id = await store(page, "read.txt", "something");
      await page.goto(`/-${id}`);
      await download(server, id, FIREFOX);
      await download(server, id, "curl/7.88.1");
      await page.goto(`/files/${id}/info`);
      await page.getByRole("link", { name: "History" }).click();
      await page.waitForURL(`/files/${id}/downloads`);
      assert.equal(await rows(page).count(), 4);
      assert.deepEqual(
        await rows(page).first().getByRole("columnheader").allInnerTexts(),
        ["Download", "Time", "Downloader IP", "Browser", "Platform"],
      );
      const cells = rows(page).last().getByRole("cell");
      assert.equal(await cells.nth(0).innerText(), "1");
      assert.match(await cells.nth(1).innerText(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+00:00$/);
      assert.match(await cells.nth(2).innerText(), /^(127\.0\.0\.1|::1)$/);
      assert.equal(await cells.nth(3).innerText(), "Chrome");
      assert.equal(await cells.nth(4).innerText(), "Linux");
      const above = rows(page).nth(2).getByRole("cell");
      assert.equal(await above.nth(0).innerText(), "2");
      assert.equal(await above.nth(3).innerText(), "Firefox");
      assert.equal(await rows(page).nth(1).getByRole("cell").nth(3).innerText(), "curl");

      const addresses = await page.locator("tbody td:nth-child(3)").allInnerTexts();
      const unique = page.getByRole("checkbox", { name: "Unique IPs only" });
      assert.equal(await unique.isChecked(), false);
      await page.locator("#unique-ips-only").check();
      await page.waitForURL(`/files/${id}/downloads?unique=true`);
      assert.ok(await unique.isChecked());
      assert.equal(await rows(page).count(), 1 + new Set(addresses).size);
      assert.equal(await rows(page).last().getByRole("cell").first().innerText(), "1");
      await page.locator("#unique-ips-only").uncheck();
      await page.waitForURL(`/files/${id}/downloads`);
      assert.equal(await unique.isChecked(), false);
      assert.equal(await rows(page).count(), 4);

      await button(page, "Close").click();
      await page.waitForURL(`/files/${id}/info`);
    });
  }

  test("has pages", {}, async ({ page, server }) => {
    await logIn(page);
    const id = await store(page, "popular.txt", "something");
    for (let n = 1; n <= 205; n++) {
      await download(server, id, `agent${n}/1.0`);
    }
    await page.goto(`/files/${id}/info`);
    await page.getByRole("link", { name: "History" }).click();
    const ends = async () => {
      const first = rows(page).nth(1).getByRole("cell");
      const last = rows(page).last().getByRole("cell");
      return [await first.nth(0).innerText(), await first.nth(3).innerText(),
        await last.nth(0).innerText(), await last.nth(3).innerText()];
    };
    const newer = page.getByRole("link", { name: "Newer" });
    const older = page.getByRole("link", { name: "Older" });
    assert.deepEqual(await ends(), ["205", "agent205", "106", "agent106"]);
    assert.equal(await newer.count(), 0);
    await older.click();
    await page.waitForURL(`/files/${id}/downloads?page=2`);
    assert.deepEqual(await ends(), ["105", "agent105", "6", "agent6"]);
    await older.click();
    await page.waitForURL(`/files/${id}/downloads?page=3`);
    assert.deepEqual(await ends(), ["5", "agent5", "1", "agent1"]);
    assert.equal(await older.count(), 0);
    await newer.click();
    await page.waitForURL(`/files/${id}/downloads?page=2`);

    await page.locator("#unique-ips-only").check();
    await page.waitForURL(`/files/${id}/downloads?unique=true`);
    await button(page, "Close").click();
    await page.waitForURL(`/files/${id}/info`);
    assert.equal(await fact(page, "Downloads"), "205 (History)");
  });

  for (const [timezoneId, offsets] of [
    ["Asia/Kolkata", ["+05:30"]],
    ["America/St_Johns", ["-03:30", "-02:30"]],
  ]) {
    test(`tells times of ${timezoneId}`, { timezoneId }, async ({ page, server }) => {
      await logIn(page);
      const id = await store(page, "zoned.txt", "something");
      await download(server, id, CHROME);
      await page.goto(`/files/${id}/downloads`);
      const time = page.locator(".download-time time");
      const [day, clock, offset] = (await time.innerText()).split(" ");
      assert.ok(offsets.includes(offset), offset);
      assert.equal(
        Date.parse(`${day}T${clock}${offset}`),
        Date.parse(await time.getAttribute("datetime")),
      );
    });
  }
});

suite("without JavaScript", (test) => {
  test("the pages can be read", { javaScriptEnabled: false }, async ({ page, server }) => {
    await page.goto("/login");
    await page.getByLabel("Passphrase").fill("dummypass");
    await button(page, "Authenticate").click();
    await page.waitForURL("/");
    const id = await store(page, "plain.txt", "something");
    await download(server, id, CHROME);
    await page.goto("/files");
    await rowOf(page, "plain.txt").getByLabel("Information").click();
    const links = page.locator("upload-links a");
    assert.deepEqual(await links.allInnerTexts(), [
      `${server.url}/-${id}/plain.txt`,
      `${server.url}/-${id}`,
    ]);
    assert.equal(await links.last().getAttribute("href"), `${server.url}/-${id}`);
    assert.match(await fact(page, "Upload time"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    await page.getByRole("link", { name: "History" }).click();
    await page.locator("#unique-ips-only").check();
    await button(page, "Apply").click();
    await page.waitForURL(`/files/${id}/downloads?unique=true`);
    assert.ok(await page.locator("#unique-ips-only").isChecked());

    for (const name of ["edit", "confirm-delete"]) {
      await page.goto(`/files/${id}/${name}`);
      assert.match(await page.locator("noscript p").innerText(), /JavaScript is switched off/);
    }
  });
});
