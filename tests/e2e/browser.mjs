// The browsers, and a suite of tests that each get a fresh context on one server.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { chromium as chromiumType, devices, firefox as firefoxType } from "playwright-core";
import { PASSPHRASE, startServer } from "./server.mjs";

// name: as the history of downloads calls it; userAgent: where a headless browser says that it is.
export const chromium = {
  name: "Chrome",
  programs: ["chromium", "chromium-browser", "google-chrome"],
  contextOptions: { permissions: ["clipboard-read", "clipboard-write"] },
  userAgent: devices["Desktop Chrome"].userAgent,
  launch: (executablePath) =>
    chromiumType.launch({
      executablePath,
      env: { ...process.env, LC_ALL: "C.UTF-8" }, // else it finds no file with a name beyond ASCII
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
      ],
    }),
};

// Spoken to by WebDriver BiDi, which needs no patched Firefox, but a recent one.
export const firefox = {
  name: "Firefox",
  oldest: 153, // that is known to do; 140 does not
  programs: ["firefox-esr", "firefox"],
  contextOptions: {},
  userAgent: undefined,
  launch: (executablePath) =>
    firefoxType.launch({
      executablePath,
      channel: "moz-firefox",
      firefoxUserPrefs: { "dom.events.testing.asyncClipboard": true },
    }),
};

async function findProgram(names) {
  for (const dir of process.env.PATH.split(delimiter)) {
    for (const name of names) {
      const path = join(dir, name);
      if (await access(path, constants.X_OK).then(() => true, () => false)) {
        return path;
      }
    }
  }
  return null;
}

const paths = new Map();
for (const kind of [chromium, firefox]) {
  paths.set(kind, await findProgram(kind.programs));
}

// Why a kind of browser cannot be used here; false: it can. Asks its program: only for who needs it.
function whyNot({ name, oldest, programs }, path) {
  if (path === null) {
    return `no ${name} in PATH (${programs.join(", ")})`;
  }
  if (oldest === undefined) {
    return false;
  }
  const said = execFileSync(path, ["--version"], { encoding: "utf8" }); // "Mozilla Firefox 153.8.0esr"
  return Number(said.match(/ (\d+)\./)[1]) < oldest && `${name} is older than ${oldest}`;
}

// A browser without a suite.
export function launch(kind) {
  return kind.launch(paths.get(kind));
}

// define(test): test(name, options, body) with body({ page, context, server, expectConsole }).
// A page may write nothing to its console but what body announced by expectConsole(pattern):
// scripts that fail and violations of the content security policy show there.
export function suite(name, define, kind = chromium) {
  const skip = whyNot(kind, paths.get(kind));
  describe(name, () => {
    let server;
    let browser;

    before(async () => {
      if (skip) {
        return;
      }
      server = await startServer();
      try {
        browser = await launch(kind);
      } catch (error) {
        await server.stop(); // Node.js 18 does not come to after()
        throw error;
      }
    });
    after(async () => {
      await browser?.close();
      await server?.stop();
    });

    define((title, options, body) => {
      const { timeout = 60_000, ...contextOptions } = options;
      it(title, { timeout, skip }, async () => {
        const context = await browser.newContext({
          baseURL: server.url,
          timezoneId: "UTC",
          locale: "en-US",
          ...kind.contextOptions,
          ...contextOptions,
        });
        context.setDefaultTimeout(Math.min(timeout, 10_000));
        try {
          const page = await context.newPage();
          const expected = [];
          const messages = watchConsole(page);
          await body({
            page,
            context,
            server,
            expectConsole: (pattern) => expected.push(pattern),
          });
          const surprises = messages.filter((text) => !expected.some((each) => each.test(text)));
          assert.deepEqual(surprises, [], "the console must stay empty");
        } finally {
          await context.close();
        }
      });
    });
  });
}

function watchConsole(page) {
  const messages = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      messages.push(`${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => messages.push(String(error)));
  return messages;
}

// As the login page's script does it; the page itself is looked at in login.test.mjs and in the
// contract.
export async function logIn(page, path = "/") {
  const response = await page.request.post("/api/auth", {
    data: { sharedSecretKey: PASSPHRASE },
  });
  assert.equal(response.status(), 200);
  await page.goto(path);
}

// Drops files of this machine on an element, as a person does with the mouse.
export async function dropFiles(page, locator, files) {
  const session = await page.context().newCDPSession(page);
  const box = await locator.boundingBox();
  const place = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, ...place, data });
  }
}

// The href of the short link on the result page.
export async function shortLink(page) {
  const link = page.locator("#upload-result upload-links #short-link-box #link");
  await link.waitFor();
  return link.evaluate((element) => element.href);
}

export async function filesListed(page) {
  await page.goto("/files");
  const rows = page.locator("tbody").getByRole("row");
  return rows.evaluateAll((list) => list.map((row) => row.getAttribute("test-data-filename")));
}
