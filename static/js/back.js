/* Leaving a page by a button: back to where the owner came from. */

/* The last page of this server in the history before this one. Other views of the same page
   (?page=2) and the login page are passed over. null: there is none. undefined: this browser does
   not tell. */
function pageBefore() {
  if (!window.navigation?.currentEntry) {
    return undefined;
  }
  const entries = navigation.entries().slice(0, navigation.currentEntry.index);
  return entries.findLast((entry) => ![location.pathname, "/login"].includes(pathOf(entry))) ?? null;
}

/* null for a shared file: what its headers ask for hides its address. */
function pathOf(entry) {
  return entry.url === null ? null : new URL(entry.url).pathname;
}

/* otherwise: the path to go to when nothing lies before this page, as in a new tab. */
export function goBack(otherwise) {
  const before = pageBefore();
  if (before) {
    navigation.traverseTo(before.key);
  } else if (before === undefined && history.length > 1) {
    history.back();
  } else {
    location.assign(otherwise);
  }
}

/* Goes back if the page with this path lies right before this one; tells whether it does. */
export function goBackTo(path) {
  const before = pageBefore();
  const found = Boolean(before) && pathOf(before) === path;
  if (found) {
    navigation.traverseTo(before.key);
  }
  return found;
}
