/* Asking once more before a file is deleted. */

import "./link-buttons.js";
import { submitForm } from "./api.js";
import { goBackTo } from "./back.js";

const DOUBT = "It may have been deleted: look whether it is still in the list.";

const form = document.getElementById("delete-form");
const cancel = document.getElementById("cancel-btn");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const path = `/api/entry/${form.elements["entry-id"].value}`;
  if (await submitForm(form, { method: "DELETE", path, doubt: DOUBT })) {
    location.assign("/files");
  }
});

/* Following the link would put this page into the history that the edit page goes back to. */
cancel.addEventListener("click", (event) => {
  if (goBackTo(cancel.pathname)) {
    event.preventDefault();
  }
});
