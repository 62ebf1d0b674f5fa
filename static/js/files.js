/* The list of files. */

import "./link-buttons.js";
import { copyLink } from "./clipboard.js";
import { notify } from "./snackbar.js";

for (const button of document.querySelectorAll("button[pico-entry-id]")) {
  button.addEventListener("click", async () => {
    if (await copyLink(`${location.origin}/-${button.getAttribute("pico-entry-id")}`)) {
      notify("Copied link");
    }
  });
}

/* Which file a control is for is said here, since it would double the size of the page. */
document.querySelectorAll("tbody tr").forEach((row, number) => {
  const name = row.querySelector("a");
  name.id = `name-${number}`;
  for (const control of row.querySelectorAll("[aria-label]")) {
    control.title = control.getAttribute("aria-label");
    control.setAttribute("aria-describedby", name.id);
  }
});
