// Uploaded files that hold scripts, opened in every way there is: nothing of them runs with the
// rights of the site.

import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { logIn, suite } from "./browser.mjs";

const SETTLE_MS = 500; // what runs, runs by then

// What a script does that runs where it should not: each of it can be seen afterwards.
const LINK = JSON.stringify({
  label: "owned",
  urlExpirationTime: "2999-12-31T00:00:00Z",
  fileLifetime: "24h0m0s",
});
const SCRIPT = `
  try { localStorage.setItem("owned", "1"); } catch {}
  try { document.cookie = "owned=1; path=/"; } catch {}
  try { (self.opener || self.parent).postMessage("owned", "*"); } catch {}
  try { fetch("/api/guest-links", { method: "POST", body: ${JSON.stringify(LINK)} }); } catch {}
`.replaceAll("\n", " ");
const ATTRIBUTE = SCRIPT.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
const HTML = `<!doctype html><script>${SCRIPT}</script><img src="/none" onerror="${ATTRIBUTE}">
  <iframe srcdoc="${ATTRIBUTE}"></iframe><iframe src="javascript:${ATTRIBUTE}"></iframe>
  <form action="/api/guest-links" method="post" enctype="text/plain"></form>
  <script>document.forms[0].submit()</script>
  <meta http-equiv="refresh" content="0;url=javascript:${ATTRIBUTE}">`;
const XHTML = 'xmlns="http://www.w3.org/1999/xhtml"';
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" onload="${ATTRIBUTE}">
  <script><![CDATA[${SCRIPT}]]></script><foreignObject><iframe ${XHTML}
  src="javascript:${ATTRIBUTE}"/></foreignObject></svg>`;
const XSL = `<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:template match="/"><html><script><![CDATA[${SCRIPT}]]></script></html></xsl:template>
  </xsl:stylesheet>`;
const PDF = `%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(${SCRIPT.replaceAll(/[()\\]/g, "\\$&")})>>>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/AA<</O<</S/URI/URI(javascript:1)>>>>>>endobj
trailer<</Root 1 0 R>>
%%EOF`;
const SHEET = `html { --owned: 1 } @import "javascript:1"; body { background: url("javascript:1") }`;

// name, type, contents. Some are not what their type or name says.
const FILES = [
  ["page.html", "text/html", HTML],
  ["page.html", "application/octet-stream", HTML],
  ["page.htm", "image/png", HTML],
  ["page.png", "text/html", HTML],
  ["page.txt", "text/plain", HTML],
  ["page", "application/unknown", HTML],
  ["page.html", "TEXT/HTML ; charset=x", HTML],
  ["page.html", "text/html;charset=utf-7", HTML.replaceAll("<", "+ADw-").replaceAll(">", "+AD4-")],
  ["page.html", "text/html", Buffer.from(`\ufeff${HTML}`, "utf16le")],
  ["page.html", "text/html;charset=utf-16le", Buffer.from(HTML, "utf16le")],
  ["image.svg", "image/svg+xml", SVG],
  ["image.png", "image/svg+xml", SVG],
  ["page.xhtml", "application/xhtml+xml", `<html ${XHTML}><script>${SCRIPT.replaceAll("&", "&amp;")}</script></html>`],
  ["page.xml", "text/xml", `<x><script ${XHTML}><![CDATA[${SCRIPT}]]></script></x>`],
  ["page.xsl", "text/xsl", XSL],
  ["feed.rss", "application/rss+xml", `<x><script ${XHTML}><![CDATA[${SCRIPT}]]></script></x>`],
  ["paper.pdf", "application/pdf", PDF],
  ["paper.pdf", "application/pdf", `%PDF-1.4\n${HTML}\n%%EOF`],
  ["paper.html", "text/html", `%PDF-1.4\n${HTML}\n%%EOF`],
  ["image.gif", "image/gif", `GIF89a/*${"\0".repeat(30)}*/=1;${SCRIPT}`],
  ["image.gif", "text/javascript", `GIF89a=1;${SCRIPT}`],
  ["code.js", "text/javascript", SCRIPT],
  ["code.mjs", "application/octet-stream", SCRIPT],
  ["code.json", "application/json", SCRIPT],
  ["style.css", "text/css", SHEET],
  ["pages.mht", "multipart/related", `Content-Type: text/html\r\n\r\n${HTML}`],
  ["pages.bin", "multipart/x-mixed-replace;boundary=b", `--b\r\nContent-Type: text/html\r\n\r\n${HTML}\r\n--b--`],
  ["letter.eml", "message/rfc822", `Content-Type: text/html\r\n\r\n${HTML}`],
];

// By PUT, whose body is the file.
async function storeFiles(page) {
  const links = [];
  for (const [name, type, contents] of FILES) {
    const response = await page.request.put(`/api/upload/${name}`, {
      headers: { "Content-Type": type },
      data: Buffer.from(contents),
    });
    assert.equal(response.status(), 200, `${name} ${type}`);
    links.push(`/-${(await response.json()).id}/${name}`);
  }
  const styled = `<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="${
    links[FILES.findIndex(([name]) => name === "page.xsl")]}"?><x/>`;
  const response = await page.request.put("/api/upload/styled.xml", {
    headers: { "Content-Type": "text/xml" },
    data: styled,
  });
  links.push(`/-${(await response.json()).id}/styled.xml`);
  return links;
}

// Runs in a page of the site: puts every file to the uses it could be meant for. What comes of it
// shows later.
async function useEverywhere(links) {
  const made = [];
  const add = (tag, attributes) => {
    const element = Object.assign(document.createElement(tag), attributes);
    made.push(new Promise((resolve) => {
      element.onload = element.onerror = resolve;
      setTimeout(resolve, 1000);
    }));
    document.body.append(element);
  };
  const running = [];
  for (const link of links) {
    const name = link.split("/").pop();
    add("iframe", { src: link });
    if (/svg|pdf|html/.test(name)) {
      add("object", { data: link });
      add("embed", { src: link });
    }
    if (/css/.test(name)) {
      add("link", { href: link, rel: "stylesheet" });
    }
    if (/gif|js/.test(name)) {
      add("script", { src: link });
      add("script", { src: link, type: "module" });
      try {
        new Worker(link).onmessage = () => localStorage.setItem("owned", "worker");
      } catch {}
      running.push(navigator.serviceWorker.register(link).then(() => link, () => null));
      running.push(import(link).then(() => link, () => null));
    }
  }
  await Promise.all(made);
  return (await Promise.all(running)).filter((link) => link !== null);
}

// What scripts have left behind.
async function traces(page) {
  const seen = await page.evaluate(async () => ({
    storage: localStorage.getItem("owned"),
    cookie: /owned/.exec(document.cookie),
    messages: window.messages ?? [],
    sheet: getComputedStyle(document.documentElement).getPropertyValue("--owned"),
    guestLinks: /owned/.exec(await (await fetch("/guest-links")).text()),
  }));
  return Object.entries(seen).filter(([, value]) => value !== null && value.length !== 0);
}

function collectMessages() {
  window.messages = [];
  addEventListener("message", ({ data }) => data === "owned" && window.messages.push(data));
}

export function content(kind) {
  suite(`uploaded contents, in ${kind.name}`, (test) => {
    const options = { userAgent: kind.userAgent, timeout: 120_000 };

    // Without it nobody knows whether the tests below can fail.
    test("a script that runs is noticed", options, async ({ page }) => {
      await logIn(page, "/files");
      await page.evaluate(collectMessages);
      await page.evaluate(SCRIPT);
      await page.waitForTimeout(SETTLE_MS);
      const found = (await traces(page)).map(([name]) => name);
      assert.deepEqual(found, ["storage", "cookie", "messages", "guestLinks"]);
      for (const id of (await (await page.request.get("/guest-links")).text())
        .matchAll(/pico-link-id="(\w+)"/g)) {
        await page.request.delete(`/api/guest-links/${id[1]}`);
      }
    });

    test("nothing runs", options, async ({ page, context, expectConsole }) => {
      expectConsole(/./); // browsers say here what they have refused
      await logIn(page, "/files");
      const links = await storeFiles(page);
      // As parts of a page of the site.
      await page.evaluate(collectMessages);
      const used = await page.evaluate(useEverywhere, links);
      assert.deepEqual(used, [], "neither service workers nor modules");
      assert.deepEqual(await traces(page), []);
      // In windows that a page of the site has opened, ...
      const opened = ["page.html", "image.svg", "page.xhtml", "page.xml", "pages.bin", "styled.xml"]
        .map((name) => links.find((link) => link.endsWith(name)));
      await page.evaluate((all) => all.forEach((link) => window.open(link)), opened);
      await sleep(2 * SETTLE_MS);
      assert.equal(context.pages().length, 1 + opened.length);
      assert.deepEqual(await traces(page), []);
      // ... and by themselves, as somebody opens a link.
      const visitor = await context.newPage();
      for (const name of ["page.html", "image.svg", "paper.html"]) {
        await visitor.goto(links.find((link) => link.endsWith(name)));
      }
      await sleep(SETTLE_MS);
      assert.deepEqual(await traces(page), []);
      await page.goto("/files");
      assert.equal(new URL(page.url()).pathname, "/files", "still signed in");
    });
  }, kind);
}
