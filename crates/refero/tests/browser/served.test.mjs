// What is served is the source: nothing but comments, indentation, the name and the version differ.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";

import { refero, setting } from "./stage.mjs";

const typescript = createRequire(join(setting("REFERO_BROWSER_TOOLS"), "package.json"))("typescript");

/** A script as the compiler prints it, without comments. */
const printed = (text) => {
  const compilerOptions = { removeComments: true, target: "esnext" };
  return typescript.transpileModule(text, { compilerOptions }).outputText
    .replace(/const NAME = "\w+";/, "").replace(/const VERSION = "[\d.]+";/, "");
};

test("served scripts are their sources without comments", async () => {
  for (const [path, source] of [["/refero.js", "refero"], ["/v2.js", "refero"], ["/referral-widget.js", "referral-widget"]]) {
    const file = new URL(`../../../web/src/script/${source}.js`, import.meta.url);
    const served = await (await fetch(refero + path)).text();
    assert.equal(printed(served), printed(readFileSync(file, "utf8")), path);
    assert.ok(served.length < readFileSync(file, "utf8").length * 0.9, `${path} has its comments taken off`);
  }
});
