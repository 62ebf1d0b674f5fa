// The real program on a database of its own, and what the tests ask it without a browser.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const PASSPHRASE = "dummypass";

const START_MS = 20_000;
const STOP_MS = 20_000;

export async function startServer() {
  const binary = process.env.PICOSHARE_BINARY;
  if (binary === undefined) {
    throw new Error("PICOSHARE_BINARY must name the program to test");
  }
  const dir = await mkdtemp(join(tmpdir(), "picoshare-e2e-"));
  const child = spawn(binary, ["-db", join(dir, "store.db")], {
    env: { PATH: process.env.PATH, PORT: "0", PS_SHARED_SECRET: PASSPHRASE, TZ: "UTC",
           PS_CHECK_RATE: "0" /* rows that a test plants would be damaged to it */ },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = [];
  const lines = createInterface(child.stderr);
  const url = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the server does not start")), START_MS);
    lines.on("line", (line) => {
      log.push(line);
      const said = /msg="?listening"?.* url="?(http:\/\/[^"\s]+)/.exec(line);
      if (said !== null) {
        clearTimeout(timer);
        resolve(said[1].replace(/\/$/, ""));
      }
    });
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(new Error(`the server ended with ${code}:\n${log.join("\n")}`));
    });
  });
  return { url, dir, stop: () => stopServer(child, dir, log) };
}

async function stopServer(child, dir, log) {
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  const [code, signal] = await once(child, "exit");
  clearTimeout(timer);
  await rm(dir, { recursive: true });
  if (code !== 0) {
    throw new Error(`the server ended with ${code ?? signal}:\n${log.join("\n")}`);
  }
}

// Stands before the server and passes everything on, but loses the answers to uploads.
export async function startForgetfulProxy(server) {
  const { hostname, port } = new URL(server.url);
  const proxy = createServer((request, response) => {
    const { method, url, headers } = request;
    const passed = httpRequest({ hostname, port, method, path: url, headers }, (answer) => {
      if (method === "POST") {
        response.destroy();
      } else {
        response.writeHead(answer.statusCode, answer.headers);
        answer.pipe(response);
      }
    });
    request.pipe(passed);
  });
  await once(proxy.listen(0, "localhost"), "listening");
  return {
    url: `http://localhost:${proxy.address().port}`,
    stop() {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}

// SHA-256 of what a link gives, without holding it in memory.
export async function digestOfUrl(url) {
  const response = await fetch(url);
  if (response.status !== 200) {
    throw new Error(`${url}: status ${response.status}`);
  }
  const hash = createHash("sha256");
  for await (const chunk of response.body) {
    hash.update(chunk);
  }
  return hash.digest("hex");
}
