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
