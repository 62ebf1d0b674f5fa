/* <snackbar-notifications>: short messages at the bottom of the page. */

import { sheet } from "./shadow-styles.js";

const SHOWN_MS = 3000;

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
`);

class SnackbarNotifications extends HTMLElement {
  #root = this.attachShadow({ mode: "open" });
  #timers = new WeakMap(); // of each toast: when it goes

  connectedCallback() {
    this.#root.adoptedStyleSheets = [style];
    this.setAttribute("role", "status");
  }

  addInfoMessage(text) {
    const shown = [...this.#root.children].find((toast) => toast.textContent === text);
    const toast = shown ?? document.createElement("p");
    clearTimeout(this.#timers.get(toast));
    toast.textContent = text;
    this.#root.append(toast); // one that is shown already is read out once more
    this.#timers.set(toast, setTimeout(() => toast.remove(), SHOWN_MS));
  }
}

customElements.define("snackbar-notifications", SnackbarNotifications);

export function notify(text) {
  document.querySelector("snackbar-notifications").addInfoMessage(text);
}
