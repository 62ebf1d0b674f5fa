/* Points in time to choose from. The server computed them when it made the page; until they are
   used they move on with the time since. */

const NEVER = "2999-12-31T00:00:00Z";
const loadedAt = Date.now();

/* The time that the value of an option stands for now. */
export function timeOfChoice(value) {
  return value === NEVER
    ? value
    : new Date(Date.parse(value) + (Date.now() - loadedAt)).toISOString();
}
