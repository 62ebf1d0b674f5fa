import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { logIn, suite } from "./browser.mjs";
import { temporaryDirectory, textFile } from "./fixtures.mjs";
import { LONG_NAME, layoutShift, makeLink, store } from "./walk.mjs";

suite("every page", (test) => {
  const directory = temporaryDirectory();
  const paths = [
    "/",
    "/files",
    "/guest-links",
    "/guest-links/new",
    "/settings",
    "/information",
    "/login",
    "/no-such-page",
  ];

  async function checkPages(page, check) {
    await page.goto("/");
    await check("/ before logging in");
    await logIn(page);
    await page.setInputFiles(".file-input", await textFile(directory, LONG_NAME, "x"));
    const links = page.locator("#upload-result upload-links");
    await links.waitFor();
    await check("/ with a result");
    const id = await links.getAttribute("file-id");
    const filePaths = ["info", "edit", "confirm-delete", "downloads"].map(
      (name) => `/files/${id}/${name}`,
    );
    await page.request.get(`/-${id}`);
    const guestPaths = await Promise.all([
      guestLink(page, { label: LONG_NAME.slice(0, 200), maxFileBytes: 1 << 30, maxFileUploads: 9 }),
      guestLink(page, { label: "inactive" }, "disable"),
    ]);
    for (const path of [...paths, ...filePaths, ...guestPaths]) {
      await page.goto(path);
      await check(path);
    }
  }

  test("does not scroll sideways at any width", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 404/);
    await checkPages(page, async (where) => {
      for (const width of [1440, 768, 360, 320]) {
        await page.setViewportSize({ width, height: 800 });
        const excess = await page.evaluate(
          () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
        );
        assert.equal(excess, 0, `${where} at ${width} px`);
      }
    });
  });

  for (const width of [360, 1280]) {
    test(`does not jump while it is loading at ${width} px`,
      { viewport: { width, height: 800 } },
      async ({ page, expectConsole }) => {
        expectConsole(/status of 404/);
        await logIn(page);
        const id = await store(page, "holiday.zip", { note: "for Ann" });
        const link = await makeLink(page, { label: "For Joe" });
        const filePaths = ["info", "edit", "confirm-delete", "downloads"];
        await page.request.get(`/-${id}`);
        await page.route("**/*.js", async (route) => {
          await sleep(200); // so that the page is painted before its scripts are there
          await route.continue();
        });
        for (const path of [
          ...paths,
          ...filePaths.map((name) => `/files/${id}/${name}`),
          `/g/${link}`,
        ]) {
          await page.goto(path);
          const shift = await page.evaluate(layoutShift);
          assert.ok(shift < 0.005, `${path} shifts by ${shift}`);
        }
      });
  }

  for (const width of [360, 768, 1280]) {
    test(`does not jump for a long name at ${width} px`, { viewport: { width, height: 800 } },
      async ({ page }) => {
        await logIn(page);
        const id = await store(page, LONG_NAME, { note: "for Ann" });
        await page.route("**/*.js", async (route) => {
          await sleep(200);
          await route.continue();
        });
        await page.goto(`/files/${id}/info`);
        const shift = await page.evaluate(layoutShift);
        assert.ok(shift < 0.005, `shifts by ${shift}`);
      });
  }

  test("has targets that a finger hits", { viewport: { width: 360, height: 740 } },
    async ({ page, expectConsole }) => {
      expectConsole(/status of 404/);
      await checkPages(page, async (where) => {
        const controls = page.locator(
          "button:visible, select:visible, input:visible:not(.file-input), .button:visible," +
            " .table tbody td:first-child a:visible",
        );
        for (const control of await controls.all()) {
          const box = await control.boundingBox();
          const name = await control.evaluate((element) => element.outerHTML.slice(0, 80));
          assert.ok(box.height >= 44, `${where}: ${name} is ${box.height} px high`);
        }
      });
    });

  test("has such targets without JavaScript, too",
    { viewport: { width: 360, height: 740 }, javaScriptEnabled: false },
    async ({ page }) => {
      await logIn(page);
      assert.ok((await page.locator(".file-input").boundingBox()).height >= 44);
      const items = await page.getByRole("menubar").getByRole("menuitem").all();
      const lefts = await Promise.all(items.map(async (item) => (await item.boundingBox())?.x));
      const gaps = lefts.filter((x) => x !== undefined).slice(1).map((x, i) => x - lefts[i]);
      assert.ok(gaps.every((gap) => gap < 180), `${lefts}`);
    });

  test("has readable text in both schemes", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 404/);
    await checkPages(page, async (where) => {
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await page.evaluate(lowContrast), [], `${where}, ${colorScheme}`);
      }
    });
  });

  test("has the icons that browsers ask for", {}, async ({ page }) => {
    for (const path of [
      "/favicon.ico",
      "/favicon-16x16.png",
      "/favicon-32x32.png",
      "/android-chrome-192x192.png",
      "/android-chrome-384x384.png",
      "/apple-touch-icon.png",
      "/mstile-150x150.png",
      "/safari-pinned-tab.svg",
      "/site.webmanifest",
      "/browserconfig.xml",
    ]) {
      const response = await page.request.get(path);
      assert.equal(response.status(), 200, path);
    }
  });

  test("loads nothing from another host", {}, async ({ page, server }) => {
    const foreign = [];
    page.on("request", (request) => {
      if (!request.url().startsWith(`${server.url}/`)) {
        foreign.push(request.url());
      }
    });
    await page.goto("/");
    await logIn(page);
    await page.goto("/files");
    assert.deepEqual(foreign, []);
  });

  test("tells the size and time left in words", {}, async ({ page }) => {
    await page.goto("/");
    const texts = await page.evaluate(async () => {
      const { formatDuration, formatSize } = await import("/js/formats.js");
      return [
        ...[0, 24, 1023, 1024, 1536, 52428800, 2 ** 62].map(formatSize),
        ...[0, 5, 31, 60, 61, 3601].map(formatDuration),
      ];
    });
    assert.deepEqual(texts, [
      "0 B", "24 B", "1023 B", "1.00 kB", "1.50 kB", "50.00 MB", "4.00 EB",
      "a few seconds", "5 seconds", "35 seconds", "1 minute", "2 minutes", "2 hours",
    ]);
  });
});

// The path of a new guest link, which is switched to "enable" or "disable".
async function guestLink(page, fields, state = "enable") {
  const id = await makeLink(page, fields);
  assert.equal((await page.request.put(`/api/guest-links/${id}/${state}`)).status(), 204);
  return `/g/${id}`;
}

// Runs in the page: texts whose contrast is below what WCAG 2.2 AA asks for (4.5, large 3).
function lowContrast() {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  // Colours painted over each other, the lowest first, as red, green and blue.
  function mix(colours) {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) {
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
    }
    return canvas.getImageData(0, 0, 1, 1).data;
  }

  function luminance([red, green, blue]) {
    const [r, g, b] = [red, green, blue].map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function grounds(element) {
    const found = [];
    for (let at = element; at !== null; at = at.parentElement ?? at.getRootNode().host ?? null) {
      found.unshift(getComputedStyle(at).backgroundColor);
    }
    return ["white", ...found];
  }

  function textElements(root) {
    return [...root.querySelectorAll("*")].flatMap((element) => [
      ...(element.shadowRoot === null ? [] : textElements(element.shadowRoot)),
      ...([...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "")
        ? [element]
        : []),
    ]);
  }

  return textElements(document.body)
    .filter((element) => element.checkVisibility() && element.tagName !== "SCRIPT")
    .map((element) => {
      const style = getComputedStyle(element);
      const below = grounds(element);
      const values = [luminance(mix(below)), luminance(mix([...below, style.color]))];
      const ratio = (Math.max(...values) + 0.05) / (Math.min(...values) + 0.05);
      const large = parseFloat(style.fontSize) >= 24;
      return { text: element.textContent.trim().slice(0, 40), ratio, large };
    })
    .filter(({ ratio, large }) => ratio < (large ? 3 : 4.5));
}
