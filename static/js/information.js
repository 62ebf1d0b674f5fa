/* The system information: ending sessions. */

import { submitForm } from "./api.js";
import { notify } from "./snackbar.js";
import { formatLongTime } from "./times.js";

const DOUBT = "It may have ended: reload this page to see.";
const ADVICE = { 404: "It has ended already. Reload this page to see which are left." };

const sessions = document.getElementById("sessions");

for (const time of sessions.querySelectorAll("time")) {
  time.textContent = formatLongTime(new Date(time.dateTime));
}

sessions.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-path]");
  if (button === null) {
    return;
  }
  const call = { method: "DELETE", path: button.dataset.path, advice: ADVICE, doubt: DOUBT };
  if (!(await submitForm(sessions, call))) {
    return;
  }
  if (button.hasAttribute("data-ends-own")) {
    location.assign("/login");
  } else {
    remove(button.closest("li"));
    notify("Session ended");
  }
});

/* The focus goes to a neighbour, not to its button: a key pressed twice must not end two. */
function remove(row) {
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  if (neighbour === null) {
    location.reload();
  } else {
    neighbour.tabIndex = -1;
    neighbour.focus();
  }
}
