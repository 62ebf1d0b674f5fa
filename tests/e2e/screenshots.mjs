// Pictures of every page, to be looked at with docs/pages-checklist.md in hand.
// Usage: PICOSHARE_BINARY=… node screenshots.mjs DIRECTORY [WIDTH…]

import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium, launch } from "./browser.mjs";
import { startServer } from "./server.mjs";
import { everyPlace, layoutShift } from "./walk.mjs";

const WIDTHS = [360, 768, 1440];
const HEIGHT = 900;
const MANY = 100_000;

const [directory, ...widths] = process.argv.slice(2);
if (directory === undefined) {
  console.error("usage: node screenshots.mjs DIRECTORY [WIDTH...]");
  process.exit(2);
}

// Files that no upload has made; the walk deletes what is there before, so they come last.
function addManyFiles(server) {
  execFileSync("sqlite3", ["-cmd", ".timeout 10000", join(server.dir, "store.db"), `
    BEGIN;
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${MANY})
      INSERT INTO entries (id, filename, content_type, upload_time, expiration_time, note)
      SELECT printf('%05dABCDE', i), printf('holiday photo %06d.jpg', i), 'image/jpeg',
        strftime('%Y-%m-%dT%H:%M:%SZ', 1700000000 + i * 60, 'unixepoch'),
        CASE i % 3 WHEN 0 THEN '2999-12-31T00:00:00Z' ELSE '2039-05-06T07:08:09Z' END,
        CASE i % 10 WHEN 0 THEN 'for Ann, with thanks' END
      FROM n;
    INSERT INTO entries_data (id, chunk_index, chunk)
      SELECT id, 0, zeroblob(10) FROM entries WHERE id LIKE '%ABCDE';
    INSERT INTO ext_files (id, size) SELECT id, 10 FROM entries WHERE id LIKE '%ABCDE';
    COMMIT;`]);
}

async function* everyPicture(page, server) {
  yield* everyPlace(page);
  addManyFiles(server);
  await page.goto("/files");
  await page.getByRole("link", { name: "Next" }).click();
  await page.waitForURL(/\?/);
  yield "files-many";
}

async function takeAll(browser, width, colorScheme) {
  const server = await startServer();
  const context = await browser.newContext({
    baseURL: server.url,
    viewport: { width, height: HEIGHT },
    colorScheme,
    timezoneId: "UTC",
    locale: "en-US",
  });
  const page = await context.newPage();
  for await (const place of everyPicture(page, server)) {
    const shift = await page.evaluate(layoutShift);
    if (shift > 0.001) {
      console.log(`${place} at ${width} px shifts by ${shift.toFixed(3)}`);
    }
    await page.screenshot({
      path: join(directory, `${width}-${colorScheme}-${place}.png`),
      fullPage: true,
    });
  }
  await context.close();
  await server.stop();
}

await mkdir(directory, { recursive: true });
const browser = await launch(chromium);
for (const width of widths.length > 0 ? widths.map(Number) : WIDTHS) {
  for (const colorScheme of ["light", "dark"]) {
    await takeAll(browser, width, colorScheme);
  }
}
await browser.close();
