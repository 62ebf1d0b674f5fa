// WCAG 2.2 AA as far as a program can see it, the keyboard, zoom, and people whom motion makes ill.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { logIn, suite } from "./browser.mjs";
import { temporaryDirectory, textFile } from "./fixtures.mjs";
import { PASSPHRASE } from "./server.mjs";
import { EXPECTED_MESSAGES, everyPlace, store } from "./walk.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const WALK_MS = 300_000;
const MOST_STOPS = 100; // of the Tab key on one page

// Colours do not depend on the width, nor places on the colours: scripts/test looks at one scheme at
// each width, scripts/test-long at both.
const SCHEMES = process.env.TEST_SCALE === "full"
  ? { 360: ["dark", "light"], 1280: ["dark", "light"] }
  : { 360: ["dark"], 1280: ["light"] };

// What axe finds wrong, one line for each kind of violation.
async function violations(page) {
  await page.evaluate(`${AXE}; undefined`);
  const found = await page.evaluate(
    (tags) => globalThis.axe.run(document, { runOnly: tags, resultTypes: ["violations"] }),
    TAGS,
  );
  return found.violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(" | ")}`,
  );
}

// Visits every place and demands that check(page) gives no finding anywhere.
async function checkEveryPlace({ page, expectConsole }, check) {
  expectConsole(EXPECTED_MESSAGES);
  const findings = [];
  for await (const place of everyPlace(page)) {
    findings.push(...(await check(page)).map((finding) => `${place}: ${finding}`));
  }
  assert.deepEqual(findings, []);
}

suite("axe finds nothing wrong", (test) => {
  const directory = temporaryDirectory();

  for (const [width, schemes] of Object.entries(SCHEMES)) {
    const viewport = { width: Number(width), height: 800 };
    test(`${schemes.join(" and ")} at ${width} px`, { viewport, timeout: WALK_MS },
      (context) =>
        checkEveryPlace(context, async (page) => {
          const findings = [];
          for (const colorScheme of schemes) {
            await page.emulateMedia({ colorScheme });
            const found = await violations(page);
            findings.push(...found.map((finding) => `${colorScheme}: ${finding}`));
          }
          return findings;
        }));
  }

  test("without JavaScript", {}, async ({ page, context, expectConsole }) => {
    expectConsole(EXPECTED_MESSAGES);
    await logIn(page);
    const id = await store(page, "plain.txt");
    await showWithoutScripts(context);
    const findings = [];
    for (const path of ["/", `/files/${id}/edit`, `/files/${id}/downloads`, "/guest-links/new"]) {
      await page.goto(path);
      assert.equal(await page.locator("snackbar-notifications[role]").count(), 0);
      findings.push(...(await violations(page)).map((finding) => `${path}: ${finding}`));
    }
    await page.goto("/");
    await page.setInputFiles(".file-input", await textFile(directory, "by form.txt", "x"));
    await page.getByRole("button", { name: "Upload" }).click();
    await page.getByText("Upload complete!").waitFor();
    findings.push(...(await violations(page)));
    await context.clearCookies();
    for (const path of ["/", "/login"]) {
      await page.goto(path);
      findings.push(...(await violations(page)).map((finding) => `${path}: ${finding}`));
    }
    assert.deepEqual(findings, []);
  });

  test("unless there is something", {}, async ({ page }) => {
    await page.goto("/login");
    await page.evaluate(() => {
      document.querySelector("label").remove();
      document.getElementById("secret").placeholder = "";
      document.documentElement.removeAttribute("lang");
    });
    const found = (await violations(page)).map((finding) => finding.split(":")[0]);
    assert.deepEqual(found.sort(), ["html-has-lang", "label"]);
  });
});

// axe is a script itself, so what a browser without scripts would show is made for one that has
// them: no scripts of ours, and the rules and elements for that case.
async function showWithoutScripts(context) {
  await context.route("**/*.js", (route) => route.fulfill({ contentType: "text/javascript" }));
  await context.route("**/*.css", async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace("(scripting: none)", "all");
    await route.fulfill({ response, body });
  });
  await context.route(
    (url) => !/\.\w+$/.test(url.pathname),
    async (route) => {
      if (route.request().method() !== "GET") {
        await route.continue();
        return;
      }
      const response = await route.fetch({ maxRedirects: 0 });
      const body = (await response.text()).replaceAll(/<\/?noscript>/g, "");
      await route.fulfill({ response, body });
    },
  );
}

const NOTHING = "nothing";

// What has the focus, by its id or name; throws when nobody can see that it has.
async function focused(page) {
  const { name, visible } = await page.evaluate((nothing) => {
    const active = () => {
      let element = document.activeElement;
      while (element?.shadowRoot?.activeElement) {
        element = element.shadowRoot.activeElement;
      }
      return element;
    };
    const look = (element) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return JSON.stringify([outlineStyle, outlineWidth, boxShadow]);
    };
    const element = active();
    if (element === document.body) {
      return { name: nothing, visible: true };
    }
    // The drop zone stands for the file input that nobody sees.
    const seen = element.matches(".file-input") ? element.closest(".file") : element;
    const rect = seen.getBoundingClientRect();
    // Where the window scrolls to is rounded to whole pixels.
    const inside = rect.top > -1 && rect.bottom < innerHeight + 1 && rect.width > 1;
    const unfocused = seen.cloneNode();
    seen.after(unfocused);
    const differs = look(seen) !== look(unfocused);
    unfocused.remove();
    return {
      name: element.id || (element.getAttribute("aria-label") ?? element.textContent.trim()),
      visible: inside && differs,
    };
  }, NOTHING);
  assert.ok(visible, `the focus on ${name} is not visible`);
  return name;
}

// Presses Tab until the focus is where it should be.
async function tabTo(page, name) {
  const passed = [];
  while (passed.length < MOST_STOPS) {
    await page.keyboard.press("Tab");
    const here = await focused(page);
    if (here === name) {
      return;
    }
    passed.push(here);
  }
  assert.fail(`Tab does not lead to ${name}, but to ${passed.join(", ")}`);
}

// On a busy machine Chromium loses a key now and then: pressed again, as a person would.
async function chooserByKey(page) {
  for (;;) {
    const opened = page.waitForEvent("filechooser", { timeout: 3000 }).catch(() => null);
    await page.keyboard.press("Space");
    const chooser = await opened;
    if (chooser !== null) {
      return chooser;
    }
  }
}

suite("the keyboard alone", (test) => {
  const directory = temporaryDirectory();

  test("signs in, uploads, edits and deletes", {}, async ({ page }) => {
    await page.goto("/");
    await tabTo(page, "Log In");
    await page.keyboard.press("Enter");
    await page.waitForURL("/login");
    assert.equal(await focused(page), "secret");
    await page.keyboard.type(PASSPHRASE);
    await page.keyboard.press("Enter");
    await page.waitForURL("/");

    assert.equal(await focused(page), "pastebox");
    await page.keyboard.press("Shift+Tab");
    assert.equal(await focused(page), "file-input");
    const chooser = await chooserByKey(page);
    await chooser.setFiles(await textFile(directory, "by key.txt", "something"));
    await page.getByText("Upload complete!").waitFor();
    assert.equal(await focused(page), "upload-another-btn");
    await tabTo(page, "edit-btn");
    await page.keyboard.press("Enter");
    await page.waitForURL("/files/*/edit");

    await tabTo(page, "filename");
    await page.keyboard.press("Control+A");
    await page.keyboard.type("renamed by key.txt");
    await tabTo(page, "expire-checkbox");
    await page.keyboard.press("Space");
    await tabTo(page, "note");
    await page.keyboard.type("no mouse");
    await page.keyboard.press("Enter");
    await page.waitForURL("/files");

    const cells = page.getByRole("row").filter({ hasText: "renamed by key" }).getByRole("cell");
    assert.equal(await cells.nth(1).innerText(), "no mouse");
    assert.equal(await cells.nth(4).innerText(), "Never");
    await tabTo(page, "Edit");
    await page.keyboard.press("Space");
    await page.waitForURL("/files/*/edit");
    await tabTo(page, "Delete");
    await page.keyboard.press("Space");
    await page.waitForURL("/files/*/confirm-delete");
    await tabTo(page, "delete-btn");
    await page.keyboard.press("Enter");
    await page.waitForURL("/files");
    assert.equal(await cells.count(), 0);
  });

  test("reaches what the System menu holds", {}, async ({ page }) => {
    await logIn(page);
    await tabTo(page, "System");
    await page.keyboard.press("Enter");
    assert.equal(await focused(page), "Information");
    await page.keyboard.press("ArrowDown");
    assert.equal(await focused(page), "Settings");
    await page.keyboard.press("Escape");
    assert.equal(await focused(page), "System");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("End");
    assert.equal(await focused(page), "navbar-log-out");
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Log In" }).waitFor();
  });

  test("is never caught, and always seen", { timeout: WALK_MS }, (context) =>
    checkEveryPlace(context, async (page) => {
      const lost = [];
      await page.evaluate(() => document.activeElement?.blur());
      for (let presses = 0; presses < MOST_STOPS; presses++) {
        await page.keyboard.press("Tab");
        const here = await focused(page).catch(({ message }) => lost.push(message));
        if (here === NOTHING) {
          return lost;
        }
      }
      return [...lost, "Tab leads round and round, and never out"];
    }));
});

// Runs in the page: what reaches over the edge of the window, or of a box that hides the rest.
function cutOff() {
  const wide = document.documentElement.clientWidth;
  const shadowed = (root) =>
    [...root.querySelectorAll("*")].flatMap((element) => [
      element,
      ...(element.shadowRoot === null ? [] : shadowed(element.shadowRoot)),
    ]);
  const hidden = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return !element.checkVisibility() || width <= 1 || height <= 1 || element.closest("thead");
  };
  const describe = (element) => `${element.outerHTML.slice(0, 80)} is cut off`;
  return shadowed(document.body)
    .filter((element) => !hidden(element))
    .filter((element) => {
      const { left, right } = element.getBoundingClientRect();
      const { overflowX, overflowY } = getComputedStyle(element);
      const clipped =
        !element.matches("input, textarea, select, progress") &&
        ((overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1) ||
          (overflowY !== "visible" && element.scrollHeight > element.clientHeight + 1));
      return left < -1 || right > wide + 1 || clipped;
    })
    .map(describe);
}

suite("large print", (test) => {
  for (const [name, options] of [
    ["at 200 % zoom", { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }],
    ["at 400 % zoom", { viewport: { width: 320, height: 256 }, deviceScaleFactor: 4 }],
  ]) {
    test(`cuts nothing off ${name}`, { ...options, timeout: WALK_MS }, (context) =>
      checkEveryPlace(context, async (page) => {
        const { scrollWidth, clientWidth } = await page.evaluate(() => {
          const { scrollWidth, clientWidth } = document.documentElement;
          return { scrollWidth, clientWidth };
        });
        const wide = scrollWidth > clientWidth ? [`${scrollWidth} px wide`] : [];
        return [...wide, ...(await page.evaluate(cutOff))];
      }));
  }
});

// The distances of WCAG 1.4.12, which people set who read with difficulty. Runs in the page.
function spaceWidely() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* {
    line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important; }
    p { margin-bottom: 2em !important; }`);
  document.adoptedStyleSheets = [sheet];
}

// Runs in the page: what moves for longer than a hundredth of a second.
function moving() {
  const seconds = (list) => Math.max(...list.split(",").map(parseFloat));
  const styles = (element) =>
    [undefined, "::before", "::after"].map((part) => getComputedStyle(element, part));
  const all = (root) =>
    [...root.querySelectorAll("*")].flatMap((element) => [
      element,
      ...(element.shadowRoot === null ? [] : all(element.shadowRoot)),
    ]);
  return all(document)
    .filter((element) =>
      styles(element).some(
        (style) =>
          seconds(style.animationDuration) > 0.01 ||
          seconds(style.transitionDuration) > 0.01 ||
          style.scrollBehavior === "smooth",
      ),
    )
    .map((element) => element.outerHTML.slice(0, 80));
}

suite("for those who set it so", (test) => {
  test("nothing moves, and wide spacing cuts nothing off",
    { reducedMotion: "reduce", viewport: { width: 360, height: 800 }, timeout: WALK_MS },
    (context) =>
      checkEveryPlace(context, async (page) => {
        const moved = await page.evaluate(moving);
        await page.evaluate(spaceWidely);
        return [...moved, ...(await page.evaluate(cutOff))];
      }));

  test("while others see the spinner turn", {}, async ({ page }) => {
    await logIn(page);
    assert.ok((await page.evaluate(moving)).some((element) => element.includes("spinner")));
  });
});
