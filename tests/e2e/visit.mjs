// What the owner does in a browser at a server that runs already: log in, choose a file, take the link.
// Usage: node visit.mjs URL PASSPHRASE FILE      Prints the link.

import { chromium, launch, shortLink } from "./browser.mjs";

const [url, passphrase, path] = process.argv.slice(2);
const browser = await launch(chromium);
try {
  const page = await browser.newPage({ baseURL: url });
  await page.goto("/");
  await page.getByRole("link", { name: "Log in to share" }).click();
  await page.getByLabel("Passphrase").fill(passphrase);
  await page.getByRole("button", { name: "Authenticate" }).click();
  await page.locator(".file-input").setInputFiles(path);
  console.log(await shortLink(page));
} finally {
  await browser.close();
}
