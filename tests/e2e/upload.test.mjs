import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dropFiles, filesListed, logIn, shortLink, suite } from "./browser.mjs";
import { bigFile, temporaryDirectory, textFile } from "./fixtures.mjs";
import { digestOfUrl, startForgetfulProxy } from "./server.mjs";

const fileInput = ".file-input";

suite("uploading one file", (test) => {
  const directory = temporaryDirectory();

  test("gives links to the same bytes", {}, async ({ page }) => {
    const path = await textFile(directory, "grüße & more.txt", "Hello, world!\n");
    await logIn(page);
    await page.locator("#note").fill("for Ann");
    await page.setInputFiles(fileInput, path);

    const links = page.locator("#upload-result upload-links");
    await links.waitFor();
    assert.equal(await page.locator("#upload-result .message-body").innerText(), "Upload complete!");
    assert.equal(await links.getAttribute("filename"), "grüße & more.txt");
    const full = page.locator("#upload-result upload-links #verbose-link-box #link");
    const short = await shortLink(page);
    assert.equal(
      await page.locator("#result-links a").first().evaluate((element) => element.href),
      `${short}/gr%C3%BC%C3%9Fe%20%26%20more.txt`,
    );
    assert.equal(await page.title(), "PicoShare - Complete");

    await full.click();
    await page.waitForURL(/\/-[A-Za-z2-9]{10}\//);
    assert.equal(await page.locator("body").innerText(), "Hello, world!\n");

    assert.deepEqual(await filesListed(page), ["grüße & more.txt"]);
    const row = page.getByRole("row").filter({ hasText: "grüße" });
    assert.equal(await row.getByRole("cell").nth(1).innerText(), "for Ann");
    assert.equal(await row.getByRole("cell").nth(2).innerText(), "14 B");
    assert.match(await row.getByRole("cell").nth(4).innerText(), /^\d{4}-\d\d-\d\d \(30 days\)$/);
  });

  test("keeps the chosen expiration", {}, async ({ page }) => {
    const path = await textFile(directory, "custom.txt", "until then");
    await logIn(page);
    const names = await page.locator("#expiration-select option").allInnerTexts();
    assert.deepEqual(names, ["1 day", "7 days", "30 days", "1 year", "Never", "Custom"]);
    assert.equal(
      await page.locator("#expiration-select option[selected]").innerText(),
      "30 days",
    );
    const date = page.locator("#expiration-picker #expiration");
    assert.equal(await date.isVisible(), false);
    await page.locator("#expiration-select").selectOption({ label: "Custom" });
    await date.fill("2039-09-03");
    await page.locator("#note").click();
    await page.setInputFiles(fileInput, path);
    await shortLink(page);

    await page.getByRole("button", { name: "Upload Another" }).click();
    await page.locator("#expiration-select").selectOption({ label: "Never" });
    await page.setInputFiles(fileInput, await textFile(directory, "kept.txt", "for ever"));
    await shortLink(page);

    await page.goto("/files");
    const expires = (name) =>
      page.getByRole("row").filter({ hasText: name }).getByRole("cell").nth(4).innerText();
    assert.match(await expires("custom.txt"), /^2039-09-03 \(\d+ days\)$/);
    assert.equal(await expires("kept.txt"), "Never");
  });

  test("refuses a date that is none before sending anything", {}, async ({ page }) => {
    const path = await textFile(directory, "never-sent.txt", "x");
    await logIn(page);
    await page.locator("#expiration-select").selectOption({ label: "Custom" });
    await page.locator("#expiration-picker #expiration").fill("2001-01-01");
    await page.setInputFiles(fileInput, path);
    await page.getByRole("alert").filter({ hasText: "The expiration date is not valid." }).waitFor();
    assert.ok(await page.locator("#upload-form").isVisible());
    assert.ok(!(await filesListed(page)).includes("never-sent.txt"));
  });

  test("says what is wrong and lets try again", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 400/);
    await logIn(page);
    await page.setInputFiles(fileInput, await textFile(directory, "empty.txt", ""));
    await page.getByRole("alert").filter({ hasText: "file must be non-empty" }).waitFor();
    assert.ok(await page.locator("#upload-form").isVisible());
    assert.equal(await page.title(), "PicoShare - Upload");

    await page.setInputFiles(fileInput, await textFile(directory, "full.txt", "something"));
    await shortLink(page);
    assert.equal(await page.getByRole("alert").count(), 0);
  });

  test("shows a sentence of its own for a foreign answer", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 502/);
    const path = await textFile(directory, "proxied.txt", "something");
    await logIn(page);
    await page.route("**/api/entry?*", (route) =>
      route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad Gateway</h1>" }),
    );
    await page.setInputFiles(fileInput, path);
    await page.getByText("The server answered with an error (status 502).").waitFor();

    await page.unroute("**/api/entry?*");
    await page.getByRole("button", { name: "Try Again" }).click();
    assert.equal(await digestOfUrl(await shortLink(page)), digestOf("something"));
  });

  test("says that the network failed", {}, async ({ page, expectConsole }) => {
    expectConsole(/ERR_CONNECTION_RESET/);
    await logIn(page);
    await page.route("**/api/entry?*", (route) => route.abort("connectionreset"));
    await page.setInputFiles(fileInput, await textFile(directory, "lost.txt", "something"));
    await page.getByText(/^Failed to communicate with server/).waitFor();
    await page.getByText("“lost.txt” was not uploaded; nothing of it was kept.").waitFor();
    assert.ok(await page.locator("#upload-form").isVisible());
  });

  test("says when nobody knows whether a file was stored", {}, async (t) => {
    const { page, server, expectConsole } = t;
    expectConsole(/ERR_EMPTY_RESPONSE/);
    const proxy = await startForgetfulProxy(server);
    try {
      await logIn(page, `${proxy.url}/`); // cookies do not tell ports apart
      await page.setInputFiles(fileInput, await textFile(directory, "in doubt.txt", "something"));
      const alert = page.getByRole("alert");
      await alert.filter({ hasText: "Failed to communicate with server" }).waitFor();
      await alert.filter({ hasText: "“in doubt.txt” may have been stored: look in Files" }).waitFor();
      assert.doesNotMatch(await alert.innerText(), /nothing/i);
      assert.ok((await filesListed(page)).includes("in doubt.txt"));
    } finally {
      proxy.stop();
    }
  });

  test("says once that the disk is full", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 507/);
    await logIn(page);
    await page.route("**/api/entry?*", (route) =>
      route.fulfill({
        status: 507,
        contentType: "text/plain",
        body: "the server's disk is full; nothing of this upload was stored\n",
      }),
    );
    await page.setInputFiles(fileInput, await textFile(directory, "fat.txt", "something"));
    const alert = page.getByRole("alert");
    await alert.waitFor();
    assert.equal(
      (await alert.innerText()).replaceAll(/\s+/g, " "),
      "the server's disk is full; nothing of this upload was stored “fat.txt” was not uploaded." +
        " Delete what is no longer needed, then try again.",
    );
  });

  test("copies a link", {}, async ({ page }) => {
    await logIn(page);
    await page.setInputFiles(fileInput, await textFile(directory, "copied.txt", "something"));
    const short = await shortLink(page);
    await page.getByRole("button", { name: "Copy Shortlink" }).click();
    await page.getByText("Copied link").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), short);

    await page.goto("/files");
    await page.evaluate(() => navigator.clipboard.writeText(""));
    const row = page.getByRole("row").filter({ hasText: "copied.txt" });
    await row.getByRole("button", { name: "Copy" }).click();
    await page.getByText("Copied link").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), short);
  });

  test("works without JavaScript", { javaScriptEnabled: false }, async ({ page }) => {
    const path = await textFile(directory, "plain form.txt", "no script\n");
    await page.goto("/login");
    await page.getByLabel("Passphrase").fill("dummypass");
    await page.getByRole("button", { name: "Authenticate" }).click();
    await page.waitForURL("/");
    await page.setInputFiles(fileInput, path);
    await page.locator("#expiration-select").selectOption({ label: "7 days" });
    await page.locator("#note").fill("by hand");
    await page.getByRole("button", { name: "Upload" }).click();
    await page.getByText("Upload complete!").waitFor();
    const href = await page.locator("#upload-result a").first().getAttribute("href");
    assert.equal(await digestOfUrl(href), digestOf("no script\n"));
    await page.getByRole("link", { name: "Edit" }).click();
    assert.equal(await page.locator("#filename").inputValue(), "plain form.txt");

    await page.goto("/files");
    const cells = page.getByRole("row").filter({ hasText: "plain form.txt" }).getByRole("cell");
    assert.equal(await cells.nth(1).innerText(), "by hand");
    assert.match(await cells.nth(4).innerText(), / \(7 days\)$/);
  });
});

suite("big files", (test) => {
  const directory = temporaryDirectory();

  test("600 MB arrive whole", { timeout: 300_000 }, async ({ page }) => {
    const { path, digest } = await bigFile(directory, "big.bin", 600 << 20);
    await logIn(page);
    await page.setInputFiles(fileInput, path);

    const bar = page.getByRole("progressbar", { name: "Upload progress" });
    await bar.waitFor();
    await page.waitForFunction(() => document.querySelector("#upload-progress-bar").value >= 5);
    const percent = Number(await bar.getAttribute("aria-valuenow"));
    assert.ok(percent >= 5 && percent <= 100, `${percent} %`);
    await page
      .locator("#upload-progress .transfer-facts")
      .filter({ hasText: /600\.00 MB · [\d.]+ [kM]B\/s · .+ left/ })
      .waitFor();

    await page.locator("#upload-result").waitFor({ timeout: 240_000 });
    assert.equal(await digestOfUrl(await shortLink(page)), digest);
  });

  test("can be cancelled", { timeout: 120_000 }, async ({ page }) => {
    const { path } = await bigFile(directory, "cancelled.bin", 200 << 20);
    const before = await listAfterLogIn(page);
    await throttleUpload(page);
    await page.setInputFiles(fileInput, path);
    await page.waitForFunction(() => document.querySelector("#upload-progress-bar").value >= 1);
    await page.waitForFunction(() => document.title.startsWith("PicoShare ↑ "));
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator("#upload-form").waitFor();
    assert.equal(await page.locator("#upload-progress").isVisible(), false);
    assert.equal(await page.getByRole("alert").count(), 0);
    assert.equal(await page.title(), "PicoShare - Upload");
    const notice = page.getByRole("status").filter({ hasText: "was cancelled." });
    await notice.getByText("Upload of “cancelled.bin” was cancelled. Nothing of it was kept.").waitFor();
    await notice.getByRole("button", { name: "Try Again" }).click();
    await page.getByRole("button", { name: "Cancel" }).waitFor();
    assert.equal(await page.locator("#upload-cancelled").isVisible(), false);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.locator("#upload-cancelled").waitFor();
    assert.deepEqual(await filesListed(page), before);

    await page.goto("/");
    await page.setInputFiles(fileInput, await textFile(directory, "afterwards.txt", "still fine"));
    assert.equal(await digestOfUrl(await shortLink(page)), digestOf("still fine"));
  });
});

suite("dropping and pasting", (test) => {
  const directory = temporaryDirectory();

  test("a dropped file is uploaded", {}, async ({ page }) => {
    const path = await textFile(directory, "dropped.txt", "from the desktop");
    await logIn(page);
    await dropFiles(page, page.locator(".file"), [path]);
    const short = await shortLink(page);
    assert.equal(await digestOfUrl(short), digestOf("from the desktop"));
    assert.equal(await page.locator(".accepting-drop").count(), 0);
  });

  test("a dropped folder is refused", {}, async ({ page }) => {
    await logIn(page);
    await dropFiles(page, page.locator(".file"), [directory.path]);
    await page.getByRole("alert").filter({ hasText: "A folder cannot be uploaded." }).waitFor();
    assert.ok(await page.locator("#upload-form").isVisible());
  });

  test("pasted text becomes a text file", {}, async ({ page }) => {
    await logIn(page);
    const pasteBox = page.locator("#pastebox");
    assert.ok(await pasteBox.evaluate((element) => element === document.activeElement));
    await pasteBox.pressSequentially("typed");
    assert.equal(await pasteBox.inputValue(), "");

    await page.evaluate(() => navigator.clipboard.writeText("grüße, 世界"));
    await page.keyboard.press("Control+V");
    const short = await shortLink(page);
    assert.match(
      await page.locator("#upload-result upload-links").getAttribute("filename"),
      /^pasted-\d{4}-\d\d-\d\dT\d{6}\.\d{3}Z\.txt$/,
    );
    await page.goto(short);
    assert.equal(await page.locator("body").innerText(), "grüße, 世界");
  });

  test("a pasted picture gets a name", {}, async ({ page }) => {
    await logIn(page);
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(2, 2);
      canvas.getContext("2d").fillRect(0, 0, 2, 2);
      const blob = await canvas.convertToBlob({ type: "image/png" });
      await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
    });
    await page.locator("#pastebox").focus();
    await page.keyboard.press("Control+V");
    await shortLink(page);
    assert.match(
      await page.locator("#upload-result upload-links").getAttribute("filename"),
      /^pasted-.*Z\.png$/,
    );
  });

  test("touch screens have a button, and no keyboard", { hasTouch: true, isMobile: true },
    async ({ page }) => {
      await logIn(page);
      const pasteBox = page.locator("#pastebox");
      assert.equal(await pasteBox.evaluate((element) => element === document.activeElement), false);
      assert.equal(await pasteBox.getAttribute("inputmode"), "none");
      assert.equal(await page.getByText("drop one or more").isVisible(), false);
      const pasteButton = page.getByRole("button", { name: "Paste" });
      await page.evaluate(() => navigator.clipboard.writeText("by a finger"));
      await pasteButton.tap();
      const short = await shortLink(page);
      assert.match(
        await page.locator("#upload-result upload-links").getAttribute("filename"),
        /^pasted-.*Z\.txt$/,
      );
      assert.equal(await digestOfUrl(short), digestOf("by a finger"));

      await page.reload();
      await page.evaluate(async () => {
        const canvas = new OffscreenCanvas(2, 2);
        canvas.getContext("2d").fillRect(0, 0, 2, 2);
        const image = await canvas.convertToBlob({ type: "image/png" });
        const text = new Blob(["<b>"], { type: "text/plain" });
        await navigator.clipboard.write([
          new ClipboardItem({ "text/plain": text, "image/png": image }),
        ]);
      });
      await pasteButton.tap();
      await shortLink(page);
      assert.match(
        await page.locator("#upload-result upload-links").getAttribute("filename"),
        /^pasted-.*Z\.png$/,
      );
    });

  test("a clipboard that cannot be read is said", { hasTouch: true, isMobile: true, permissions: [] },
    async ({ page }) => {
      await logIn(page);
      await page.evaluate(() => {
        navigator.clipboard.read = () => Promise.reject(new Error("no"));
      });
      await page.getByRole("button", { name: "Paste" }).tap();
      await page.getByText("The browser did not let this page read the clipboard.").waitFor();
    });

  test("with a mouse there is no such button", {}, async ({ page }) => {
    await logIn(page);
    assert.equal(await page.getByRole("button", { name: "Paste" }).count(), 0);
  });
});

suite("several files", (test) => {
  const directory = temporaryDirectory();

  test("are uploaded one after the other", {}, async ({ page }) => {
    const texts = { "one.txt": "first", "two.txt": "second", "three.txt": "third" };
    const paths = await Promise.all(
      Object.entries(texts).map(([name, text]) => textFile(directory, name, text)),
    );
    await logIn(page);
    await dropFiles(page, page.locator(".file"), paths);
    await page.locator("#upload-result").filter({ hasText: "Upload complete!" }).waitFor();
    const times = await page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter(({ name }) => name.includes("/api/entry"))
        .flatMap(({ startTime, responseEnd }) => [startTime, responseEnd]),
    );
    assert.equal(times.length, 2 * paths.length);
    assert.deepEqual(times, [...times].sort((a, b) => a - b), "one ends before the next begins");
    for (const [name, text] of Object.entries(texts)) {
      const row = page.getByRole("listitem").filter({ hasText: name });
      const link = row.locator("#short-link-box #link");
      assert.equal(await digestOfUrl(await link.getAttribute("href")), digestOf(text));
    }
    assert.deepEqual((await filesListed(page)).sort(), Object.keys(texts).sort());
  });

  test("that fail or are cancelled can be tried again", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 503/);
    const paths = [
      await textFile(directory, "good.txt", "good"),
      await textFile(directory, "unlucky.txt", "unlucky"),
      await textFile(directory, "unwanted.txt", "unwanted"),
    ];
    await logIn(page);
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await page.route("**/api/entry?*", async (route) => {
      if (route.request().postData()?.includes("unlucky")) {
        await held;
        await route.fulfill({ status: 503, contentType: "text/plain", body: "busy\n" });
      } else {
        await route.continue();
      }
    });
    await page.setInputFiles(fileInput, paths);
    const row = (name) => page.getByRole("listitem").filter({ hasText: name });
    await row("good.txt").getByText("Done").waitFor();
    await row("unwanted.txt").getByRole("button", { name: "Cancel" }).click();
    await page.getByText("Sending 2 of 3…").waitFor();
    const top = () => page.locator("#queue").evaluate((list) => list.offsetTop);
    const before = await top();
    release();
    await row("unlucky.txt")
      .getByText("busy. It was not uploaded; nothing of it was kept. Wait a moment")
      .waitFor();
    await row("unwanted.txt").getByText("Cancelled. Nothing of it was kept.").waitFor();
    await page.getByText("1 of 3 files uploaded.").waitFor();
    assert.equal(await top(), before, "the result must not push the rows");
    assert.ok(await row("unlucky.txt").evaluate((item) => item === document.activeElement));

    await page.unroute("**/api/entry?*");
    await row("unlucky.txt").getByRole("button", { name: "Retry" }).click();
    await row("unlucky.txt").getByText("Done").waitFor();
    await page.getByText("2 of 3 files uploaded.").waitFor();
    const listed = await filesListed(page);
    assert.ok(listed.includes("unlucky.txt") && !listed.includes("unwanted.txt"));
  });

  test("end with a result in sight", { viewport: { width: 360, height: 640 } }, async ({ page }) => {
    const paths = await Promise.all(
      Array.from({ length: 12 }, (_, i) => textFile(directory, `part ${i}.txt`, `${i}`)),
    );
    await logIn(page);
    await page.setInputFiles(fileInput, paths);
    const result = page.locator("#upload-result");
    await result.waitFor();
    assert.ok(await result.evaluate((element) => element === document.activeElement));
    for (const part of [result.getByText("Upload complete!"), page.locator("#upload-another-btn")]) {
      const box = await part.boundingBox();
      assert.ok(box.y >= 0 && box.y + box.height <= 640, `${box.y}`);
    }
    const list = await page.locator("#queue").boundingBox();
    assert.ok(list.y > (await result.boundingBox()).y);
  });

  test("are read out when their state changes, not at every step", {}, async ({ page }) => {
    await logIn(page);
    await page.evaluate(() => {
      window.said = [];
      const status = document.getElementById("queue-status");
      new MutationObserver(() => window.said.push(status.textContent)).observe(status, {
        childList: true,
      });
    });
    await page.setInputFiles(fileInput, [
      await textFile(directory, "short.txt", "short"),
      (await bigFile(directory, "long.bin", 8 << 20)).path,
    ]);
    await page.locator("#upload-result").waitFor();
    const states = ["Sending", "Processing...", "Done"];
    assert.deepEqual(
      await page.evaluate(() => window.said),
      ["short.txt", "long.bin"].flatMap((name) => states.map((state) => `${name}: ${state}`)),
    );
    assert.equal(await page.locator("#queue [role=status], #queue [aria-live]").count(), 0);
  });

  test("of which one is too large cannot be tried again", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 413/);
    await logIn(page);
    await page.route("**/api/entry?*", (route) =>
      route.fulfill({ status: 413, contentType: "text/plain", body: "request body too large\n" }),
    );
    const paths = [
      await textFile(directory, "large a.txt", "a"),
      await textFile(directory, "large b.txt", "b"),
    ];
    await page.setInputFiles(fileInput, paths);
    await page.getByText("0 of 2 files uploaded.").waitFor();
    assert.equal(await page.getByRole("button", { name: "Retry" }).count(), 0);
    await page.reload();
    await page.setInputFiles(fileInput, paths[0]);
    await page.getByText("“large a.txt” was not uploaded").waitFor();
    assert.equal(await page.getByRole("button", { name: "Try Again" }).count(), 0);
  });
});

async function listAfterLogIn(page) {
  await logIn(page);
  const names = await filesListed(page);
  await page.goto("/");
  return names;
}

async function throttleUpload(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: 4 << 20,
  });
}

function digestOf(text) {
  return createHash("sha256").update(text).digest("hex");
}
