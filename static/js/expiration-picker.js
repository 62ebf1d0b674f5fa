/* <expiration-picker value disabled>: a day after today, or the one that was set, which may be
   today. Its property value is the midnight, in this browser's time zone, with which that day
   begins, as an ISO timestamp; null while it is disabled or holds no valid day. */

import { controls, sheet } from "./shadow-styles.js";

const DEFAULT_DAYS = 30;

const style = sheet(`
  label { display: block; margin-bottom: 0.375rem; }
  input { width: 100%; }
`);

class ExpirationPicker extends HTMLElement {
  static observedAttributes = ["value", "disabled"];

  #root = this.attachShadow({ mode: "open" });
  #input;

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [controls, style];
    this.#root.innerHTML = `
      <label for="expiration">Expiration date</label>
      <input id="expiration" type="date" required>`;
    this.#input = this.#root.getElementById("expiration");
    this.#show(isoDay(daysFromNow(DEFAULT_DAYS)));
    this.#input.addEventListener("input", () => this.#validate());
    this.#input.addEventListener("change", () => {
      this.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  attributeChangedCallback(name, before, after) {
    if (name === "disabled") {
      this.#input.disabled = after !== null;
      this.classList.toggle("d-none", after !== null);
    } else if (after !== null) {
      this.value = after;
    }
  }

  get disabled() {
    return this.hasAttribute("disabled");
  }

  set disabled(value) {
    this.toggleAttribute("disabled", Boolean(value));
  }

  get value() {
    if (this.disabled || !this.#input.validity.valid) {
      return null;
    }
    const [year, month, day] = this.#input.value.split("-").map(Number);
    return new Date(year, month - 1, day).toISOString();
  }

  /* A date or a timestamp. */
  set value(value) {
    const dayOnly = /^\d{4}-\d{2}-\d{2}$/.test(value ?? "");
    this.#show(dayOnly ? value : isoDay(new Date(value)));
    this.#validate();
  }

  /* Shows what is wrong with the date, at the field. */
  reportValidity() {
    this.#validate();
    return this.#input.reportValidity();
  }

  #show(day) {
    const tomorrow = isoDay(daysFromNow(1));
    this.#input.min = day !== "" && day < tomorrow ? day : tomorrow;
    this.#input.value = day;
  }

  #validate() {
    const { badInput, valueMissing } = this.#input.validity;
    this.#input.setCustomValidity(
      badInput || valueMissing ? "Date must be in YYYY-MM-DD format" : "",
    );
  }
}

function daysFromNow(days) {
  const date = new Date();
  date.setDate(date.getDate() + days);
  return date;
}

/* The day of a date in this browser's time zone; "" for an invalid one. */
function isoDay(date) {
  if (Number.isNaN(date.getTime())) {
    return "";
  }
  const pad = (number, digits) => String(number).padStart(digits, "0");
  return [
    pad(date.getFullYear(), 4),
    pad(date.getMonth() + 1, 2),
    pad(date.getDate(), 2),
  ].join("-");
}

customElements.define("expiration-picker", ExpirationPicker);
