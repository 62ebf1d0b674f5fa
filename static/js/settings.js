/* The settings. */

import { submitForm } from "./api.js";
import { notify } from "./snackbar.js";

const DAYS_PER_YEAR = 365;
const MOST = { days: 3650, years: 10 };
const ADVICE = { 400: "Nothing was changed. Correct it, then try again." };

const form = document.getElementById("settings-form");
const forever = document.getElementById("store-forever-checkbox");
const number = document.getElementById("default-expiration");
const unit = document.getElementById("time-unit");
const saveButton = form.querySelector("[type=submit]");
let saving = null; // a promise of whether it worked

function fitControls() {
  number.disabled = forever.checked;
  unit.disabled = forever.checked;
  number.max = MOST[unit.value];
}

function settings() {
  if (forever.checked) {
    return { defaultNeverExpire: true };
  }
  const days = unit.value === "years" ? DAYS_PER_YEAR : 1;
  return { defaultExpirationDays: Number(number.value) * days };
}

form.addEventListener("input", () => {
  fitControls();
  saveButton.disabled = false;
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const call = { method: "PUT", path: "/api/settings", body: settings(), advice: ADVICE };
  saving = submitForm(form, call);
  if (await saving) {
    saveButton.disabled = true;
    notify("Settings saved");
  }
  saving = null;
});

/* Who saves and leaves at once wants the next page to know: the link waits for the answer, and is
   not followed when it says that nothing was saved. */
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[href]");
  const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  if (saving === null || link === null || elsewhere || event.defaultPrevented) {
    return;
  }
  event.preventDefault();
  if (await saving) {
    location.assign(link.href);
  }
});
