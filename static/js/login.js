/* Logging in. Without scripts the same form goes to POST /login. */

import { hideProblem, problemFrom, problemOfNetwork, showProblem } from "./problem.js";

const form = document.getElementById("auth-form");
const secret = document.getElementById("secret");
const inputs = form.querySelectorAll("input");

/* Only a path on this server, whatever stands in the address. */
function target() {
  const next = document.getElementById("next").value;
  const url = URL.canParse(next, location.origin) ? new URL(next, location.origin) : null;
  return next.startsWith("/") && url?.origin === location.origin ? url.href : "/";
}

function enable(enabled) {
  for (const input of inputs) {
    input.disabled = !enabled;
  }
}

async function logIn() {
  let response;
  try {
    response = await fetch("/api/auth", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ sharedSecretKey: secret.value }),
    });
    if (response.ok) {
      return null;
    }
    const body = await response.text();
    const problem = problemFrom(response.status, response.headers.get("Content-Type"), body);
    problem.advice = adviceFor(response);
    await fetch("/api/auth", { method: "DELETE" });
    return problem;
  } catch {
    return problemOfNetwork();
  }
}

function adviceFor(response) {
  if (response.status === 429) {
    const seconds = Number(response.headers.get("Retry-After"));
    const text = `${seconds} second${seconds === 1 ? "" : "s"}`;
    return seconds > 0 ? `Wait ${text}, then try again.` : "Wait, then try again.";
  }
  return response.status < 500 ? "Check the passphrase, then try again." : "Try again.";
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  hideProblem();
  enable(false);
  const problem = await logIn();
  if (problem === null) {
    location.assign(target());
    return;
  }
  enable(true);
  showProblem(problem);
  secret.select();
});
