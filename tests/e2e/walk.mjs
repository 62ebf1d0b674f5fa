// A walk through every page, in every state that a person may find it in.

import assert from "node:assert/strict";
import { logIn } from "./browser.mjs";

const NEVER = "2999-12-31T00:00:00Z";
const AGENTS = [
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1 Safari/604.1",
  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:128.0) Gecko/20100101 Firefox/128.0",
  "a_very_long_name_of_a_program_that_fetches_links_for_its_users/1.0",
];

export const LONG_NAME = `${"a_name_without_any_place_to_break_".repeat(6)}.txt`;
const NAMES = [
  "Holiday pictures 2026.zip",
  LONG_NAME,
  "a name of many words, as people give it who say in it what the file is about and for whom.pdf",
  "عنوان طويل باللغة العربية.txt",
  "写真 と 映像 📷.mov",
];
const NOTES = ["for Ann", `${"no_place_to_break_here_either_".repeat(8)}`, "", "ملاحظة", "x"];

const file = (name, text = "something") => ({
  name,
  mimeType: "text/plain",
  buffer: Buffer.from(text),
});

// Stores a file without the upload page; returns its id.
export async function store(page, name, { text, ...fields } = {}) {
  const response = await page.request.post("/api/entry", {
    multipart: { file: file(name, text), ...fields },
  });
  assert.equal(response.status(), 200);
  return (await response.json()).id;
}

// Makes a guest link without its page; returns its id.
export async function makeLink(page, fields = {}) {
  const response = await page.request.post("/api/guest-links", {
    data: { urlExpirationTime: NEVER, fileLifetime: "876000h0m0s", ...fields },
  });
  assert.equal(response.status(), 200);
  return (await response.json()).id;
}

// What earlier walks have left on the server.
async function deleteEverything(page) {
  for (const [list, attribute, api] of [
    ["/files", "pico-entry-id", "/api/entry"],
    ["/guest-links", "pico-link-id", "/api/guest-links"],
  ]) {
    await page.goto(list);
    const buttons = page.locator(`button[${attribute}]`);
    const ids = await buttons.evaluateAll(
      (all, name) => all.map((button) => button.getAttribute(name)),
      attribute,
    );
    for (const id of new Set(ids)) {
      assert.ok((await page.request.delete(`${api}/${id}`)).ok());
    }
  }
}

async function fill(page) {
  const files = [];
  for (const [at, name] of NAMES.entries()) {
    files.push(await store(page, name, NOTES[at] === "" ? {} : { note: NOTES[at] }));
  }
  for (const agent of AGENTS) {
    await page.request.get(`/-${files[1]}`, { headers: { "User-Agent": agent } });
  }
  const active = await makeLink(page, {
    label: LONG_NAME.slice(0, 200),
    maxFileBytes: 1 << 30,
    maxFileUploads: 9,
  });
  const inactive = await makeLink(page, { label: "For Joe at ExampleCo" });
  await makeLink(page);
  assert.equal((await page.request.put(`/api/guest-links/${inactive}/disable`)).status(), 204);
  return { id: files[1], undownloaded: files[0], active, inactive };
}

// Runs in the page: how far things moved by themselves while the page was loading (0 is not at all).
export function layoutShift() {
  return new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const shifts = list.getEntries().filter(({ hadRecentInput }) => !hadRecentInput);
      resolve(shifts.reduce((sum, { value }) => sum + value, 0));
    }).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(0), 100);
  });
}

// Answers what the page sends there with an error, or not at all.
async function refuse(page, path, status, body) {
  await page.route(path, (route) => route.fulfill({ status, contentType: "text/plain", body }));
}

// Yields the name of each place; the page, which nobody is logged in on at first, is then there.
// Its console tells of the statuses EXPECTED_MESSAGES.
export async function* everyPlace(page) {
  yield* everyPlaceForAnyone(page);
  await logIn(page);
  await deleteEverything(page);
  yield* everyEmptyList(page);
  yield* everyPlaceOfUploading(page, "/", "/api/entry?*");
  const made = await fill(page);
  yield* everyPlaceOfFiles(page, made);
  yield* everyPlaceOfGuestLinks(page, made);
  yield* everyPlaceOfTheSystem(page);
}

export const EXPECTED_MESSAGES = /status of (400|401|404|507)/;

async function* everyPlaceForAnyone(page) {
  await page.goto("/");
  yield "landing";
  await page.goto("/login");
  yield "login";
  await refuse(page, "/api/auth", 401, "incorrect shared secret\n");
  await page.locator("#secret").fill("wrong");
  await page.getByRole("button", { name: "Authenticate" }).click();
  await page.getByRole("alert").waitFor();
  await page.unroute("/api/auth");
  yield "login-refused";
  await page.goto("/no-such-page");
  yield "not-found";
  await page.goto("/g/bad");
  yield "bad-guest-link";
}

async function* everyEmptyList(page) {
  await page.goto("/files");
  yield "files-empty";
  await page.goto("/guest-links");
  yield "guest-links-empty";
}

async function* everyPlaceOfUploading(page, path, api) {
  const input = page.locator(".file-input");
  await page.goto(path);
  yield "upload";
  if (path === "/") {
    await page.locator("#expiration-select").selectOption({ label: "Custom" });
    yield "upload-custom";
    await page.locator("#expiration-select").selectOption({ label: "1 day" });
  }
  await refuse(page, api, 507, "the server's disk is full; nothing of this upload was stored\n");
  await input.setInputFiles(file("refused.txt"));
  await page.getByRole("alert").waitFor();
  yield "upload-refused";
  await input.setInputFiles([file("first.txt"), file(LONG_NAME)]);
  await page.getByText("0 of 2 files uploaded.").waitFor();
  yield "upload-queue-failed";
  await page.unroute(api);

  let release;
  const held = new Promise((resolve) => {
    release = resolve;
  });
  await page.route(api, async (route) => {
    await held;
    await route.continue().catch(() => {}); // it may have been cancelled
  });
  await page.goto(path);
  await input.setInputFiles(file(LONG_NAME));
  await page.locator("#upload-progress").waitFor();
  yield "upload-progress";
  await page.locator("#cancel-btn").click();
  await page.locator("#upload-cancelled").waitFor();
  yield "upload-cancelled";
  await page.locator("#upload-cancelled button").click();
  release();
  await page.locator("#upload-result").waitFor();
  await page.unroute(api);
  yield "upload-result";
  await page.goto(path);
  await input.setInputFiles([file("first.txt"), file("second.txt")]);
  await page.locator("#upload-result").waitFor();
  yield "upload-queue-done";
}

async function* everyPlaceOfFiles(page, { id, undownloaded }) {
  for (const [name, path] of [
    ["files", "/files"],
    ["files-nothing-found", "/files?q=no+such+name"],
    ["file-info", `/files/${id}/info`],
    ["file-edit", `/files/${id}/edit`],
    ["file-delete", `/files/${id}/confirm-delete`],
    ["downloads", `/files/${id}/downloads`],
    ["downloads-empty", `/files/${undownloaded}/downloads`],
    ["file-unknown", "/files/abcdefghjk/info"],
  ]) {
    await page.goto(path);
    yield name;
  }
  const api = `/api/entry/${id}`;
  await refuse(page, api, 404, "entry not found\n");
  await page.goto(`/files/${id}/edit`);
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").waitFor();
  await page.unroute(api);
  yield "file-edit-refused";
}

async function* everyPlaceOfGuestLinks(page, { active, inactive }) {
  await page.goto("/guest-links");
  yield "guest-links";
  await page.getByRole("button", { name: "Delete" }).first().click();
  await page.getByText("Guest link deleted").waitFor();
  await page.waitForTimeout(300); // the row fades away
  yield "guest-link-deleted";
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("Guest link restored").waitFor();
  await page.goto("/guest-links/new");
  yield "guest-link-new";
  await refuse(page, "/api/guest-links", 400, "Invalid request: label too long\n");
  await page.getByRole("button", { name: "Create" }).click();
  await page.getByRole("alert").waitFor();
  await page.unroute("/api/guest-links");
  yield "guest-link-new-refused";
  await page.goto(`/g/${inactive}`);
  yield "guest-inactive-owner";
  const cookies = await page.context().cookies();
  await page.context().clearCookies();
  await page.goto(`/g/${inactive}`);
  yield "guest-inactive";
  for await (const place of everyPlaceOfUploading(page, `/g/${active}`, `/api/guest/${active}?*`)) {
    yield `guest-${place}`;
  }
  await page.context().addCookies(cookies);
}

async function* everyPlaceOfTheSystem(page) {
  await page.goto("/settings");
  yield "settings";
  await page.locator("#default-expiration").fill("30");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Settings saved").waitFor();
  yield "settings-saved";
  await page.goto("/information");
  yield "information";
  for (const summary of await page.locator("summary").all()) {
    await summary.click();
  }
  yield "information-explained";
  const toggle = page.getByRole("button", { name: "Toggle navigation" });
  if (await toggle.isVisible()) {
    await toggle.click();
  }
  await page.getByRole("menuitem", { name: "System" }).hover();
  yield "menu";
}
