/* Making a guest link. */

import "./link-buttons.js";
import { submitForm } from "./api.js";
import { timeOfChoice } from "./choices.js";

const MB = 1024 * 1024;
const DOUBT = "The link may have been made: look in the list before you try again.";
const ADVICE = { 400: "No link was made. Correct it, then try again." };

const byId = (id) => document.getElementById(id);
const form = byId("create-guest-link-form");

/* null: left empty, so there is no limit. */
function numberIn(input) {
  return input.value === "" ? null : Number(input.value);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const megabytes = numberIn(byId("max-file-size"));
  const body = {
    label: byId("label").value.trim() || null,
    urlExpirationTime: timeOfChoice(byId("expiration-select").value),
    fileLifetime: byId("file-expiration-select").value,
    maxFileBytes: megabytes === null ? null : megabytes * MB,
    maxFileUploads: numberIn(byId("file-upload-limit")),
  };
  const call = { method: "POST", path: "/api/guest-links", body, advice: ADVICE, doubt: DOUBT };
  if (await submitForm(form, call)) {
    location.assign("/guest-links");
  }
});
