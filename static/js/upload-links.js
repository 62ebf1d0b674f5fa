/* <upload-links file-id filename>: the two links of a file, each in an <upload-link-box href>
   with a button that copies it. Copying fires "link-copied", which reaches the document. */

import { copyLink } from "./clipboard.js";
import { controls, sheet } from "./shadow-styles.js";
import { notify } from "./snackbar.js";

const boxStyle = sheet(`
  :host { display: block; }
  div { display: flex; align-items: center; gap: 0.75rem; }
  a {
    flex: 1;
    min-width: 0;
    padding: 0.625rem 0;
    color: var(--accent);
    word-break: break-all; /* not first of all after the hyphen of an id */
    text-underline-offset: 0.15em;
  }
  button { flex: none; }
`);

const linksStyle = sheet(`
  :host { display: block; }
  upload-link-box + upload-link-box { margin-top: 0.5rem; }
`);

class UploadLinkBox extends HTMLElement {
  static observedAttributes = ["href", "caption"];

  #root = this.attachShadow({ mode: "open" });

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [controls, boxStyle];
    this.#root.innerHTML = `
      <span class="caption"></span>
      <div><a id="link"></a><button id="copy-btn" type="button">Copy</button></div>`;
    this.#root.getElementById("copy-btn").addEventListener("click", () => this.#copy());
  }

  attributeChangedCallback() {
    const href = this.getAttribute("href") ?? "";
    const caption = this.getAttribute("caption") ?? "";
    const link = this.#root.getElementById("link");
    link.href = href;
    link.textContent = href;
    this.#root.querySelector(".caption").textContent = caption;
    this.#root.getElementById("copy-btn").setAttribute("aria-label", `Copy ${caption}`.trim());
  }

  async #copy() {
    if (await copyLink(this.getAttribute("href"))) {
      this.dispatchEvent(new CustomEvent("link-copied", { bubbles: true, composed: true }));
    }
  }
}

class UploadLinks extends HTMLElement {
  static observedAttributes = ["file-id", "filename"];

  #root = this.attachShadow({ mode: "open" });

  constructor() {
    super();
    this.#root.adoptedStyleSheets = [linksStyle];
    this.#root.innerHTML = `
      <upload-link-box id="verbose-link-box" caption="Full Link"></upload-link-box>
      <upload-link-box id="short-link-box" caption="Shortlink"></upload-link-box>`;
  }

  attributeChangedCallback() {
    const short = `${location.origin}/-${this.fileId}`;
    this.#root
      .getElementById("verbose-link-box")
      .setAttribute("href", `${short}/${encodeURIComponent(this.filename)}`);
    this.#root.getElementById("short-link-box").setAttribute("href", short);
  }

  get fileId() {
    return this.getAttribute("file-id") ?? "";
  }

  set fileId(value) {
    this.setAttribute("file-id", value);
  }

  get filename() {
    return this.getAttribute("filename") ?? "";
  }

  set filename(value) {
    this.setAttribute("filename", value);
  }
}

customElements.define("upload-link-box", UploadLinkBox);
customElements.define("upload-links", UploadLinks);

document.addEventListener("link-copied", () => notify("Copied link"));
