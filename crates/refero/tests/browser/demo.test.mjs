// What a newcomer does at the address that `refero demo` prints: click a link, sign up, pay, see the commission.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, picture, setting } from "./stage.mjs";

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser.close());

test("from the partner's page to the commission, and the widget on the way", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(setting("REFERO_SITE"));
  await picture(page, "demo-1-partner");
  await page.getByRole("link", { name: "Fernhill Helpdesk" }).click();
  assert.ok(new URL(page.url()).searchParams.get("rfr"), page.url());
  await picture(page, "demo-2-landing");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("heading", { name: "Welcome" }).waitFor();
  await page.getByRole("button", { name: "Recommend" }).click();
  await page.getByRole("dialog").getByRole("button", { name: /Join/ }).waitFor();
  await picture(page, "demo-3-widget");
  await page.keyboard.press("Escape");
  await picture(page, "demo-3-account");
  await page.getByRole("button", { name: "Pay 79.00 EUR" }).click();
  const row = page.getByRole("row").nth(1);
  await row.waitFor();
  await picture(page, "demo-4-commission");
  const [, amount, state] = await row.getByRole("cell").allTextContents();
  assert.match(amount, /^[1-9]\d*\.\d\d EUR$/, "what the partner's deal says of 79.00");
  assert.equal(state, "pending");
  assert.deepEqual(errors, []);
  await context.close();
});

test("an address that is none, and an account that is nobody's", async () => {
  const site = setting("REFERO_SITE");
  const answer = await fetch(new URL("sign-up", site), { method: "POST", body: "email=nobody", headers: { "content-type": "application/x-www-form-urlencoded" } });
  assert.match(await answer.text(), /no e-mail address/);
  assert.equal((await fetch(new URL("account/demo-1", site))).status, 404);
  assert.equal((await fetch(new URL("account/demo-1/pay", site), { method: "POST" })).status, 404);
  const page = await fetch(site);
  assert.doesNotMatch(page.headers.get("content-security-policy"), /unsafe/);
  assert.doesNotMatch(await page.text(), /<script>|style=/);
});
