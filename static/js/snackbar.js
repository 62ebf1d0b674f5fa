/* <snackbar-notifications>: short messages at the bottom of the page. */

import { sheet } from "./shadow-styles.js";

const SHOWN_MS = 3000;
const UNDO_MS = 10_000;

const style = sheet(`
  :host {
    position: fixed;
    z-index: 3;
    inset: auto 1rem 1.5rem;
    display: grid;
    justify-items: center;
    gap: 0.5rem;
    pointer-events: none;
  }
  p {
    margin: 0;
    padding: 0.75rem 1.25rem;
    border-radius: var(--radius);
    background: var(--text);
    color: var(--ground);
    box-shadow: var(--shadow);
  }
  .undo {
    display: flex;
    align-items: center;
    gap: 0.75rem;
    padding: 0 0.5rem 0 1.25rem;
    pointer-events: auto;
  }
  button {
    min-height: var(--target);
    padding: 0 0.75rem;
    border: 0;
    border-radius: var(--radius);
    background: none;
    color: inherit;
    font: inherit;
    font-weight: 600;
    text-decoration: underline;
    text-underline-offset: 0.2em;
    cursor: pointer;
  }
  button:focus-visible { outline: 3px solid currentcolor; outline-offset: -5px; }
`);

class SnackbarNotifications extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  #timers = new WeakMap(); // of each toast: when it goes

  connectedCallback() {
    this.#root.adoptedStyleSheets = [style];
    this.setAttribute("role", "status");
    document.addEventListener("keydown", (event) => this.#undoByKey(event));
  }

  addInfoMessage(text) {
    const shown = [...this.#root.children].find((toast) => toast.textContent === text);
    const toast = shown ?? document.createElement("p");
    toast.textContent = text;
    this.#root.append(toast); // one that is shown already is read out once more
    this.#removeIn(SHOWN_MS, toast);
  }

  /* With a button that calls undo(), and stays while somebody points at it or has the focus there.
     Each is one of its own, however alike they look. */
  addUndoMessage(text, undo) {
    const toast = document.createElement("p");
    const button = document.createElement("button");
    toast.className = "undo";
    button.type = "button";
    button.textContent = "Undo";
    button.title = "Ctrl+Z";
    button.setAttribute("aria-keyshortcuts", "Control+Z Meta+Z");
    button.addEventListener("click", () => {
      toast.remove();
      undo();
    });
    for (const type of ["pointerenter", "focusin"]) {
      toast.addEventListener(type, () => clearTimeout(this.#timers.get(toast)));
    }
    for (const type of ["pointerleave", "focusout"]) {
      toast.addEventListener(type, () => this.#removeIn(UNDO_MS, toast));
    }
    toast.append(text, button);
    this.#root.append(toast);
    this.#removeIn(UNDO_MS, toast);
  }

  #removeIn(ms, toast) {
    clearTimeout(this.#timers.get(toast));
    this.#timers.set(toast, setTimeout(() => toast.remove(), ms));
  }

  /* The Tab key would take its time from a long list to here. */
  #undoByKey(event) {
    const key = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
    const button = [...this.#root.querySelectorAll("button")].at(-1);
    if (key && button !== undefined && !event.target.closest("input, textarea")) {
      event.preventDefault();
      button.click();
    }
  }
}

customElements.define("snackbar-notifications", SnackbarNotifications);

export function notify(text) {
  document.querySelector("snackbar-notifications").addInfoMessage(text);
}

export function notifyWithUndo(text, undo) {
  document.querySelector("snackbar-notifications").addUndoMessage(text, undo);
}
