/* Points in time, in the time zone of this browser. */

/* "July 14, 2026 at 7:20 PM" */
export function formatLongTime(date) {
  const text = date.toLocaleString("en-US", { dateStyle: "long", timeStyle: "short" });
  return text.replaceAll("\u202f", " "); // before AM and PM, in some versions of the rules
}

/* "2026-07-14 19:20:01 +00:00": the time zone's offset from UTC, at that time. */
export function formatExactTime(date) {
  const offset = -date.getTimezoneOffset();
  const minutes = Math.abs(offset);
  const local = new Date(date.getTime() + offset * 60_000).toISOString();
  const hours = pad(Math.floor(minutes / 60));
  const sign = offset < 0 ? "-" : "+";
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${sign}${hours}:${pad(minutes % 60)}`;
}

function pad(number) {
  return String(number).padStart(2, "0");
}
