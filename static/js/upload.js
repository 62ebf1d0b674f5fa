/* The upload page, for the owner and for guests.

   Files come from the chooser, a drop or a paste. A single file has the page to itself; several
   become a queue that sends one after the other. */

import "./expiration-picker.js";
import "./upload-links.js";
import { timeOfChoice } from "./choices.js";
import { formatDuration, formatSize } from "./formats.js";
import { filesFromClipboard, filesFromPaste } from "./paste.js";
import { Problem, addOutcome, hideProblem, showProblem } from "./problem.js";
import { sendFile } from "./transfer.js";

const TITLE = document.title;

const byId = (id) => document.getElementById(id);
const form = byId("upload-form");
const dropZone = form.querySelector(".file");
const fileInput = form.querySelector(".file-input");
const pasteBox = byId("pastebox");
const pasteButton = byId("paste-btn");
const expirationSelect = byId("expiration-select");
const expirationPicker = byId("expiration-picker");
const progress = byId("upload-progress");
const progressBar = byId("upload-progress-bar");
const spinner = byId("progress-spinner");
const cancelled = byId("upload-cancelled");
const queueList = byId("queue");
const queuePlace = byId("queue-place");
const queueStatus = byId("queue-status");
const result = byId("upload-result");
const guestLink = JSON.parse(byId("guest-link-metadata")?.textContent ?? "null");

/* What a guest can do when the server refuses a file, where it is not what the owner can do. */
const GUEST_ADVICE = {
  401: "It has expired, was switched off, or has taken all its files. Ask the owner of this server for a new link.",
  404: "The owner of this server has deleted it. Ask for a new link.",
  507: "Tell the owner of this server that its disk is full.",
};
const LOOK_FIRST =
  guestLink === null
    ? "look in Files before you try again."
    : "ask the owner of this server before you send it again.";

function show(element, visible = true) {
  element.classList.toggle("d-none", !visible);
}

/* ---- what to send where ---- */

function expiration() {
  if (expirationSelect.value !== "") {
    return timeOfChoice(expirationSelect.value);
  }
  const date = expirationPicker.value;
  if (date === null) {
    expirationPicker.reportValidity();
    throw new Problem("The expiration date is not valid.", "Choose a day after today.");
  }
  return date;
}

function uploadUrl() {
  const path = guestLink === null ? "/api/entry" : `/api/guest/${guestLink.id}`;
  return `${path}?expiration=${encodeURIComponent(expiration())}`;
}

function checkSize(file) {
  const limit = guestLink?.maxFileBytes ?? null;
  if (limit !== null && file.size > limit) {
    const problem = new Problem(
      `File is too large. Maximum upload size is ${limit} bytes.`,
      `It has ${formatSize(file.size)}, and this link takes ${formatSize(limit)} at most.`,
    );
    problem.hopeless = true;
    throw problem;
  }
}

/* What has become of a file that was cancelled, or failed; wasSent: to its end. */
function fateOf(wasSent) {
  return wasSent ? `It may have been stored: ${LOOK_FIRST}` : "Nothing of it was kept.";
}

/* Adds to the problem what has become of the file, which has this name in the text; without one it
   is plain which file is meant. The server may have said already that nothing was stored. */
function explain(problem, name = null) {
  const it = name === null ? "It" : `“${name}”`;
  const isSaid = /nothing .* was stored/.test(problem.message);
  if (problem.doubtful) {
    addOutcome(problem, `${it} may have been stored: ${LOOK_FIRST}`);
  } else if (!isSaid) {
    addOutcome(problem, `${it} was not uploaded; nothing of it was kept.`);
  } else if (name !== null) {
    addOutcome(problem, `${it} was not uploaded.`);
  }
  return problem;
}

async function send(file, callbacks) {
  checkSize(file);
  try {
    return await sendFile({
      url: uploadUrl(),
      file,
      note: byId("note")?.value.trim() ?? "",
      ...callbacks,
    });
  } catch (problem) {
    if (guestLink !== null && problem.status in GUEST_ADVICE) {
      problem.advice = GUEST_ADVICE[problem.status];
    }
    throw problem;
  }
}

function facts(file, { secondsLeft, bytesPerSecond }) {
  const rate = `${formatSize(Math.round(bytesPerSecond))}/s`;
  return Number.isFinite(secondsLeft)
    ? `${formatSize(file.size)} · ${rate} · ${formatDuration(secondsLeft)} left`
    : formatSize(file.size);
}

function setBar(bar, percent) {
  bar.value = percent;
  bar.setAttribute("aria-valuenow", String(percent));
  bar.textContent = `${percent}%`;
}

function linksOf(id, file) {
  const links = document.createElement("upload-links");
  links.fileId = id;
  links.filename = file.name;
  return links;
}

/* Leaving the page while this is set asks first. */
let busy = false;

window.addEventListener("beforeunload", (event) => {
  if (busy) {
    event.preventDefault();
  }
});

/* ---- one file ---- */

/* Guests have no such link. */
function showEdit(id) {
  const link = byId("edit-btn");
  if (link !== null) {
    link.href = `/files/${id}/edit`;
    show(link);
  }
}

let cancelledFile = null;

function showCancelled(file, wasSent) {
  cancelledFile = file;
  cancelled.querySelector("p").textContent =
    `Upload of “${file.name}” was cancelled. ${fateOf(wasSent)}`;
  show(cancelled);
}

cancelled.querySelector("button").addEventListener("click", () => upload([cancelledFile]));

/* The text is not there before, so that nobody finds it in the hidden place. */
function showResult(text) {
  result.querySelector(".message-body").textContent = text;
  show(result);
}

async function uploadOne(file) {
  const abort = new AbortController();
  const cancelButton = byId("cancel-btn");
  const cancel = () => abort.abort();
  let wasSent = false;

  function showProgress(state) {
    setBar(progressBar, state.percent);
    progress.querySelector(".transfer-percent").textContent = `${state.percent}%`;
    progress.querySelector(".transfer-facts").textContent = facts(file, state);
    document.title =
      state.percent < 100 ? `PicoShare ↑ ${state.percent}%` : "PicoShare - Complete";
  }

  busy = true;
  show(form, false);
  show(progress);
  progress.querySelector(".transfer-name").textContent = file.name;
  showProgress({ percent: 0, secondsLeft: Infinity, bytesPerSecond: 0 });
  cancelButton.addEventListener("click", cancel);
  cancelButton.focus();
  try {
    const id = await send(file, {
      signal: abort.signal,
      onProgress: showProgress,
      onSent: () => {
        wasSent = true;
        show(spinner);
      },
    });
    byId("result-links").replaceChildren(linksOf(id, file));
    showEdit(id);
    showResult("Upload complete!");
    byId("upload-another-btn").focus();
  } catch (problem) {
    document.title = TITLE;
    show(form);
    fileInput.focus();
    if (problem === abort.signal.reason) {
      showCancelled(file, wasSent);
    } else {
      const retry = problem.hopeless ? null : () => upload([file]);
      showProblem(explain(problem, file.name), retry);
    }
  } finally {
    busy = false;
    cancelButton.removeEventListener("click", cancel);
    show(progress, false);
    show(spinner, false);
  }
}

/* ---- several files ---- */

/* In one line; what the server says is a sentence without its full stop. */
function sentences({ message, advice = "" }) {
  const end = advice === "" || /[.!?]$/.test(message) ? "" : ".";
  return `${message}${end} ${advice}`.trim();
}

/* A row of the queue; state is waiting, sending, done, cancelled or failed. Its changes are read out;
   how far it has come is not. */
class Row {
  state = "waiting";
  #element;
  #abort = null;
  #wasSent = false;

  constructor(file, onRetry) {
    this.file = file;
    this.#element = byId("queue-row").content.firstElementChild.cloneNode(true);
    this.#part(".transfer-name").textContent = file.name;
    this.#part("progress").setAttribute("aria-label", `Progress of ${file.name}`);
    this.#part(".queue-cancel").addEventListener("click", () => this.#cancel());
    this.#part(".queue-retry").addEventListener("click", () => {
      this.#wait();
      onRetry();
    });
    this.#wait();
    queueList.append(this.#element);
  }

  /* So that it can be seen, and keys go on from it. */
  focus() {
    this.#element.tabIndex = -1;
    this.#element.focus();
  }

  async run(onPercent) {
    this.#abort = new AbortController();
    this.#wasSent = false;
    this.#enter("sending", formatSize(this.file.size));
    this.#say("Sending");
    try {
      const id = await send(this.file, {
        signal: this.#abort.signal,
        onProgress: (state) => {
          this.#percent(state.percent);
          this.#part(".transfer-facts").textContent = facts(this.file, state);
          onPercent(state.percent);
        },
        onSent: () => {
          this.#wasSent = true;
          this.#part(".transfer-facts").textContent = "Processing...";
          this.#say("Processing...");
        },
      });
      this.#part(".queue-links").replaceChildren(linksOf(id, this.file));
      this.#enter("done", "");
      this.#say("Done");
    } catch (problem) {
      if (problem === this.#abort.signal.reason) {
        this.#end("cancelled", `Cancelled. ${fateOf(this.#wasSent)}`);
      } else {
        this.#end("failed", sentences(explain(problem)), !problem.hopeless);
      }
    }
  }

  #wait() {
    this.#enter("waiting", `Waiting · ${formatSize(this.file.size)}`);
  }

  #cancel() {
    if (this.state === "sending") {
      this.#abort.abort();
    } else {
      this.#end("cancelled", `Cancelled. ${fateOf(false)}`);
    }
  }

  #end(state, text, canRetry = true) {
    this.#enter(state, text);
    show(this.#part(".queue-retry"), canRetry);
    this.#say(text);
  }

  #say(text) {
    queueStatus.textContent = `${this.file.name}: ${text}`;
  }

  #enter(state, text) {
    const open = state === "waiting" || state === "sending";
    this.#element.classList.remove(this.state);
    this.#element.classList.add(state);
    this.state = state;
    if (state !== "sending") {
      this.#percent(0);
      this.#part(".transfer-percent").textContent = state === "done" ? "Done" : "";
    }
    this.#part(".transfer-facts").textContent = text;
    show(this.#part(".queue-cancel"), open);
    show(this.#part(".queue-retry"), false);
  }

  #percent(percent) {
    setBar(this.#part("progress"), percent);
    this.#part(".transfer-percent").textContent = `${percent}%`;
  }

  #part(selector) {
    return this.#element.querySelector(selector);
  }
}

let rows = [];

async function runQueue() {
  if (busy) {
    return;
  }
  busy = true;
  show(result, false);
  show(queuePlace);
  for (;;) {
    const row = rows.find(({ state }) => state === "waiting");
    if (row === undefined) {
      break;
    }
    const place = rows.indexOf(row) + 1;
    queuePlace.textContent = `Sending ${place} of ${rows.length}…`;
    await row.run((percent) => {
      document.title = `PicoShare ↑ ${percent}% (${place}/${rows.length})`;
    });
  }
  busy = false;
  show(queuePlace, false);
  showSum(rows.filter(({ state }) => state === "done").length);
}

function showSum(done) {
  const all = done === rows.length;
  document.title = all ? "PicoShare - Complete" : TITLE;
  result.querySelector(".notice").classList.toggle("notice-success", all);
  byId("upload-another-btn").classList.toggle("button-secondary", !all);
  showResult(all ? "Upload complete!" : `${done} of ${rows.length} files uploaded.`);
  (rows.find(({ state }) => state === "failed") ?? result).focus();
}

/* ---- where files come from ---- */

function upload(files) {
  if (busy || files.length === 0) {
    return;
  }
  hideProblem();
  show(cancelled, false);
  try {
    uploadUrl(); // a wrong date is said before anything is sent
    if (files.length === 1) {
      checkSize(files[0]);
    }
  } catch (problem) {
    showProblem(problem);
    return;
  }
  if (files.length === 1) {
    uploadOne(files[0]);
    return;
  }
  show(form, false);
  show(queueList);
  rows = files.map((file) => new Row(file, runQueue));
  runQueue();
}

function formIsShown() {
  return !form.classList.contains("d-none");
}

fileInput.addEventListener("change", () => {
  const files = [...fileInput.files];
  fileInput.value = ""; // choosing the same file again is a change, too
  upload(files);
});

form.addEventListener("submit", (event) => event.preventDefault());

function carriesFiles(event) {
  return event.dataTransfer.types.includes("Files");
}

document.addEventListener("dragover", (event) => {
  if (carriesFiles(event)) {
    event.preventDefault();
    dropZone.classList.toggle("accepting-drop", formIsShown());
  }
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) {
    dropZone.classList.remove("accepting-drop");
  }
});
document.addEventListener("drop", (event) => {
  if (!carriesFiles(event)) {
    return;
  }
  event.preventDefault(); // the browser would open the file instead of this page
  dropZone.classList.remove("accepting-drop");
  if (!formIsShown()) {
    return;
  }
  const items = [...event.dataTransfer.items];
  if (items.some((item) => item.webkitGetAsEntry?.()?.isDirectory)) {
    showProblem(
      new Problem(
        "A folder cannot be uploaded.",
        "Pack it into an archive and drop that, or drop its files.",
      ),
    );
    return;
  }
  upload([...event.dataTransfer.files]);
});

function uploadPasted(files) {
  if (files.length === 0) {
    showProblem(
      new Problem("The clipboard holds nothing to upload.", "Copy a text or a picture first."),
    );
  } else {
    upload(files);
  }
}

pasteBox.addEventListener("input", () => {
  pasteBox.value = "";
});
pasteBox.addEventListener("paste", async (event) => {
  event.preventDefault();
  uploadPasted(await filesFromPaste(event.clipboardData));
});
pasteButton.addEventListener("click", async () => {
  try {
    uploadPasted(await filesFromClipboard());
  } catch {
    showProblem(
      new Problem(
        "The browser did not let this page read the clipboard.",
        "Allow it and try again, or keep a finger on the field and choose Paste there.",
      ),
    );
  }
});

expirationSelect.addEventListener("change", () => {
  expirationPicker.disabled = expirationSelect.value !== "";
});

byId("upload-another-btn").addEventListener("click", () => location.reload());

for (const option of expirationSelect.options) {
  option.disabled = false; // Custom needs this script
}
if (matchMedia("(hover: hover) and (pointer: fine)").matches) {
  pasteBox.focus({ preventScroll: true });
} else {
  show(pasteButton, navigator.clipboard?.read !== undefined);
}
