/* Changing a file's name, expiry and note. */

import "./expiration-picker.js";
import "./link-buttons.js";
import { submitForm } from "./api.js";
import { goBack } from "./back.js";

/* As many bytes as the server takes; what the fields themselves count is characters. */
const MAX_BYTES = { filename: 255, note: 500 };
const NAMES = { filename: "The filename", note: "The note" };
const ADVICE = {
  400: "Nothing was changed. Correct it, then try again.",
  404: "Nothing was changed: the file has expired or was deleted.",
};

const form = document.getElementById("edit-form");
const filename = document.getElementById("filename");
const note = document.getElementById("note");
const expires = document.getElementById("expire-checkbox");
const picker = document.getElementById("expiration-picker");
const id = form.dataset.entryId;

/* The picker knows days only. While it shows the file's own day, the file's own time counts. */
const storedTime = picker.getAttribute("value"); // null: never
const storedDay = picker.value;

function expiration() {
  return picker.value === storedDay ? storedTime : picker.value;
}

function checkLength(input) {
  const bytes = new TextEncoder().encode(input.value).length;
  const most = MAX_BYTES[input.id];
  input.setCustomValidity(
    bytes > most
      ? `${NAMES[input.id]} is too long: it takes ${bytes} bytes, and only ${most} fit.`
      : "",
  );
}

for (const input of [filename, note]) {
  input.addEventListener("input", () => checkLength(input));
}

expires.addEventListener("change", () => {
  picker.disabled = !expires.checked;
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (expires.checked && picker.value === null) {
    picker.reportValidity();
    return;
  }
  const time = expiration();
  const body = {
    filename: filename.value,
    note: note.value.trim() === "" ? null : note.value,
    ...(time !== null && { expiration: time }),
  };
  const call = { method: "PUT", path: `/api/entry/${id}`, body, advice: ADVICE };
  if (await submitForm(form, call)) {
    location.assign("/files");
  }
});

document
  .getElementById("cancel-btn")
  .addEventListener("click", () => goBack(`/files/${id}/info`));
