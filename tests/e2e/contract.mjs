// What other people's browser tests rely on, one test for each promise, in any browser.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { logIn, suite } from "./browser.mjs";
import { PASSPHRASE } from "./server.mjs";

const EXPECT_MS = 5000;

// Tries until the check no longer throws, as expectations of browser tests do.
async function eventually(check) {
  const end = Date.now() + EXPECT_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) {
        throw error;
      }
      await sleep(50);
    }
  }
}

const menuItem = (page, name) => page.getByRole("menuitem", { name });
const button = (within, name) => within.getByRole("button", { name });
const rowOf = (page, text) => page.getByRole("row").filter({ hasText: text });
const cellOf = (row, number) => row.getByRole("cell").nth(number);
const sectionOf = (page, name) =>
  page.locator("section").filter({ has: page.getByRole("heading", { name }) });

const hasText = (locator, text) =>
  eventually(async () => assert.equal((await locator.innerText()).trim(), text));
const matches = (locator, pattern) =>
  eventually(async () => assert.match((await locator.innerText()).trim(), pattern));
const isShown = (locator) => eventually(async () => assert.ok(await locator.isVisible()));
const isHidden = (locator) => eventually(async () => assert.ok(!(await locator.isVisible())));
const hasCount = (locator, count) =>
  eventually(async () => assert.equal(await locator.count(), count));
const hasValue = (locator, value) =>
  eventually(async () => assert.equal(await locator.inputValue(), value));

async function logInByHand(page) {
  await page.goto("/");
  await menuItem(page, "Log In").click();
  await page.waitForURL("/login");
  await page.locator("form input[type='password']").fill(PASSPHRASE);
  await page.locator("form input[type='submit']").click();
  await page.waitForURL("/");
}

// Chooses a file that exists only here, and waits for its links.
async function upload(page, name, text) {
  await page.locator(".file-input").setInputFiles([
    { name, mimeType: "text/plain", buffer: Buffer.from(text) },
  ]);
  await hasText(page.locator("#upload-result .message-body"), "Upload complete!");
}

async function openFiles(page) {
  await menuItem(page, "Files").click();
  await page.waitForURL("/files");
}

// As the owner does it; what is not named in the fields stays as it is.
async function createLink(page, fields) {
  await menuItem(page, "Guest Links").click();
  await page.waitForURL("/guest-links");
  await button(page, "Create new").click();
  await page.waitForURL("/guest-links/new");
  for (const [id, value] of Object.entries(fields)) {
    const control = page.locator(`#${id}`);
    await (id.endsWith("select") ? control.selectOption({ label: value }) : control.fill(value));
  }
  await button(page, "Create").click();
  await page.waitForURL("/guest-links");
}

const linkPath = (page, label) =>
  cellOf(rowOf(page, label), 0).getByRole("link").getAttribute("href");

// A page of somebody else, who is given the cookie that chooses a database, if there is one.
async function guestPage(page, server, path) {
  const context = await page.context().browser().newContext({
    baseURL: server.url,
    timezoneId: "UTC",
  });
  page.context().once("close", () => context.close());
  const cookies = await page.context().cookies();
  await context.addCookies(cookies.filter(({ name }) => name === "db-token"));
  const guest = await context.newPage();
  await guest.goto(path);
  return guest;
}

async function setDefault(page, body) {
  assert.equal((await page.request.put("/api/settings", { data: body })).status(), 200);
}

const daysUntil = (day) => Math.round((Date.parse(day) - Date.now()) / 86_400_000);
const isoDay = (days) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);

// The promises of the table in its order; those that are spread over several rows of it stand at
// the first.
export function contract(kind) {
  const browser = { userAgent: kind.userAgent };
  suite(`what other tests rely on, in ${kind.name}`, (test) => {
    test("menu item Log In, before and after", browser, async ({ page }) => {
      await page.goto("/");
      await isShown(menuItem(page, "Log In"));
      await logInByHand(page);
      await hasCount(menuItem(page, "Log In"), 0);
      await menuItem(page, "System").hover();
      await menuItem(page, "Log Out").click();
      await isShown(menuItem(page, "Log In"));
      await page.waitForURL("/");
    });

    test("menu items Upload, Files, Guest Links, each once", browser, async ({ page }) => {
      await logIn(page);
      for (const [name, path] of [
        ["Files", "/files"],
        ["Guest Links", "/guest-links"],
        ["Upload", "/"],
      ]) {
        await hasCount(menuItem(page, name), 1);
        await menuItem(page, name).click();
        await page.waitForURL(path);
      }
    });

    test("System opens by hover", browser, async ({ page }) => {
      await logIn(page);
      for (const [name, path] of [
        ["Settings", "/settings"],
        ["Information", "/information"],
        ["Log Out", "/"],
      ]) {
        await menuItem(page, "System").hover();
        await menuItem(page, name).click();
        await page.waitForURL(path);
      }
    });

    test("the passphrase and how it is sent", browser, async ({ page }) => {
      await page.goto("/login");
      await page.locator("form input[type='password']").fill(PASSPHRASE);
      await hasCount(page.locator("form input[type='submit']"), 1);
      await button(page, "Authenticate").click();
      await page.waitForURL("/");
    });

    test("the file input and the drop zone", browser, async ({ page, server }) => {
      await logIn(page);
      await hasCount(page.locator(".file-input"), 1);
      await hasCount(page.locator(".file"), 1);
      await hasCount(page.locator(".content"), 1);
      await createLink(page, { label: "For the drop zone" });
      const path = await linkPath(page, "For the drop zone");
      const guest = await guestPage(page, server, path);
      await isShown(guest.locator(".file"));
      await button(rowOf(page, "For the drop zone"), "Disable").click();
      await isShown(button(rowOf(page, "For the drop zone"), "Enable"));
      await guest.reload();
      await hasCount(guest.locator(".file-input"), 0);
    });

    test("the result of an upload", browser, async ({ page }) => {
      await logIn(page);
      await upload(page, "simple-upload.txt", "I'm uploading a file!");
      const links = page.locator("#upload-result upload-links");
      assert.equal(await links.getAttribute("filename"), "simple-upload.txt");
      for (const [box, end] of [
        ["verbose-link-box", "/simple-upload.txt"],
        ["short-link-box", ""],
      ]) {
        const link = page.locator(`#upload-result upload-links #${box} #link`);
        await isShown(link);
        await link.click();
        await page.waitForURL(new RegExp(`/-[A-Za-z2-9]{10}${end}$`));
        await hasText(page.locator("body"), "I'm uploading a file!");
        await page.goBack();
        await upload(page, "simple-upload.txt", "I'm uploading a file!");
      }
    });

    test("the first link of the result", browser, async ({ page, server }) => {
      await logIn(page);
      await upload(page, "first link.txt", "first");
      const href = await page.locator("#result-links a").first().evaluate((link) => link.href);
      assert.ok(href.startsWith(`${server.url}/-`) && href.endsWith("/first%20link.txt"), href);
      await page.goto(href);
      await hasText(page.locator("body"), "first");
    });

    test("Upload Another", browser, async ({ page, server }) => {
      await logIn(page);
      await upload(page, "before-another.txt", "one");
      await button(page, "Upload Another").click();
      await isShown(page.locator(".file"));
      await isHidden(page.locator("#upload-result"));
      await upload(page, "another.txt", "two");

      await createLink(page, { label: "For one file", "file-upload-limit": "1" });
      const guest = await guestPage(page, server, await linkPath(page, "For one file"));
      await upload(guest, "the only one.txt", "three");
      await button(guest, "Upload Another").click();
      await matches(guest.locator("h1"), /Guest Link Inactive/);
      await hasCount(guest.locator(".file-input"), 0);
    });

    test("the choices of expiration", browser, async ({ page, server }) => {
      await logIn(page);
      await setDefault(page, { defaultExpirationDays: 30 });
      await page.reload();
      const options = (on) => on.locator("#expiration-select option").allInnerTexts();
      const trimmed = async (on) => (await options(on)).map((text) => text.trim());
      const all = ["1 day", "7 days", "30 days", "1 year", "Never"];
      assert.deepEqual(await trimmed(page), [...all, "Custom"]);
      for (const label of ["Custom", "7 days"]) {
        await page.locator("#expiration-select").selectOption({ label });
      }
      for (const [lifetime, count] of [["Never", 5], ["30 days", 3], ["7 days", 2]]) {
        const label = `Whose files live ${lifetime}`;
        await createLink(page, { label, "file-expiration-select": lifetime });
        const guest = await guestPage(page, server, await linkPath(page, label));
        await isShown(guest.locator("#expiration-select"));
        assert.deepEqual(await trimmed(guest), all.slice(0, count));
        const selected = guest.locator("#expiration-select option[selected]");
        await hasCount(selected, 1);
        await hasText(selected, lifetime);
      }
    });

    test("the default expiration is selected", browser, async ({ page }) => {
      await logIn(page);
      for (const [body, text] of [
        [{ defaultExpirationDays: 30 }, "30 days"],
        [{ defaultExpirationDays: 7 }, "7 days"],
        [{ defaultExpirationDays: 5 }, "5 days"],
        [{ defaultExpirationDays: 365 }, "1 year"],
        [{ defaultExpirationDays: 3650 }, "10 years"],
        [{ defaultNeverExpire: true }, "Never"],
      ]) {
        await setDefault(page, body);
        await page.goto("/");
        const selected = page.locator("#expiration-select option[selected]");
        await hasCount(selected, 1);
        await hasText(selected, text);
      }
    });

    test("a date of one's own", browser, async ({ page }) => {
      await logIn(page);
      await page.locator("#expiration-select").selectOption({ label: "Custom" });
      await page.locator("#expiration-picker #expiration").fill("2029-09-03");
      await page.locator("#note").focus();
      await upload(page, "own-date.txt", "until then");
      await openFiles(page);
      const row = rowOf(page, "own-date.txt");
      await matches(cellOf(row, 4), /^2029-09-03/);

      await button(row, "Edit").click();
      await page.waitForURL("/files/*/edit");
      await page.locator("#expiration-picker #expiration").fill("2029-09-04");
      await page.locator("#note").click();
      await button(page, "Save").click();
      await page.waitForURL("/files");
      await matches(cellOf(row, 4), /^2029-09-04/);
      await row.getByLabel("Information").click();
      const expires = sectionOf(page, "Expires").locator(".value");
      await hasText(expires, `2029-09-04 (${daysUntil("2029-09-04")} days)`);
    });

    test("the note", browser, async ({ page }) => {
      await logIn(page);
      await page.locator("#note").fill("For the first reader");
      await upload(page, "with-note.txt", "noted");
      await openFiles(page);
      const row = rowOf(page, "with-note.txt");
      await hasText(cellOf(row, 1), "For the first reader");
      await button(row, "Edit").click();
      await hasValue(page.locator("#note"), "For the first reader");
      await page.locator("#note").click();
      await page.locator("#note").fill("For the second reader");
      await button(page, "Save").click();
      await page.waitForURL("/files");
      await hasText(cellOf(row, 1), "For the second reader");
      await button(row, "Edit").click();
      await page.locator("#note").clear();
      await button(page, "Save").click();
      await page.waitForURL("/files");
      await hasText(cellOf(row, 1), "");
    });

    test("pasting", browser, async ({ page }) => {
      for (const text of ["A text from the clipboard", "Grüße, 世界, 😀"]) {
        await page.context().clearCookies();
        await logIn(page);
        await page.locator("#note").fill(text);
        for (const key of ["Control+A", "Control+C", "Delete"]) {
          await page.keyboard.press(key);
        }
        await hasValue(page.locator("#note"), "");
        await page.locator("#pastebox").focus();
        await page.keyboard.press("Control+V");
        await hasText(page.locator("#upload-result .message-body"), "Upload complete!");
        const links = page.locator("#upload-result upload-links");
        const name = await links.getAttribute("filename");
        assert.match(name, /^pasted-.*\.txt$/);
        await openFiles(page);
        const row = rowOf(page, name); // both may have come in the same second, in any order
        await isShown(row);
        await hasText(cellOf(row, 0), name);
        await cellOf(row, 0).getByRole("link").click();
        await page.waitForURL(/\/-/);
        await hasText(page.locator("body"), text);
      }
    });

    test("the rows of files and what they hold", browser, async ({ page }) => {
      await logIn(page);
      await setDefault(page, { defaultExpirationDays: 30 });
      for (const [label, name] of [
        [null, "row-default.txt"],
        ["7 days", "row-week.txt"],
        ["Never", "row-never.txt"],
      ]) {
        await page.goto("/");
        if (label !== null) {
          await page.locator("#expiration-select").selectOption({ label });
        }
        await upload(page, name, "in a row");
      }
      await openFiles(page);
      const row = rowOf(page, "row-default.txt");
      await isShown(row);
      await hasText(cellOf(row, 0), "row-default.txt");
      await hasText(cellOf(row, 1), "");
      await matches(cellOf(row, 4), / \(30 days\)$/);
      const inAWeek = new RegExp(`${isoDay(7)} \\(7 days\\)`);
      await matches(cellOf(rowOf(page, "row-week.txt"), 4), inAWeek);
      await hasText(cellOf(rowOf(page, "row-never.txt"), 4), "Never");

      await isShown(row.getByLabel("Information"));
      await button(row, "Information").click();
      await page.waitForURL("/files/*/info");
      await page.goBack();
      await button(row, "Edit").click();
      await page.waitForURL("/files/*/edit");
      await page.goBack();
      await row.getByRole("link", { name: "row-default.txt" }).click();
      await hasText(page.locator("body"), "in a row");
    });

    test("the rows of guest links and what they hold", browser, async ({ page }) => {
      await logIn(page);
      await createLink(page, { label: "A row of its own" });
      const row = rowOf(page, "A row of its own");
      await hasText(cellOf(row, 0), "A row of its own");
      assert.match(await linkPath(page, "A row of its own"), /\/g\/[A-Za-z2-9]{16}$/);
      await isShown(button(row, "Copy"));
      await button(row, "Disable").click();
      await isShown(button(row, "Enable"));
      await isHidden(button(row, "Copy"));
      await hasCount(button(row, "Disable"), 0);
      await button(row, "Enable").click();
      await isShown(button(row, "Disable"));
      await isShown(button(row, "Copy"));
      await button(row, "Delete").click();
      await hasCount(row, 0);
      await page.reload();
      await hasCount(row, 0);
    });

    test("the form for guest links", browser, async ({ page, server }) => {
      await logIn(page);
      await createLink(page, {
        label: "With limits",
        "max-file-size": "1",
        "file-upload-limit": "2",
        "file-expiration-select": "30 days",
      });
      await isShown(rowOf(page, "With limits"));
      const guest = await guestPage(page, server, await linkPath(page, "With limits"));
      await matches(guest.locator("h1"), /Upload/);
      for (const name of ["guest-one.txt", "guest-two.txt"]) {
        await upload(guest, name, "from a guest");
        await button(guest, "Upload Another").click();
      }
      await matches(guest.locator("h1"), /Guest Link Inactive/);
      await openFiles(page);
      await isShown(rowOf(page, "guest-one.txt"));
      await matches(cellOf(rowOf(page, "guest-two.txt"), 4), / \(30 days\)$/);
    });

    test("a label that is too long", browser, async ({ page, expectConsole }) => {
      expectConsole(/status of 400/);
      await logIn(page);
      await page.goto("/guest-links/new");
      // Not by fill(), which in Firefox is 5000 strokes of a key.
      await page.locator("#label").evaluate((label) => (label.value = "A".repeat(5000)));
      await button(page, "Create").click();
      await isShown(page.getByText("Invalid request: label too long"));
      assert.equal(new URL(page.url()).pathname, "/guest-links/new");
    });

    test("the sections of the information page", browser, async ({ page }) => {
      await logIn(page);
      await setDefault(page, { defaultExpirationDays: 30 });
      await page.goto("/");
      await upload(page, "known.txt", "exactly 24 bytes of text");
      await openFiles(page);
      await rowOf(page, "known.txt").getByLabel("Information").click();
      await page.waitForURL("/files/*/info");
      const value = (name) => sectionOf(page, name).locator(".value");
      await hasText(value("Filename"), "known.txt");
      await hasText(value("Size"), "24 B");
      await matches(value("Expires"), / \(30 days\)$/);
      await hasText(value("Downloads"), "0 (History)");
      await hasText(value("Note"), "None");
      await hasText(value("Uploaded by"), "You");
      await matches(
        value("Upload time"),
        /^[A-Z][a-z]+ [1-9]\d?, 20\d\d at (1[0-2]|[1-9]):[0-5]\d (AM|PM)$/,
      );

      await button(page, "Edit").click();
      await page.locator("#note").fill("A note, afterwards");
      await button(page, "Save").click();
      await page.waitForURL("/files");
      await rowOf(page, "known.txt").getByLabel("Information").click();
      await hasText(value("Note"), "A note, afterwards");
    });

    test("the history of downloads", browser, async ({ page, context }) => {
      await logIn(page);
      await upload(page, "counted.txt", "this text has thirty-four bytes...");
      const short = await page.locator("#short-link-box #link").getAttribute("href");
      await openFiles(page);
      const row = rowOf(page, "counted.txt");
      await row.getByLabel("Information").click();
      await hasText(sectionOf(page, "Size").locator(".value"), "34 B");
      await hasText(page.getByText("(History)"), "0 (History)");
      await sectionOf(page, "Downloads").getByRole("link", { name: "History" }).click();
      await page.waitForURL("/files/*/downloads");
      await isShown(page.getByRole("heading", { name: "counted.txt" }));
      await isShown(page.getByText("No downloads yet."));
      await hasCount(page.locator("#unique-ips-only"), 0);

      const reader = await context.newPage();
      await reader.goto(short);
      await hasText(reader.locator("pre"), "this text has thirty-four bytes...");
      await page.goBack();
      await page.reload();
      await hasText(page.getByText("(History)"), "1 (History)");
      await page.getByRole("link", { name: "History" }).click();
      const rows = page.getByRole("table").getByRole("row");
      await hasCount(rows, 2);
      await hasText(cellOf(rows.last(), 0), "1");
      await hasText(cellOf(rows.last(), 3), kind.name);
    });

    test("Unique IPs only", browser, async ({ page }) => {
      await logIn(page);
      await upload(page, "unique.txt", "twice");
      const short = await page.locator("#short-link-box #link").getAttribute("href");
      for (const agent of ["first/1.0", "second/2.0"]) {
        await page.request.get(short, { headers: { "User-Agent": agent } });
      }
      await openFiles(page);
      await rowOf(page, "unique.txt").getByLabel("Information").click();
      await page.getByRole("link", { name: "History" }).click();
      await page.waitForURL("/files/*/downloads");
      const rows = page.getByRole("table").getByRole("row");
      await hasCount(rows, 3);
      const box = page.locator("#unique-ips-only");
      await isShown(box);
      assert.equal(await box.isChecked(), false);
      await box.check();
      await page.waitForURL("/files/*/downloads?unique=true");
      await eventually(async () => assert.ok(await box.isChecked()));
      await hasCount(rows, 2);
      await hasText(cellOf(rows.last(), 0), "1");
      await box.uncheck();
      await page.waitForURL(/\/downloads$/);
      await hasCount(rows, 3);
    });

    test("Close and Cancel go back, Save and Delete to the list", browser, async ({ page }) => {
      await logIn(page);
      await upload(page, "to-and-fro.txt", "something");
      await openFiles(page);
      const row = rowOf(page, "to-and-fro.txt");
      await row.getByLabel("Information").click();
      await page.waitForURL("/files/*/info");
      await button(page, "Close").click();
      await page.waitForURL("/files");

      await row.getByLabel("Information").click();
      await button(page, "Edit").click();
      await page.waitForURL("/files/*/edit");
      await button(page, "Cancel").click();
      await page.waitForURL("/files/*/info");
      await button(page, "Edit").click();
      await page.locator("#filename").fill("renamed-to-and-fro.txt");
      await button(page, "Save").click();
      await page.waitForURL("/files");
      await isShown(rowOf(page, "renamed-to-and-fro.txt"));

      await button(row, "Edit").click();
      await button(page, "Delete").click();
      await page.waitForURL("/files/*/confirm-delete");
      await button(page, "Cancel").click();
      await page.waitForURL("/files/*/edit");
      await button(page, "Delete").click();
      await page.waitForURL("/files/*/confirm-delete");
      await button(page, "Delete").click();
      await page.waitForURL("/files");
      await hasCount(rowOf(page, "renamed-to-and-fro.txt"), 0);
    });

    test("the settings as they are at first", browser, async ({ page }) => {
      await logIn(page);
      await setDefault(page, { defaultExpirationDays: 30 });
      await menuItem(page, "System").hover();
      await menuItem(page, "Settings").click();
      await page.waitForURL("/settings");
      const forever = page.getByRole("checkbox", { name: "Store files forever" });
      const number = page.locator("#default-expiration");
      const unit = page.locator("#time-unit");
      const save = page.locator("#settings-form button[type='submit']");
      assert.equal(await forever.isChecked(), false);
      await hasValue(number, "30");
      await hasValue(unit, "days");
      assert.ok(await save.isDisabled());
      await number.fill("30");
      await eventually(async () => assert.ok(await save.isEnabled()));

      await forever.check();
      assert.ok((await number.isDisabled()) && (await unit.isDisabled()));
      await button(page, "Save").click();
      await isShown(page.getByText("Settings saved"));
      await page.reload();
      await eventually(async () => assert.ok(await forever.isChecked()));
      await hasValue(number, "30");
      await hasValue(unit, "days");
      assert.ok((await number.isDisabled()) && (await unit.isDisabled()));
    });

    test("settings that are left at once", browser, async ({ page }) => {
      await logIn(page);
      for (const [number, unit, text] of [["5", "days", "5 days"], ["1", "years", "1 year"]]) {
        await setDefault(page, { defaultExpirationDays: 30 });
        await page.goto("/settings");
        await page.locator("#default-expiration").fill(number);
        await page.locator("#time-unit").selectOption(unit);
        await button(page, "Save").click();
        await menuItem(page, "Upload").click();
        await page.waitForURL("/");
        await hasText(page.locator("#expiration-select option[selected]"), text);
      }
    });

    test("the version", browser, async ({ page }) => {
      await logIn(page);
      await menuItem(page, "System").hover();
      await menuItem(page, "Information").click();
      await page.waitForURL("/information");
      const text = await page.locator(".content").textContent();
      assert.match(text, /Version:\s+[^v\s]\S*/);
    });

    test("the icons", browser, async ({ page }) => {
      for (const name of [
        "favicon.ico",
        "android-chrome-192x192.png",
        "apple-touch-icon.png",
        "site.webmanifest",
      ]) {
        assert.equal((await page.request.get(`/${name}`)).status(), 200, name);
      }
    });

    test("a text is shown by the browser itself", browser, async ({ page }) => {
      await logIn(page);
      await upload(page, "shown.txt", "exactly this, and nothing more");
      await page.locator("#short-link-box #link").click();
      await page.waitForURL(/\/-/);
      await hasText(page.locator("pre"), "exactly this, and nothing more");
      await hasText(page.locator("body"), "exactly this, and nothing more");
    });

    test("a page that was uploaded cannot act", browser, async ({ page, expectConsole }) => {
      expectConsole(/sandbox|Blocked script execution/i);
      await logIn(page);
      await page.locator(".file-input").setInputFiles([
        {
          name: "hostile.html",
          mimeType: "text/html",
          buffer: Buffer.from(`<p>Harmless</p><script>
            fetch("/api/auth", { method: "DELETE", credentials: "include" });
            document.querySelector("p").textContent = "Executed";
          </script>`),
        },
      ]);
      const link = page.locator("#verbose-link-box #link");
      const href = await link.getAttribute("href");
      const answer = page.waitForResponse((response) => response.url() === href);
      await link.click();
      const headers = await (await answer).allHeaders();
      assert.equal(headers["content-security-policy"], "sandbox");
      await hasText(page.locator("p"), "Harmless");
      await page.goto("/");
      await isShown(menuItem(page, "Files"));
      await hasCount(menuItem(page, "Log In"), 0);
    });

    test("a file outlives the cleaning of the database", browser, async ({ page, server }) => {
      await logIn(page);
      await upload(page, "outlives.txt", "still here");
      await fetch(`${server.url}/api/debug/db/cleanup`, { method: "POST" });
      await openFiles(page);
      await isShown(rowOf(page, "outlives.txt"));
    });
  }, kind);
}
