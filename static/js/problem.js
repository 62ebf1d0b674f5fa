/* What went wrong, in words: from a server's answer to the page's error box. */

const ADVICE = {
  400: "Check the file and the settings, then try again.",
  401: "You are no longer logged in. Log in in another tab, then try again here.",
  403: "Reload this page, then try again.",
  404: "Reload this page, then try again.",
  408: "The connection is very slow. Try again, perhaps with a smaller file.",
  413: "Choose a smaller file.",
  429: "Wait a little, then try again.",
  502: "The server is not reachable behind its proxy. Try again in a minute.",
  503: "Wait a moment, then try again.",
  504: "The server is not reachable behind its proxy. Try again in a minute.",
  507: "Delete what is no longer needed, then try again.",
};
const ADVICE_OTHERWISE = "Try again. If it fails again, tell the owner of this server.";

/* status: of the server's answer, if there was one. doubtful: what was asked for may have been done
   all the same. hopeless: trying the same again cannot help. */
export class Problem extends Error {
  status = null;
  doubtful = false;
  hopeless = false;

  constructor(message, advice = "") {
    super(message);
    this.advice = advice;
  }
}

/* Says before the advice what has become of what was asked for, as far as it is known. Where not
   even the server answered there is no other advice. */
export function addOutcome(problem, outcome) {
  const alone = problem.doubtful && problem.status === null;
  problem.advice = alone ? outcome : `${outcome} ${problem.advice}`.trim();
}

/* For an answer whose status is not a success. contentType may be null. */
export function problemFrom(status, contentType, body) {
  const text = plainText(contentType ?? "", body).trim();
  const problem = new Problem(
    text || `The server answered with an error (status ${status}).`,
    ADVICE[status] ?? ADVICE_OTHERWISE,
  );
  problem.status = status;
  problem.doubtful = status >= 500 && isPage(contentType); // a proxy's, which may have lost the answer
  problem.hopeless = status === 413;
  return problem;
}

/* For a call that got no answer. */
export function problemOfNetwork() {
  const problem = new Problem(
    "Failed to communicate with server: the connection was lost.",
    "Check your connection, then try again.",
  );
  problem.doubtful = true;
  return problem;
}

/* For a page in place of an answer: the server never sends one to a call. */
export function problemOfProxy() {
  const problem = new Problem(
    "Something else answered in place of the server, perhaps a proxy that wants you to log in.",
  );
  problem.doubtful = true;
  return problem;
}

export function isPage(contentType) {
  return /^text\/html\b/i.test(contentType ?? "");
}

/* Only what the server itself says is shown: an HTML page comes from something in between. */
function plainText(contentType, body) {
  if (/^text\/plain\b/i.test(contentType)) {
    return body;
  }
  if (/^application\/(problem\+)?json\b/i.test(contentType)) {
    try {
      const { detail, title } = JSON.parse(body);
      return String(detail ?? title ?? "");
    } catch {
      return "";
    }
  }
  return "";
}

const box = document.getElementById("error");
const retryButton = document.getElementById("error-retry");
let retry = null;

/* onRetry: what the button "Try Again" does; without it there is no button. */
export function showProblem({ message, advice = "" }, onRetry = null) {
  const adviceElement = document.getElementById("error-advice");
  retry = onRetry;
  box.classList.remove("d-none");
  document.getElementById("error-message").textContent = message;
  adviceElement.textContent = advice;
  adviceElement.classList.toggle("d-none", advice === "");
  retryButton.classList.toggle("d-none", onRetry === null);
  box.scrollIntoView({ block: "nearest" });
}

export function hideProblem() {
  box.classList.add("d-none");
}

retryButton.addEventListener("click", () => {
  hideProblem();
  retry?.();
});
box.querySelector(".notice-close")?.addEventListener("click", hideProblem);
