/* Copying text, over plain HTTP as well. */

import { notify } from "./snackbar.js";

async function copyText(text) {
  if (window.isSecureContext && navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const before = document.activeElement;
  const area = document.createElement("textarea");
  area.className = "copy-source";
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  before?.focus();
  if (!copied) {
    throw new Error("the browser refused to copy");
  }
}

/* Copies a link and says so. Returns whether it worked. */
export async function copyLink(url) {
  try {
    await copyText(url);
    return true;
  } catch {
    notify("The browser does not allow copying: select the link and copy it by hand.");
    return false;
  }
}
