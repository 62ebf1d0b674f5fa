/* Who downloaded a file. */

import { goBack } from "./back.js";
import { formatExactTime } from "./times.js";

for (const time of document.querySelectorAll(".download-time time")) {
  time.textContent = formatExactTime(new Date(time.dateTime));
}

/* In place of this view, so that the way back still leads where the owner came from. */
document.getElementById("unique-ips-only")?.addEventListener("change", (event) => {
  const url = new URL(location.href);
  url.searchParams.delete("page");
  if (event.target.checked) {
    url.searchParams.set("unique", "true");
  } else {
    url.searchParams.delete("unique");
  }
  location.replace(url);
});

document
  .getElementById("close-btn")
  .addEventListener("click", () => goBack(location.pathname.replace(/downloads$/, "info")));
