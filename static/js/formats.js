/* Numbers as people read them. */

const UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/* As the server prints sizes: "24 B", "1.50 kB". */
export function formatSize(bytes) {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} B` : `${value.toFixed(2)} ${UNITS[unit]}`;
}

/* "a few seconds", "40 seconds", "3 minutes", "2 hours"; rounded up, so that it never ends late. */
export function formatDuration(seconds) {
  if (seconds < 5) {
    return "a few seconds";
  }
  if (seconds < 60) {
    return `${Math.ceil(seconds / 5) * 5} seconds`;
  }
  if (seconds < 3600) {
    return plural(Math.ceil(seconds / 60), "minute");
  }
  return plural(Math.ceil(seconds / 3600), "hour");
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
