/* Calls to the server's interface. */

import {
  addOutcome,
  hideProblem,
  isPage,
  problemFrom,
  problemOfNetwork,
  problemOfProxy,
  showProblem,
} from "./problem.js";

const DOUBT = "It may have been changed: reload this page to see.";

/* Returns the text of a successful answer; throws a Problem otherwise. body: what becomes JSON.
   doubt: what to say when nobody knows whether it was done. */
export async function callApi(method, path, { body, doubt = DOUBT } = {}) {
  try {
    return await call(method, path, body);
  } catch (problem) {
    if (problem.doubtful) {
      addOutcome(problem, doubt);
    }
    throw problem;
  }
}

async function call(method, path, body) {
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      ...(body !== undefined && {
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }),
    });
    text = await response.text();
  } catch {
    throw problemOfNetwork();
  }
  const contentType = response.headers.get("Content-Type");
  if (!response.ok) {
    throw problemFrom(response.status, contentType, text);
  }
  if (isPage(contentType)) {
    throw problemOfProxy();
  }
  return text;
}

/* Makes a call for a form, which rests meanwhile, with the spinner shown. A failure stands in the
   error box, with the advice for its status in `advice`, if any. Returns whether it worked. */
export async function submitForm(form, { method, path, advice = {}, ...rest }) {
  const spinner = document.getElementById("progress-spinner");
  const focused = document.activeElement;
  hideProblem();
  form.inert = true;
  spinner.classList.remove("d-none");
  try {
    await callApi(method, path, rest);
    return true;
  } catch (problem) {
    problem.advice = advice[problem.status] ?? problem.advice;
    showProblem(problem);
    return false;
  } finally {
    spinner.classList.add("d-none");
    form.inert = false;
    focused?.focus({ preventScroll: true });
  }
}
