/* On every page: the menu of narrow screens, the System drop-down, logging out. */

import { notify } from "./snackbar.js";

const nav = document.querySelector(".navbar");
const toggle = nav.querySelector(".navbar-toggle");
const menu = nav.querySelector(".navbar-menu");
const dropdown = nav.querySelector(".dropdown");

toggle.addEventListener("click", () => {
  const open = menu.classList.toggle("open");
  toggle.setAttribute("aria-expanded", String(open));
});

if (dropdown !== null) {
  setUpDropdown();
  document.getElementById("navbar-log-out").addEventListener("click", logOut);
}
menu.addEventListener("keydown", moveFocus);

function setUpDropdown() {
  const trigger = dropdown.querySelector("[aria-haspopup]");
  let pinned = false; // opened by a click or a key: stays when the mouse leaves

  function show(open, pin = false) {
    pinned = open && pin;
    dropdown.classList.toggle("open", open);
    trigger.setAttribute("aria-expanded", String(open));
  }

  dropdown.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse" && !pinned) {
      show(true);
    }
  });
  dropdown.addEventListener("pointerleave", () => {
    if (!pinned) {
      show(false);
    }
  });
  trigger.addEventListener("click", (event) => {
    event.preventDefault();
    show(!pinned, true);
  });
  dropdown.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      show(false);
      trigger.focus();
    } else if (event.target === trigger && [" ", "Enter", "ArrowDown"].includes(event.key)) {
      event.preventDefault();
      event.stopPropagation();
      show(true, true);
      dropdown.querySelector(".dropdown-menu [role=menuitem]").focus();
    }
  });
  dropdown.addEventListener("focusout", (event) => {
    if (pinned && !dropdown.contains(event.relatedTarget)) {
      show(false);
    }
  });
  document.addEventListener("pointerdown", (event) => {
    if (!dropdown.contains(event.target)) {
      show(false);
    }
  });
}

/* Arrow keys, Home and End move among the items that belong together. */
function moveFocus(event) {
  const list = event.target.closest("[role=menubar], [role=menu]");
  const items = [...list.querySelectorAll("[role=menuitem]")].filter(
    (item) => item.closest("[role=menubar], [role=menu]") === list,
  );
  const at = items.indexOf(event.target);
  const [back, forward] =
    list === menu ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
  const next = {
    [back]: (at - 1 + items.length) % items.length,
    [forward]: (at + 1) % items.length,
    Home: 0,
    End: items.length - 1,
  }[event.key];
  if (next !== undefined) {
    event.preventDefault();
    items[next].focus();
  }
}

async function logOut() {
  const { ok } = await fetch("/api/auth", { method: "DELETE" }).catch(() => ({ ok: false }));
  if (ok) {
    location.assign("/");
  } else {
    notify("Failed to communicate with server: you are still logged in.");
  }
}
