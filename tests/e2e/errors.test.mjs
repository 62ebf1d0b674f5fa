// What people see when something goes wrong: error pages, and what stands between them and us.

import assert from "node:assert/strict";
import { logIn, suite } from "./browser.mjs";
import { makeLink, store } from "./walk.mjs";

const button = (page, name) => page.getByRole("button", { name });
const toasts = (page) => page.locator("snackbar-notifications p");
const LONG_PATH = `/-${"a".repeat(9000)}`;
const PROXY_PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>";

// Every place where a script asks the server for something: how to get there, and how to ask.
const CALLS = [
  {
    name: "logging in",
    doubt: "Check your connection, then try again.",
    api: "/api/auth",
    path: async () => "/login",
    signedOut: true,
    async act(page) {
      await page.locator("#secret").fill("wrong");
      await button(page, "Authenticate").click();
    },
  },
  {
    name: "uploading",
    doubt: "“a.txt” may have been stored: look in Files before you try again.",
    api: "/api/entry?*",
    path: async () => "/",
    act: (page) =>
      page
        .locator(".file-input")
        .setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("x") }),
  },
  {
    name: "editing",
    doubt: "It may have been changed: reload this page to see.",
    api: "/api/entry/*",
    path: async (page) => `/files/${await store(page, "a.txt")}/edit`,
    act: (page) => button(page, "Save").click(),
  },
  {
    name: "deleting",
    doubt: "It may have been deleted: look whether it is still in the list.",
    api: "/api/entry/*",
    path: async (page) => `/files/${await store(page, "a.txt")}/confirm-delete`,
    act: (page) => button(page, "Delete").click(),
  },
  {
    name: "making a guest link",
    doubt: "The link may have been made: look in the list before you try again.",
    api: "/api/guest-links",
    path: async () => "/guest-links/new",
    act: (page) => button(page, "Create").click(),
  },
  {
    name: "disabling a guest link",
    doubt: "It may have been changed: reload this page to see.",
    api: "/api/guest-links/**",
    path: async (page) => {
      await makeLink(page);
      return "/guest-links";
    },
    act: (page) => button(page, "Disable").first().click(),
  },
  {
    name: "deleting a guest link",
    doubt: "It may have been deleted: reload this page to see.",
    api: "/api/guest-links/*",
    path: async (page) => {
      await makeLink(page);
      return "/guest-links";
    },
    act: (page) => button(page, "Delete").first().click(),
  },
  {
    name: "a guest's upload",
    doubt: "“a.txt” may have been stored: ask the owner of this server before you send it again.",
    api: "/api/guest/*",
    path: async (page) => `/g/${await makeLink(page)}`,
    act: (page) =>
      page
        .locator(".file-input")
        .setInputFiles({ name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("x") }),
  },
  {
    name: "saving settings",
    doubt: "It may have been changed: reload this page to see.",
    api: "/api/settings",
    path: async () => "/settings",
    async act(page) {
      await page.locator("#default-expiration").fill("9");
      await button(page, "Save").click();
    },
  },
  {
    name: "ending a session",
    doubt: "It may have ended: reload this page to see.",
    api: "/api/sessions/*",
    path: async () => "/information",
    act: (page) => button(page, "End").first().click(),
  },
];

// Opens the place of a call, whose answers are then a proxy's; null: there is none.
async function open(page, call, answer) {
  if (!call.signedOut) {
    await logIn(page);
  }
  await page.goto(await call.path(page));
  await page.route(call.api, (route) =>
    answer === null ? route.abort("connectionreset") : route.fulfill(answer),
  );
}

suite("a page of a proxy", (test) => {
  for (const call of CALLS) {
    test(`is not shown as the answer to ${call.name}`, {}, async ({ page, expectConsole }) => {
      expectConsole(/status of (413|502|504)/);
      for (const [status, advice] of [
        [413, call.signedOut ? "Check the passphrase" : "Choose a smaller file."],
        [502, call.signedOut ? "Try again." : "Try again in a minute."],
        [504, call.signedOut ? "Try again." : "Try again in a minute."],
      ]) {
        await open(page, call, { status, contentType: "text/html", body: PROXY_PAGE });
        await call.act(page);
        const alert = page.getByRole("alert");
        await alert.filter({ hasText: advice }).waitFor();
        const text = await alert.innerText();
        assert.ok(text.includes(`The server answered with an error (status ${status}).`), text);
        assert.doesNotMatch(text, /nginx|<|Bad Gateway/);
        assert.equal(await toasts(page).count(), 0);
        await page.unroute(call.api);
      }
    });

    // As a proxy does that has a login page of its own.
    test(`is no success of ${call.name}`, {}, async ({ page }) => {
      await open(page, call, { status: 200, contentType: "text/html", body: PROXY_PAGE });
      const { pathname } = new URL(page.url());
      await call.act(page);
      if (call.signedOut) {
        await page.waitForURL("/"); // where the proxy shows its page itself
        await page.getByRole("menuitem", { name: "Log In" }).waitFor();
        return;
      }
      const alert = page.getByRole("alert");
      await alert.filter({ hasText: /Something else answered|is no link/ }).waitFor();
      await alert.filter({ hasText: call.doubt }).waitFor();
      assert.doesNotMatch(await alert.innerText(), /nginx|</);
      assert.equal(new URL(page.url()).pathname, pathname);
      assert.equal(await toasts(page).count(), 0);
    });
  }

  for (const call of CALLS.filter(({ name }) => !/upload/.test(name))) {
    test(`or none leaves in doubt what came of ${call.name}`, {}, async ({ page, expectConsole }) => {
      expectConsole(/ERR_CONNECTION_RESET/);
      await open(page, call, null);
      await call.act(page);
      const alert = page.getByRole("alert");
      await alert.filter({ hasText: "Failed to communicate with server" }).waitFor();
      await alert.filter({ hasText: call.doubt }).waitFor();
      assert.doesNotMatch(await alert.innerText(), /Nothing was changed/);
    });
  }

  for (const answer of [{ status: 502, contentType: "text/html", body: PROXY_PAGE }, "abort"]) {
    const what = answer === "abort" ? "a broken connection" : "an error";
    test(`or ${what} does not look like logging out`, {}, async ({ page, expectConsole }) => {
      expectConsole(/status of 502|ERR_FAILED/);
      await logIn(page, "/settings");
      await page.route("/api/auth", (route) =>
        answer === "abort" ? route.abort() : route.fulfill(answer),
      );
      await page.getByRole("menuitem", { name: "System" }).hover();
      await page.getByRole("menuitem", { name: "Log Out" }).click();
      await page.getByText("you are still logged in").waitFor();
      assert.equal(new URL(page.url()).pathname, "/settings");
    });
  }
});

suite("toasts", (test) => {
  test("that are equal do not pile up", {}, async ({ page }) => {
    await page.goto("/");
    await page.clock.install();
    const show = (text) =>
      page.evaluate(
        (message) => document.querySelector("snackbar-notifications").addInfoMessage(message),
        text,
      );
    await show("one");
    await show("two");
    await page.clock.runFor(2000);
    await show("one");
    assert.deepEqual(await toasts(page).allInnerTexts(), ["two", "one"]);
    await page.clock.runFor(1500);
    assert.deepEqual(await toasts(page).allInnerTexts(), ["one"]);
    await page.clock.runFor(2000);
    assert.equal(await toasts(page).count(), 0);
    await show("one");
    assert.deepEqual(await toasts(page).allInnerTexts(), ["one"]);
    await page.clock.runFor(3500);
    assert.equal(await toasts(page).count(), 0);
  });
});

suite("error pages", (test) => {
  for (const { path, status, heading, advice } of [
    { path: "/no-such-page", status: 404, heading: "Not found", advice: "Check the link." },
    { path: "/-ZZZZZZZZZZ", status: 404, heading: "Not found", advice: "expired or been deleted" },
    { path: "/g/abcdefgh23456789", status: 404, heading: "Not found", advice: "Check the link." },
    { path: "/g/bad", status: 400, heading: "Bad request", advice: "cut off or changed" },
    { path: "/upload", status: 405, heading: "No page here", advice: "Only forms and programs" },
    { path: "/%zz", status: 400, heading: "Bad request", advice: "cut off or changed" },
    { path: LONG_PATH, status: 414, heading: "Address too long", advice: "other text may have got" },
  ]) {
    test(`say for ${path.slice(0, 20)} what to do`, {}, async ({ page, expectConsole }) => {
      expectConsole(new RegExp(`status of ${status}`));
      const response = await page.goto(path);
      assert.equal(response.status(), status);
      assert.equal(await page.title(), `PicoShare - ${heading}`);
      assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), heading);
      await page.getByText(advice).waitFor();
      await page.getByRole("menuitem", { name: "Log In" }).waitFor();
      await page.getByRole("link", { name: "Go to the start page" }).click();
      await page.waitForURL("/");
    });
  }

  test("say what is lost of a form", { javaScriptEnabled: false },
    async ({ page, context, expectConsole }) => {
      expectConsole(/status of 401/);
      await logIn(page);
      await page.locator(".file-input").setInputFiles({
        name: "a.txt",
        mimeType: "text/plain",
        buffer: Buffer.from("x"),
      });
      await context.clearCookies();
      await page.locator("#upload-form [type=submit]").click();
      await page.getByRole("heading", { name: "No access" }).waitFor();
      await page.getByText("Nothing was stored or changed. Log in, then try again.").waitFor();
    });
});
