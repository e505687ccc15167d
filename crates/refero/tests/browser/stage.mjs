// What the tests in a browser stand on: headless Chromium in which every host name leads to this machine, a small HTTP
// server that plays the sites of customers and records what it is sent, and the install snippet of docs/SCRIPT.md.
//
// The scripts under test are those that a running Refero serves (REFERO_URL). Packages come from the folder that
// scripts/fetch-browser prints (REFERO_BROWSER_TOOLS); screenshots go to REFERO_SCREENSHOTS, which git ignores.

import { execFileSync } from "node:child_process";
import { readFileSync, mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";

/** A setting of the run, which must be there. */
export const setting = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; run these tests with scripts/test-browser`);
  return value;
};

const require = createRequire(join(setting("REFERO_BROWSER_TOOLS"), "package.json"));
const { chromium } = require("playwright-core");

/** The server under test. */
export const refero = setting("REFERO_URL");

/** A program's public id, as a customer would paste it. */
export const CUSTOMER = "0e1cbfd8-6a4e-4cf8-9d0a-3f5c36f0a001";

const root = new URL("../../../../", import.meta.url);

/** The n-th block of a language below a heading of docs/SCRIPT.md, with the address and the id that are given. */
export const snippet = (heading, { origin, customer = CUSTOMER, language = "html", place = 0 }) => {
  const page = readFileSync(new URL("docs/SCRIPT.md", root), "utf8");
  const section = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const block = section.split("```" + language + "\n")[place + 1]?.split("```")[0];
  if (!block) throw new Error(`docs/SCRIPT.md has no block ${language} ${place} below "${heading}"`);
  return block.replaceAll("https://refero.example.com", origin).replaceAll("TRACKING_ID", customer);
};

/** Starts Chromium; whoever started it closes it. */
export const launch = () =>
  chromium.launch({
    executablePath: execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim(),
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * 127.0.0.1",
    ],
  });

/** Keeps a picture of a page among the artefacts of the run. */
export const picture = async (page, name) => {
  const folder = setting("REFERO_SCREENSHOTS");
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
};

/** What the server serves at a path of the server under test. */
const fetched = async (path) => {
  const answer = await fetch(refero + path);
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return { body: await answer.text(), headers: { "content-type": answer.headers.get("content-type") } };
};

/** Plays every host: `tracking.example` serves the scripts and records, others serve the pages that a test lays out. */
export class Stage {
  /** What came to /beacon and /pixel, in order. */
  records = [];
  pages = new Map();
  #waiting = [];

  static async open() {
    const stage = new Stage();
    for (const path of ["/refero.js", "/v2.js", "/referral-widget.js"]) {
      stage.pages.set("tracking.example" + path, await fetched(path));
    }
    stage.server = createServer((request, response) => stage.#answer(request, response));
    await new Promise((ready) => stage.server.listen(0, "127.0.0.1", ready));
    stage.port = stage.server.address().port;
    return stage;
  }

  /** The address of a host here. */
  at(host) {
    return `http://${host}:${this.port}`;
  }

  get tracking() {
    return this.at("tracking.example");
  }

  /** Lays out a page; returns its address. */
  page(host, path, body, headers = {}) {
    const html = body.includes("<html") ? body : `<!doctype html><html lang="en"><title>Shop</title><body>${body}</body></html>`;
    this.pages.set(host + path, { body: html, headers: { "content-type": "text/html; charset=utf-8", ...headers } });
    return this.at(host) + path;
  }

  async #answer(request, response) {
    const url = new URL(request.url, `http://${request.headers.host}`);
    let body = "";
    for await (const part of request) body += part;
    const isRecorded = ["/beacon", "/pixel"].includes(url.pathname) || url.searchParams.has("evt");
    if (isRecorded) {
      const data = body ? JSON.parse(body) : Object.fromEntries(url.searchParams);
      this.records.push({
        method: request.method, path: url.pathname, type: request.headers["content-type"], query: url.search, data,
      });
      response.writeHead(204, { "access-control-allow-origin": "*" }).end();
      this.#waiting = this.#waiting.filter((check) => !check());
      return;
    }
    const page = this.pages.get(url.hostname + url.pathname);
    response.writeHead(page ? 200 : 404, page?.headers).end(page?.body ?? "");
  }

  /** Waits until so many were recorded, and returns them all. */
  async recorded(count) {
    let timer;
    await new Promise((enough, fail) => {
      const check = () => {
        if (this.records.length >= count) enough();
        return this.records.length >= count;
      };
      timer = setTimeout(() => fail(new Error(`${this.records.length} of ${count} came: ${JSON.stringify(this.records)}`)), 60_000);
      if (!check()) this.#waiting.push(check);
    });
    clearTimeout(timer);
    return this.records;
  }

  async close() {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }
}

/** The eleven fields of the cookie `_gr_id`, or nothing. */
export const fields = async (context, url) => {
  const cookie = (await context.cookies(url)).find((cookie) => cookie.name === "_gr_id");
  return cookie && decodeURIComponent(cookie.value).split(":");
};

/** The cookie of a name, or nothing. */
export const cookie = async (context, url, name) =>
  (await context.cookies(url)).find((cookie) => cookie.name === name);

/** Once this returns, whatever the page sent before has arrived: a request of its own came back. */
export const settled = async (page) => {
  await page.evaluate(() => fetch("/settled").catch(() => {}));
  await page.waitForLoadState("networkidle");
};
