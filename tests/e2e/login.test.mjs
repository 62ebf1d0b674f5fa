import assert from "node:assert/strict";
import { filesListed, logIn, suite } from "./browser.mjs";
import { PASSPHRASE } from "./server.mjs";

const unauthorized = /status of 401/;

suite("logging in", (test) => {
  test("leads from the landing page to the upload page and back", {}, async ({ page }) => {
    await page.goto("/");
    assert.equal(await page.title(), "PicoShare");
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "What is PicoShare?");
    assert.equal(
      await page.getByRole("link", { name: "MIT License" }).getAttribute("href"),
      "https://opensource.org/license/mit",
    );
    await page.getByRole("link", { name: "Log in to share" }).click();
    await page.waitForURL("/login");
    await page.goBack();

    await page.getByRole("menuitem", { name: "Log In" }).click();
    assert.equal(await page.title(), "PicoShare - Log in");
    const secret = page.locator("form input[type='password']");
    assert.ok(await secret.evaluate((element) => element === document.activeElement));
    await secret.fill(PASSPHRASE);
    await page.locator("form input[type='submit']").click();
    await page.waitForURL("/");
    assert.equal(await page.title(), "PicoShare - Upload");

    await page.getByRole("menuitem", { name: "System" }).hover();
    await page.getByRole("menuitem", { name: "Log Out" }).click();
    await page.getByRole("menuitem", { name: "Log In" }).waitFor();
    assert.equal(await page.getByRole("menuitem", { name: "Files" }).count(), 0);
  });

  test("shows the server's text for a wrong passphrase", {}, async ({ page, expectConsole }) => {
    expectConsole(unauthorized);
    await page.goto("/login");
    await page.getByLabel("Passphrase").fill("wrong");
    await page.getByRole("button", { name: "Authenticate" }).click();
    const message = page.locator("#error-message");
    await message.filter({ hasText: "incorrect shared secret" }).waitFor();
    assert.ok(await page.getByRole("alert").isVisible());
    assert.ok(await page.getByLabel("Passphrase").isEnabled());

    await page.getByLabel("Passphrase").fill(PASSPHRASE);
    await page.getByRole("button", { name: "Authenticate" }).click();
    await page.waitForURL("/");
  });

  test("returns to the page that was asked for", {}, async ({ page }) => {
    await page.goto("/files");
    assert.equal(new URL(page.url()).pathname, "/login");
    await page.getByLabel("Passphrase").fill(PASSPHRASE);
    await page.getByRole("button", { name: "Authenticate" }).click();
    await page.waitForURL("/files");
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Files");
  });

  test("never leads to another host", {}, async ({ page, server }) => {
    for (const next of ["https://example.invalid/", "//example.invalid/", "/\\example.invalid"]) {
      await page.goto(`/login?next=${encodeURIComponent(next)}`);
      await page.getByLabel("Passphrase").fill(PASSPHRASE);
      await page.getByRole("button", { name: "Authenticate" }).click();
      await page.waitForURL((url) => url.pathname !== "/login");
      assert.equal(page.url(), `${server.url}/`);
    }
  });

  test("works without JavaScript", { javaScriptEnabled: false }, async (t) => {
    const { page, expectConsole } = t;
    expectConsole(unauthorized);
    await page.goto("/files");
    await page.getByLabel("Passphrase").fill("wrong");
    await page.getByRole("button", { name: "Authenticate" }).click();
    await page.getByText("incorrect shared secret").waitFor();
    await page.getByText("Check the passphrase, then try again.").waitFor();

    await page.getByLabel("Passphrase").fill(PASSPHRASE);
    await page.getByRole("button", { name: "Authenticate" }).click();
    await page.waitForURL("/files");
    await page.getByRole("menuitem", { name: "System" }).waitFor();
  });
});

suite("the menu", (test) => {
  test("opens by click and by keyboard", {}, async ({ page }) => {
    await logIn(page);
    const system = page.getByRole("menuitem", { name: "System" });
    const logOut = page.getByRole("menuitem", { name: "Log Out" });

    assert.equal(await logOut.isVisible(), false);
    await system.click();
    assert.ok(await logOut.isVisible());
    await page.keyboard.press("Escape");
    assert.equal(await logOut.isVisible(), false);

    await page.mouse.move(0, 600);
    await page.getByRole("menuitem", { name: "Upload" }).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Enter");
    await page.keyboard.press("End");
    assert.equal(await logOut.evaluate((element) => element === document.activeElement), true);
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Log In" }).waitFor();
  });

  test("folds away on a phone", { viewport: { width: 360, height: 740 } }, async ({ page }) => {
    await logIn(page);
    const toggle = page.getByRole("button", { name: "Toggle navigation" });
    assert.equal(await page.getByRole("menuitem", { name: "Files" }).isVisible(), false);
    await toggle.click();
    assert.equal(await toggle.getAttribute("aria-expanded"), "true");
    await page.getByRole("menuitem", { name: "Files" }).click();
    await page.waitForURL("/files");
    assert.deepEqual(await filesListed(page), []);
    await page.getByText("Nothing here yet.").waitFor();
  });
});
