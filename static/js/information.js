/* The system information: ending sessions, giving free pages back. */

import { callApi, submitForm } from "./api.js";
import { formatSize } from "./formats.js";
import { showProblem } from "./problem.js";
import { notify } from "./snackbar.js";
import { formatLongTime } from "./times.js";

const DOUBT = "It may have ended: reload this page to see.";
const ADVICE = { 404: "It has ended already. Reload this page to see which are left." };

const sessions = document.getElementById("sessions");

for (const time of document.querySelectorAll("time")) {
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

/* ---- free pages ---- */

const LOOK_EVERY_MS = 1000;
const freePages = document.getElementById("free-pages");
const reclaimButton = document.getElementById("reclaim-btn");

/* Until the server has nothing more to give back. */
async function reclaim() {
  await callApi("POST", "/api/system/reclaim", { doubt: "It may go on: reload this page to see." });
  for (;;) {
    const figures = JSON.parse(await callApi("GET", "/api/system"));
    const size = formatSize(figures.freePages * figures.pageBytes);
    freePages.textContent = `Free pages: ${figures.freePages} (${size})`;
    if (figures.upkeep === "idle") {
      return figures.pagesGivenBack * figures.pageBytes;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

reclaimButton?.addEventListener("click", async () => {
  reclaimButton.disabled = true;
  try {
    notify(`${formatSize(await reclaim())} given back`);
  } catch (problem) {
    showProblem(problem);
  }
  reclaimButton.disabled = false;
  reclaimButton.focus({ preventScroll: true });
});
