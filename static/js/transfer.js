/* One file on its way to the server. */

import { Problem, problemFrom, problemOfNetwork } from "./problem.js";

/* Long enough to be calm, short enough to notice when the network gets slower. */
const RATE_WINDOW_MS = 5000;

/* Bytes per second over the last seconds. */
class RateMeter {
  #samples = [{ time: performance.now(), bytes: 0 }];

  /* Bytes so far; returns the rate, 0 while it is not known. */
  add(bytes) {
    const time = performance.now();
    this.#samples.push({ time, bytes });
    while (this.#samples.length > 2 && this.#samples[1].time < time - RATE_WINDOW_MS) {
      this.#samples.shift();
    }
    const first = this.#samples[0];
    const seconds = (time - first.time) / 1000;
    return seconds > 0 ? (bytes - first.bytes) / seconds : 0;
  }
}

/* Sends the file and returns the id that it got. Throws a Problem, or the signal's AbortError. A
   file that was not sent to its end, and not said to be stored, has not been stored.
   onProgress({ percent, secondsLeft, bytesPerSecond }); secondsLeft may be Infinity.
   onSent(): everything is sent, the server is at work. */
export function sendFile({ url, file, note, signal, onProgress, onSent }) {
  const meter = new RateMeter();
  const form = new FormData();
  form.append("file", file);
  if (note) {
    form.append("note", note);
  }

  return new Promise((resolve, reject) => {
    let sent = false;
    function fail(problem) {
      problem.doubtful &&= sent || xhr.status === 200;
      reject(problem);
    }

    const xhr = new XMLHttpRequest();
    xhr.open("POST", url);
    xhr.setRequestHeader("Accept", "application/json");
    xhr.upload.addEventListener("progress", ({ loaded, total }) => {
      const bytesPerSecond = meter.add(loaded);
      onProgress({
        percent: total > 0 ? Math.round((loaded / total) * 100) : 0,
        secondsLeft: bytesPerSecond > 0 ? (total - loaded) / bytesPerSecond : Infinity,
        bytesPerSecond,
      });
    });
    xhr.upload.addEventListener("load", () => {
      sent = true;
      onSent();
    });
    xhr.addEventListener("load", () => {
      try {
        resolve(idFrom(xhr));
      } catch (problem) {
        fail(problem);
      }
    });
    xhr.addEventListener("error", () => fail(problemOfNetwork()));
    xhr.addEventListener("abort", () => reject(signal.reason));
    signal.addEventListener("abort", () => xhr.abort());
    xhr.send(form);
  });
}

function idFrom(xhr) {
  const contentType = xhr.getResponseHeader("Content-Type");
  if (xhr.status !== 200) {
    throw problemFrom(xhr.status, contentType, xhr.responseText);
  }
  try {
    const { id } = JSON.parse(xhr.responseText);
    if (typeof id === "string") {
      return id;
    }
  } catch {
    // The same as an answer without an id.
  }
  const problem = new Problem("The server answered with something that is no link.");
  problem.doubtful = true;
  throw problem;
}
