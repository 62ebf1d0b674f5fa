// The list of files: orders, searching, paging, with mouse, keys and fingers.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { logIn, suite } from "./browser.mjs";

const FILES = 130; // two full pages of 50 and one that is not
const HEADINGS = ["Filename", "Note", "Size", "Uploaded", "Expires"];

// Number n is the n-th oldest. Names, sizes and expiry times have other orders.
function addFiles(server) {
  execFileSync("sqlite3", ["-cmd", ".timeout 10000", join(server.dir, "store.db"), `
    BEGIN;
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${FILES})
      INSERT INTO entries (id, filename, content_type, upload_time, expiration_time, note)
      SELECT printf('%05dabcde', i), printf('file-%03d.txt', i * 37 % ${FILES}), 'text/plain',
        strftime('%Y-%m-%dT%H:%M:%SZ', 1750000000 + i * 86400, 'unixepoch'),
        CASE i % 2 WHEN 0 THEN '2999-12-31T00:00:00Z'
          ELSE strftime('%Y-%m-%dT%H:%M:%SZ', 4000000000 - i * 86400, 'unixepoch') END,
        CASE i % 40 WHEN 7 THEN 'for Ann, with thanks' END
      FROM n;
    INSERT INTO entries_data SELECT id, 0, CAST('x' AS BLOB) FROM entries;
    INSERT INTO ext_files (id, size, sha256)
      SELECT id, 1 + CAST(substr(id, 1, 5) AS INTEGER) * 57 % ${FILES}, zeroblob(32) FROM entries;
    COMMIT;`]);
}

const numbers = Array.from({ length: FILES }, (_, number) => number);
const nameOf = (number) => `file-${String((number * 37) % FILES).padStart(3, "0")}.txt`;
const sizeOf = (number) => 1 + ((number * 57) % FILES);
const newestFirst = numbers.map(nameOf).reverse();

const reversed = (list) => [...list].reverse();
const bySize = [...numbers].sort((a, b) => sizeOf(a) - sizeOf(b)).map(nameOf);
const byName = numbers.map(nameOf).sort();

async function names(page) {
  const rows = page.locator("tbody").getByRole("row");
  return rows.evaluateAll((all) => all.map((row) => row.getAttribute("test-data-filename")));
}

const heading = (page, name) => page.getByRole("columnheader", { name, exact: true });
const pager = (page) => page.getByRole("navigation", { name: "Pages of the list" });
const pageLink = (page, name) => pager(page).getByRole("link", { name, exact: true });

// Waits for the page that a click or a key leads to.
async function going(page, act) {
  const loaded = page.waitForEvent("load");
  await act();
  await loaded;
}

const goTo = (page, name) => going(page, () => pageLink(page, name).click());

async function pagerLinks(page) {
  return page.locator(".pager a").allInnerTexts();
}

// Moves the focus to an element by the Tab key.
async function tabTo(page, locator) {
  for (let i = 0; i < 40; i++) {
    if (await locator.evaluate((element) => element === document.activeElement)) {
      return;
    }
    await page.keyboard.press("Tab");
  }
  assert.fail("the Tab key does not lead there");
}

// The list with its files; they are put there by the first test that asks.
let filled = null;
async function openList({ page, server }, path = "/files") {
  if (filled !== server) {
    addFiles(server);
    filled = server;
  }
  await logIn(page, "/files");
  if (path !== "/files") {
    await page.goto(path);
  }
}

suite("an empty list of files", (test) => {
  for (const width of [360, 1440]) {
    test(`says what to do, ${width} px wide`, { viewport: { width, height: 800 } },
      async ({ page }) => {
        await logIn(page, "/files");
        assert.equal(await page.getByRole("row").count(), 1);
        await page.getByText("Nothing here yet.").waitFor();
        assert.equal(await page.getByRole("searchbox").count(), 0);
        assert.equal(await pager(page).count(), 0);
        await page.getByRole("link", { name: "Share a file" }).click();
        await page.waitForURL("/");
        await page.locator(".file-input").waitFor({ state: "attached" });
      });
  }
});

suite("a long list of files", (test) => {
  test("shows the newest fifty and names its columns", {}, async (at) => {
    const { page } = at;
    await openList(at);
    assert.deepEqual(await names(page), newestFirst.slice(0, 50));
    for (const name of HEADINGS) {
      assert.equal(await heading(page, name).count(), 1, name);
    }
    assert.equal(await page.getByRole("columnheader").count(), HEADINGS.length);
    assert.equal(await heading(page, "Uploaded").getAttribute("aria-sort"), "descending");
    assert.equal(await page.locator("[aria-sort]").count(), 1);
    const cells = page.getByRole("row").nth(1).getByRole("cell");
    assert.deepEqual((await cells.allInnerTexts()).slice(0, 4), [
      nameOf(129), "", `${sizeOf(129)} B`, "2025-10-22",
    ]);
  });

  test("keeps what other tests look up unambiguous", {}, async (at) => {
    const { page } = at;
    await openList(at, "/files?q=file");
    for (const name of ["Upload", "Files", "Guest Links", "System"]) {
      assert.equal(await page.getByRole("menuitem", { name }).count(), 1, name);
    }
    assert.equal(await page.locator(".content").count(), 1);
    assert.equal(await page.locator(".file, .file-input").count(), 0);
    for (const name of ["Upload", "Files", "System", "Close"]) {
      const controls = page.locator("main").getByRole("button", { name });
      assert.equal(await controls.count(), 0, name);
      assert.equal(await page.locator("main").getByRole("link", { name, exact: true }).count(), 0);
    }
  });

  test("is sorted by a click on a heading, and the other way by a second one", {}, async (at) => {
    const { page } = at;
    await openList(at);
    const never = numbers.filter((number) => number % 2 === 0).map(nameOf);
    const ends = numbers.filter((number) => number % 2 === 1).map(nameOf);
    const byExpiry = [...reversed(ends), ...never];
    for (const [name, first, order] of [
      ["Filename", "ascending", byName],
      ["Filename", "descending", reversed(byName)],
      ["Size", "descending", reversed(bySize)],
      ["Size", "ascending", bySize],
      ["Expires", "descending", reversed(byExpiry)],
      ["Expires", "ascending", byExpiry],
      ["Uploaded", "descending", newestFirst],
      ["Uploaded", "ascending", reversed(newestFirst)],
    ]) {
      await going(page, () => heading(page, name).getByRole("link").click());
      assert.deepEqual(await names(page), order.slice(0, 50), `${name}, ${first}`);
      assert.equal(await heading(page, name).getAttribute("aria-sort"), first);
      assert.equal(await page.locator("[aria-sort]").count(), 1);
    }
  });

  test("is sorted and paged by keys", {}, async (at) => {
    const { page } = at;
    await openList(at);
    await tabTo(page, heading(page, "Filename").getByRole("link"));
    await going(page, () => page.keyboard.press("Enter"));
    assert.equal((await names(page))[0], "file-000.txt");
    const next = pageLink(page, "Next");
    await next.focus();
    await going(page, () => page.keyboard.press("Enter"));
    assert.equal((await names(page))[0], "file-050.txt");
    await pageLink(page, "Last").focus();
    await page.keyboard.press("Shift+Tab");
    assert.ok(await next.evaluate((element) => element === document.activeElement));
    await going(page, () => page.keyboard.press("Enter"));
    assert.equal((await names(page)).at(-1), "file-129.txt");
  });

  test("has an arrow that moves nothing", {}, async (at) => {
    const { page } = at;
    const places = async () => {
      const widths = [];
      for (const name of HEADINGS.filter((name) => name !== "Note")) {
        const { width, height } = await heading(page, name).getByRole("link").boundingBox();
        widths.push([width, height]);
      }
      return widths;
    };
    await openList(at);
    const before = await places();
    await going(page, () => heading(page, "Filename").getByRole("link").click());
    assert.deepEqual(await places(), before);
    await going(page, () => heading(page, "Filename").getByRole("link").click());
    assert.deepEqual(await places(), before);
    assert.ok(before.every(([, height]) => height >= 44));
  });

  test("leads through all files and back", {}, async (at) => {
    const { page } = at;
    await openList(at);
    const seen = [await names(page)];
    assert.deepEqual(await pagerLinks(page), ["Next", "Last"]);
    await goTo(page, "Next");
    assert.deepEqual(await pagerLinks(page), ["First", "Previous", "Next", "Last"]);
    seen.push(await names(page));
    await goTo(page, "Next");
    assert.deepEqual(await pagerLinks(page), ["First", "Previous"]);
    seen.push(await names(page));
    assert.deepEqual(seen.flat(), newestFirst);
    await goTo(page, "Previous");
    assert.deepEqual(await names(page), seen[1]);
    await goTo(page, "Last");
    assert.deepEqual(await names(page), newestFirst.slice(-50));
    await goTo(page, "First");
    assert.deepEqual(await names(page), seen[0]);
    await page.goBack();
    assert.deepEqual(await names(page), newestFirst.slice(-50));
  });

  test("has the link to the next page where it was", {}, async (at) => {
    const { page } = at;
    await openList(at);
    const before = await pageLink(page, "Next").boundingBox();
    await goTo(page, "Next");
    assert.equal((await pageLink(page, "Next").boundingBox()).x, before.x);
  });

  test("finds by name and note, by keys alone", {}, async (at) => {
    const { page } = at;
    await openList(at, "/files?sort=name&order=asc");
    const field = page.getByRole("searchbox", { name: "Find by name or note" });
    await tabTo(page, field);
    await page.keyboard.type("FOR ann");
    await going(page, () => page.keyboard.press("Enter"));
    const forAnn = [7, 47, 87, 127].map(nameOf).sort();
    assert.deepEqual(await names(page), forAnn);
    assert.equal(await field.inputValue(), "FOR ann");
    assert.equal(await heading(page, "Filename").getAttribute("aria-sort"), "ascending");
    await going(page, () => heading(page, "Filename").getByRole("link").click());
    assert.deepEqual(await names(page), reversed(forAnn));
    assert.equal(await field.inputValue(), "FOR ann");

    await going(page, () => page.getByRole("link", { name: "Show all" }).click());
    assert.equal(await field.inputValue(), "");
    assert.equal((await names(page))[0], "file-129.txt");
    await field.fill("file-12");
    await going(page, () => page.getByRole("button", { name: "Find" }).click());
    assert.equal((await names(page)).length, 10);
    assert.equal(await pager(page).count(), 0);
  });

  test("says when nothing is found", {}, async (at) => {
    const { page } = at;
    await openList(at);
    const field = page.getByRole("searchbox");
    await field.fill("<b>no such file</b>");
    await going(page, () => field.press("Enter"));
    await page.getByText("No file has “<b>no such file</b>” in its name or note.").waitFor();
    assert.equal(await page.getByRole("row").count(), 1);
    await going(page, () => page.getByRole("link", { name: "Show all" }).click());
    assert.deepEqual(await names(page), newestFirst.slice(0, 50));
  });

  test("keeps a search over its pages", {}, async (at) => {
    const { page } = at;
    await openList(at, "/files?q=file&sort=size&order=asc");
    await goTo(page, "Next");
    assert.equal(await page.getByRole("searchbox").inputValue(), "file");
    assert.deepEqual(await names(page), bySize.slice(50, 100));
    await goTo(page, "Last");
    await goTo(page, "Previous");
    assert.deepEqual(await names(page), bySize.slice(30, 80));
  });

  for (const width of [320, 360, 768]) {
    test(`can be sorted and paged by a finger, ${width} px wide`,
      { viewport: { width, height: 740 }, hasTouch: true },
      async (at) => {
        const { page } = at;
        await openList(at);
        for (const name of HEADINGS) {
          assert.equal(await heading(page, name).count(), 1, name);
        }
        for (const name of HEADINGS.filter((name) => name !== "Note")) {
          const box = await heading(page, name).getByRole("link").boundingBox();
          assert.ok(box.height >= 44 && box.width >= 44, name);
          assert.ok(box.x >= 0 && box.x + box.width <= width, name);
        }
        await going(page, () => heading(page, "Size").getByRole("link").tap());
        assert.equal(await heading(page, "Size").getAttribute("aria-sort"), "descending");
        assert.deepEqual(await names(page), reversed(bySize).slice(0, 50));
        await going(page, () => pageLink(page, "Next").tap());
        assert.deepEqual(await names(page), reversed(bySize).slice(50, 100));
        const tops = new Set();
        for (const link of await pager(page).getByRole("link").all()) {
          const box = await link.boundingBox();
          assert.ok(box.height >= 44);
          tops.add(box.y);
        }
        assert.equal(tops.size, 1, "all links of the pager stand in one line");
        const excess = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.equal(excess, 0);
      });
  }

  // What the browser itself tells, which no library guesses from the markup.
  test("is a table for people who listen, also when narrow",
    { viewport: { width: 360, height: 740 } },
    async (at) => {
      await openList(at);
      const session = await at.page.context().newCDPSession(at.page);
      const { nodes } = await session.send("Accessibility.getFullAXTree");
      const count = (role) => nodes.filter((node) => node.role?.value === role).length;
      assert.equal(count("table"), 1);
      assert.equal(count("row"), 51);
      assert.equal(count("columnheader"), HEADINGS.length);
      assert.equal(count("cell"), 51 * 6 - HEADINGS.length);
    });

  test("has controls with names, hints and room for a finger",
    { viewport: { width: 360, height: 740 } },
    async (at) => {
      const { page } = at;
      await openList(at);
      const row = page.getByRole("row").nth(2);
      const name = nameOf(128);
      for (const label of ["Information", "Edit", "Copy"]) {
        const control = row.getByRole("button", { name: label, exact: true });
        assert.equal(await control.getAttribute("title"), label);
        const described = await control.getAttribute("aria-describedby");
        assert.equal(await page.locator(`[id="${described}"]`).innerText(), name);
        const box = await control.boundingBox();
        assert.ok(box.height >= 44 && box.width >= 44, label);
      }
    });

  test("draws its icons in the colours that the reader has chosen", { forcedColors: "active" },
    async (at) => {
      await openList(at);
      const hidden = await at.page.evaluate(() => {
        const ground = getComputedStyle(document.body).backgroundColor;
        return ["tbody a[aria-label]", "tbody button", "[aria-sort] a"].filter((selector) => {
          const element = document.querySelector(selector);
          return ["::before", "::after"].every((part) => {
            const style = getComputedStyle(element, part);
            return style.content === "none" || style.backgroundColor === ground;
          });
        });
      });
      assert.deepEqual(hidden, []);
    });

  test("works without scripts", { javaScriptEnabled: false }, async (at) => {
    const { page } = at;
    await openList(at);
    await going(page, () => heading(page, "Filename").getByRole("link").click());
    await goTo(page, "Next");
    assert.equal(await page.locator("tbody tr a").first().innerText(), "file-050.txt");
    await page.getByRole("searchbox").fill("file-077");
    await going(page, () => page.getByRole("button", { name: "Find" }).click());
    assert.equal(await page.locator("tbody tr").count(), 1);
    assert.equal(await page.locator("tbody").getByRole("button", { name: "Copy" }).count(), 0);
    assert.equal(await page.locator("tbody").getByRole("button", { name: "Edit" }).count(), 1);
  });
});
