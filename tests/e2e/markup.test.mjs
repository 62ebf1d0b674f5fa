// Markup in every stored field and in every part of an address, on every page that the table of
// routes names: it is text, wherever it shows.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { logIn, suite } from "./browser.mjs";
import { makeLink, store } from "./walk.mjs";

const MARK = `"'><img src=x data-planted onerror=alert(1)>{{x}}&lt;b data-planted&gt;`;
const SCHEME = "javascript:alert(1)";

// Every route that shows a page, as [method, pattern].
function pageRoutes() {
  const table = readFileSync(new URL("../../src/web/routes.c", import.meta.url), "utf8");
  const all = [...table.matchAll(/^ {4}\{"(\w+)", "([^"]+)", ([^&]*), &\w+\},$/gm)];
  assert.equal(all.length, table.split(", &handler_").length - 2, "every line of the table is read");
  const pages = all.filter(([, , , flags]) => flags.includes("ROUTE_PAGE"));
  assert.ok(pages.length >= 15);
  return pages.map(([, method, pattern]) => [method, pattern]);
}

// What stands for {} in the patterns that begin so.
function addresses(pattern, { files, links }) {
  if (!pattern.includes("{}")) {
    return [pattern];
  }
  const ids = { "/files/": files, "/g/": links };
  const prefix = Object.keys(ids).find((each) => pattern.startsWith(each));
  assert.ok(prefix !== undefined, `${pattern}: say here what it shows`);
  return [...ids[prefix], MARK].map((id) =>
    pattern.replace("*", "").replace("{}", encodeURIComponent(id)));
}

// Fields that programs of other people, or PicoShare itself, may have filled with anything.
function plantInDatabase(server, file) {
  const text = (value) => `'${value.replaceAll("'", "''")}'`;
  const mark = text(MARK);
  const columns = "filename, content_type, upload_time, expiration_time, guest_link_id, note";
  execFileSync("sqlite3", [join(server.dir, "store.db"), `
    PRAGMA busy_timeout = 10000;
    UPDATE downloads SET client_ip = ${mark}, user_agent = ${mark};
    UPDATE ext_sessions SET client_ip = ${mark}, user_agent = ${mark};
    INSERT INTO entries (id, ${columns}) SELECT ${mark}, ${columns} FROM entries WHERE id = '${file}';
    INSERT INTO entries_data SELECT ${mark}, chunk_index, chunk FROM entries_data WHERE id = '${file}';
    INSERT INTO guest_links (id, label, creation_time, url_expiration_time, file_expiration_time)
      SELECT ${mark}, label, creation_time, url_expiration_time, file_expiration_time
      FROM guest_links LIMIT 1;`]);
}

// Runs in a page: elements that the marks have made, whether the mark shows as text.
function findPlanted([mark, scheme]) {
  const made = [];
  let shown = false;
  const look = (root) => {
    for (const element of root.querySelectorAll("*")) {
      for (const { name, value } of element.attributes) {
        shown ||= value.includes(mark);
        if (name === "data-planted" || (/^(href|src|action)$/.test(name) && value.startsWith(scheme))) {
          made.push(element.outerHTML);
        }
      }
      shown ||= element.value?.includes?.(mark) ?? false;
      if (element.shadowRoot !== null) {
        look(element.shadowRoot);
      }
    }
    shown ||= root.textContent.includes(mark);
  };
  look(document.documentElement);
  return { made, shown };
}

suite("markup that somebody plants", (test) => {
  const options = { userAgent: MARK, timeout: 120_000 };

  test("is text on every page", options, async ({ page, server, expectConsole }) => {
    expectConsole(/status of 4\d\d/);
    const shownOn = new Set();
    page.on("dialog", (dialog) => assert.fail(`a script ran: ${dialog.message()}`));
    const look = async (place) => {
      const { made, shown } = await page.evaluate(findPlanted, [MARK, SCHEME]);
      assert.deepEqual(made, [], place);
      if (shown) {
        shownOn.add(place);
      }
    };

    await logIn(page);
    const link = await makeLink(page, { label: MARK });
    const disabled = await makeLink(page, { label: MARK });
    await page.request.put(`/api/guest-links/${disabled}/disable`);
    const schemed = await store(page, "a.txt", { note: SCHEME });
    const response = await page.request.put(`/api/upload/${encodeURIComponent(MARK)}`, {
      headers: { "Content-Type": MARK, "User-Agent": MARK },
      data: "x",
    });
    const file = (await response.json()).id;
    const details = { data: { filename: MARK, note: MARK } };
    assert.equal((await page.request.put(`/api/entry/${file}`, details)).status(), 200);
    await page.request.put(`/api/guest/${link}/${encodeURIComponent(MARK)}`, { data: "x" });
    await page.request.get(`/-${file}`);
    plantInDatabase(server, file);

    // What scripts of ours make of it.
    const upload = (name) => ({ name, mimeType: "text/plain", buffer: Buffer.from("x") });
    for (const [place, files] of [
      ["an upload", [upload(MARK)]],
      ["a queue", [upload(MARK), upload(`2${MARK}`)]],
    ]) {
      await page.goto("/");
      await page.locator(".file-input").setInputFiles(files);
      await page.locator("#upload-result").waitFor();
      await look(place);
    }

    const query = new URLSearchParams();
    for (const name of ["q", "sort", "order", "unique", "next", "after", "before", "expiration", "note"]) {
      query.set(name, MARK);
    }
    const known = { files: [file, schemed], links: [link, disabled] };
    for (const [method, pattern] of pageRoutes()) {
      for (const address of addresses(pattern, known)) {
        if (method === "GET") {
          for (const path of [address, `${address}?${query}`, `${address}?q=${query.get("q")}`]) {
            await page.goto(path);
            await look(pattern);
          }
          continue;
        }
        // Forms, as they work without scripts: what comes back is parsed, not run.
        const form = { file: upload(MARK), secret: MARK, note: MARK, expiration: MARK, next: MARK };
        for (const fields of [form, { file: upload(MARK) }]) {
          const answer = await page.request.post(address, {
            headers: { Accept: "text/html" },
            ...(pattern === "/login" ? { form: { secret: MARK, next: MARK } } : { multipart: fields }),
          });
          const html = await answer.text();
          const made = await page.evaluate(
            (text) => new DOMParser().parseFromString(text, "text/html")
              .querySelectorAll("[data-planted]").length,
            html,
          );
          assert.equal(made, 0, `${method} ${pattern}`);
        }
      }
    }
    await page.goto(`/${encodeURIComponent(MARK)}`);
    await look("an unknown path");

    for (const place of ["an upload", "a queue", "/files", "/files/{}/info", "/files/{}/edit",
      "/files/{}/confirm-delete", "/files/{}/downloads", "/guest-links", "/information"]) {
      assert.ok(shownOn.has(place), `nothing was planted on ${place}: ${[...shownOn].join(" ")}`);
    }
  });
});
