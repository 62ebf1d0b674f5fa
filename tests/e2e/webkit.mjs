// WebKitGTK through its own WebDriver, on a screen that nobody sees. Playwright cannot drive it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const START_MS = 20_000;
const EXPECT_MS = 10_000;
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf"; // the key that WebDriver prescribes

const inPath = (name) =>
  process.env.PATH.split(delimiter).map((dir) => join(dir, name)).find(existsSync) ?? null;

// The small browser that comes with the library, below the folder of the machine's kind.
function findBrowser() {
  const folders = readdirSync("/usr/lib", { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  return (
    folders
      .flatMap(({ name }) => ["4.1", "4.0"].map((version) => [name, `webkit2gtk-${version}`]))
      .map((parts) => join("/usr/lib", ...parts, "MiniBrowser"))
      .find(existsSync) ?? null
  );
}

const programs = {
  WebKitWebDriver: inPath("WebKitWebDriver"),
  Xvfb: inPath("Xvfb"),
  MiniBrowser: findBrowser(),
};

// Why there can be no WebKit here; false when there can.
export const missing = (() => {
  const names = Object.keys(programs).filter((name) => programs[name] === null);
  return names.length > 0 && `no ${names.join(", no ")} here`;
})();

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function startScreen() {
  const screen = spawn(programs.Xvfb, ["-displayfd", "3", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const [number] = await once(screen.stdio[3], "data");
  return { screen, display: `:${String(number).trim()}` };
}

async function stop(child) {
  child.kill("SIGTERM");
  if (child.exitCode === null && child.signalCode === null) {
    await once(child, "exit");
  }
}

// A window of the browser: what the tests ask it, in the words of WebDriver.
class Window {
  #base;

  constructor(base) {
    this.#base = base;
  }

  async ask(method, path, body) {
    const response = await fetch(`${this.#base}${path}`, {
      method,
      headers: { "Content-Type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const { value } = await response.json();
    if (!response.ok) {
      throw new Error(`${path}: ${value.error}: ${value.message}`);
    }
    return value;
  }

  open(url) {
    return this.ask("POST", "/url", { url });
  }

  evaluate(script, ...args) {
    return this.ask("POST", "/execute/sync", { script, args });
  }

  async #find(selector) {
    const found = await this.ask("POST", "/element", { using: "css selector", value: selector });
    return found[ELEMENT];
  }

  // For a file input, the text is the path of the file.
  async type(selector, text) {
    await this.ask("POST", `/element/${await this.#find(selector)}/value`, { text });
  }

  async click(selector) {
    await this.ask("POST", `/element/${await this.#find(selector)}/click`, {});
  }

  // Waits until the script returns something that counts as true, and returns that.
  async until(script) {
    const end = Date.now() + EXPECT_MS;
    for (;;) {
      const value = await this.evaluate(script).catch(() => false); // between two pages
      if (value) {
        return value;
      }
      if (Date.now() > end) {
        throw new Error(`never true: ${script}`);
      }
      await sleep(50);
    }
  }
}

async function newSession(driver) {
  const capabilities = {
    alwaysMatch: {
      "webkitgtk:browserOptions": { binary: programs.MiniBrowser, args: ["--automation"] },
    },
  };
  const end = Date.now() + START_MS;
  for (;;) {
    try {
      const { sessionId } = await new Window(driver).ask("POST", "/session", { capabilities });
      return `${driver}/session/${sessionId}`;
    } catch (error) {
      if (Date.now() > end || error.cause?.code !== "ECONNREFUSED") {
        throw error;
      }
      await sleep(50);
    }
  }
}

export async function startWebKit() {
  const port = await freePort();
  const { screen, display } = await startScreen();
  const driver = spawn(programs.WebKitWebDriver, ["--host=127.0.0.1", `--port=${port}`], {
    env: { ...process.env, DISPLAY: display },
    stdio: "ignore",
  });
  const session = await newSession(`http://127.0.0.1:${port}`);
  const window = new Window(session);
  return {
    window,
    stop: async () => {
      await window.ask("DELETE", "");
      await stop(driver);
      await stop(screen);
    },
  };
}
