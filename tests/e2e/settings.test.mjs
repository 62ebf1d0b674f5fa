import assert from "node:assert/strict";
import { logIn, suite } from "./browser.mjs";

const button = (page, name) => page.getByRole("button", { name });
const forever = (page) => page.getByRole("checkbox", { name: "Store files forever" });
const number = (page) => page.locator("#default-expiration");
const unit = (page) => page.locator("#time-unit");

async function save(page) {
  await button(page, "Save").click();
  await page.getByText("Settings saved").first().waitFor();
  await page.locator("#settings-form button:disabled").waitFor();
}

// The page as it is after 30 days have been saved.
async function openSettings(page) {
  await logIn(page);
  const saved = await page.request.put("/api/settings", { data: { defaultExpirationDays: 30 } });
  assert.equal(saved.status(), 200);
  await page.goto("/settings");
}

// What the upload page offers, and what it has selected.
async function offered(page) {
  const options = page.locator("#expiration-select option");
  const selected = page.locator("#expiration-select option[selected]");
  await options.first().waitFor({ state: "attached" });
  assert.equal(await selected.count(), 1);
  return { all: await options.allInnerTexts(), selected: await selected.innerText() };
}

suite("settings", (test) => {
  test("begin with 30 days", {}, async ({ page }) => {
    await logIn(page);
    await page.getByRole("menuitem", { name: "System" }).hover();
    await page.getByRole("menuitem", { name: "Settings" }).click();
    await page.waitForURL("/settings");
    assert.equal(await page.title(), "PicoShare - Settings");
    assert.equal(await page.getByRole("heading", { level: 1 }).innerText(), "Settings");
    await page.getByRole("group", { name: "Default File Expiration" }).waitFor();
    assert.equal(await forever(page).isChecked(), false);
    assert.equal(await number(page).inputValue(), "30");
    assert.equal(await unit(page).inputValue(), "days");
    assert.ok(await button(page, "Save").isDisabled());

    await number(page).fill("30"); // the same
    assert.ok(await page.locator("#settings-form button[type='submit']").isEnabled());
    await save(page);
    assert.ok(await button(page, "Save").isDisabled());
    assert.equal(new URL(page.url()).pathname, "/settings");
  });

  for (const [count, name, shown] of [
    ["5", "days", { number: "5", unit: "days", option: "5 days" }],
    ["10", "years", { number: "10", unit: "years", option: "10 years" }],
    ["730", "days", { number: "2", unit: "years", option: "2 years" }],
  ]) {
    test(`keep ${count} ${name}, also when one leaves at once`, {}, async ({ page }) => {
      await openSettings(page);
      await number(page).fill(count);
      await unit(page).selectOption(name);
      await button(page, "Save").click();
      await page.getByRole("menuitem", { name: "Upload" }).click();
      await page.waitForURL("/");
      assert.deepEqual(await offered(page), {
        all: ["1 day", "7 days", "30 days", "1 year", "Never", shown.option, "Custom"],
        selected: shown.option,
      });
      await page.goto("/settings");
      assert.equal(await number(page).inputValue(), shown.number);
      assert.equal(await unit(page).inputValue(), shown.unit);
    });
  }

  test("keep for ever", {}, async ({ page }) => {
    await openSettings(page);
    await number(page).fill("1");
    await unit(page).selectOption("years");
    await save(page);
    await forever(page).check();
    assert.ok(await number(page).isDisabled());
    assert.ok(await unit(page).isDisabled());
    await save(page);
    await page.reload();
    assert.ok(await forever(page).isChecked());
    assert.equal(await number(page).inputValue(), "30");
    assert.equal(await unit(page).inputValue(), "days");
    assert.ok(await number(page).isDisabled());
    assert.ok(await unit(page).isDisabled());
    await page.goto("/");
    const { all, selected } = await offered(page);
    assert.deepEqual(all, ["1 day", "7 days", "30 days", "1 year", "Never", "Custom"]);
    assert.equal(selected, "Never");

    await page.goto("/settings");
    await forever(page).uncheck();
    assert.ok(await number(page).isEnabled());
    assert.ok(await unit(page).isEnabled());
    await save(page);
    await page.goto("/");
    assert.equal((await offered(page)).selected, "30 days");
  });

  test("refuse what is out of range before sending it", {}, async ({ page }) => {
    await openSettings(page);
    const sent = [];
    page.on("request", (request) => sent.push(request.method()));
    for (const [name, count] of [["days", "0"], ["days", "3651"], ["years", "11"], ["days", ""]]) {
      await unit(page).selectOption(name);
      await number(page).fill(count);
      await button(page, "Save").click();
      const valid = await number(page).evaluate((input) => input.validity.valid);
      assert.equal(valid, false, `${count} ${name}`);
    }
    assert.ok(!sent.includes("PUT"));
  });

  test("make a link wait for the answer", {}, async ({ page }) => {
    await openSettings(page);
    let release;
    const held = new Promise((resolve) => {
      release = resolve;
    });
    await page.route("**/api/settings", async (route) => {
      await held;
      await route.continue();
    });
    await number(page).fill("9");
    await unit(page).selectOption("days");
    await button(page, "Save").click();
    await page.getByText("One moment…").waitFor();
    await page.getByRole("menuitem", { name: "Upload" }).click();
    assert.equal(new URL(page.url()).pathname, "/settings");
    release();
    await page.waitForURL("/");
    assert.equal((await offered(page)).selected, "9 days");
  });

  test("say what failed, and stay", {}, async ({ page, expectConsole }) => {
    expectConsole(/status of 507/);
    await openSettings(page);
    await page.route("**/api/settings", (route) =>
      route.fulfill({ status: 507, contentType: "text/plain", body: "Failed to save settings\n" }),
    );
    await number(page).fill("8");
    await button(page, "Save").click();
    const alert = page.getByRole("alert");
    await alert.filter({ hasText: "Failed to save settings" }).waitFor();
    await alert.filter({ hasText: "Error" }).waitFor();
    assert.equal(await number(page).inputValue(), "8");
    assert.ok(await button(page, "Save").isEnabled());
    await button(page, "Close").click();
    assert.equal(await alert.count(), 0);
  });
});
