/* The list of guest links. */

import "./link-buttons.js";
import { callApi } from "./api.js";
import { copyLink } from "./clipboard.js";
import { hideProblem, showProblem } from "./problem.js";
import { notify, notifyWithUndo } from "./snackbar.js";

const rows = document.querySelector(".guest-links tbody");
const noLinks = document.getElementById("no-links");
const spinner = document.getElementById("progress-spinner");
const actions = { copy, switch: enableOrDisable, delete: remove };

async function copy(id) {
  if (await copyLink(`${location.origin}/g/${id}`)) {
    notify("Copied link");
  }
}

async function enableOrDisable(id, row, button) {
  const enable = button.getAttribute("aria-label") === "Enable";
  const { spent = "" } = row.dataset; // what keeps it from working even when it is enabled
  const next = enable ? "Disable" : "Enable";
  await callApi("PUT", `/api/guest-links/${id}/${enable ? "enable" : "disable"}`);
  button.setAttribute("aria-label", next);
  button.textContent = next;
  row.classList.toggle("inactive", !enable || spent !== "");
  row.querySelector(".badge").textContent = enable ? spent : "Disabled";
  if (!enable) {
    notify("Guest link disabled");
  } else if (spent !== "") {
    notify("Guest link reactivated, but it has expired or is used up");
  } else {
    linkName(id, row);
    notify("Guest link reactivated");
  }
}

/* The name of a link that was inactive when the page was made leads nowhere yet. */
function linkName(id, row) {
  const name = row.querySelector(".cell-name bdi");
  if (name.closest("a") === null) {
    const link = document.createElement("a");
    link.href = `/g/${id}`;
    name.replaceWith(link);
    link.append(name);
  }
}

async function remove(id, row) {
  await callApi("DELETE", `/api/guest-links/${id}`, {
    doubt: "It may have been deleted: reload this page to see.",
  });
  const below = [...rows.children].slice([...rows.children].indexOf(row) + 1);
  notifyWithUndo("Guest link deleted", () => restore(id, row, below));
  const hadFocus = row.contains(document.activeElement);
  row.inert = true;
  row.classList.add("removing");
  await Promise.allSettled(row.getAnimations().map(({ finished }) => finished));
  if (!row.inert) {
    return; // brought back already
  }
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  noLinks.classList.toggle("d-none", neighbour !== null);
  if (hadFocus && document.activeElement === document.body) {
    moveFocus(neighbour);
  }
}

/* below: the rows that stood below it, of which some may have gone. */
async function restore(id, row, below) {
  hideProblem();
  try {
    await callApi("PUT", `/api/guest-links/${id}/restore`, {
      doubt: "It may have been restored: reload this page to see.",
    });
  } catch (problem) {
    showProblem(problem);
    return;
  }
  row.inert = false;
  row.classList.remove("removing");
  rows.insertBefore(row, below.find((other) => other.isConnected) ?? null);
  noLinks.classList.add("d-none");
  moveFocus(row);
  notify("Guest link restored");
}

/* Not to a button: whoever presses a key twice must not change another link. */
function moveFocus(row) {
  if (row === null) {
    document.getElementById("create-new").focus();
  } else {
    row.tabIndex = -1;
    row.focus();
  }
}

rows.addEventListener("click", async (event) => {
  const button = event.target.closest("button[pico-link-id]");
  const row = event.target.closest("tr");
  if (button === null || row.ariaBusy === "true") {
    return;
  }
  hideProblem();
  row.ariaBusy = "true";
  spinner.classList.remove("d-none");
  try {
    await actions[button.dataset.action](button.getAttribute("pico-link-id"), row, button);
  } catch (problem) {
    showProblem(problem);
  } finally {
    row.ariaBusy = "false";
    spinner.classList.add("d-none");
  }
});
