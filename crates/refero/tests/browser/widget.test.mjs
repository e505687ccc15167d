// The referral widget in Chromium, on a page with a strict policy, against a real server: joining, sharing, what it
// brought, and what it says when something is wrong.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { call, eventually, fresh, origin, pay, token } from "./program.mjs";
import { Stage, launch, picture, snippet } from "./stage.mjs";

let browser, stage, context, page, landing, secret, customer;

/** Nothing inline, nothing from anywhere but the page's own host and Refero. */
const POLICY = `default-src 'none'; script-src 'self' ${origin}; connect-src 'self' ${origin}; base-uri 'none'`;

before(async () => {
  [browser, stage, { tracking_id: customer }] = await Promise.all([launch(), Stage.open(), call("GET", "/v1/program")]);
  landing = `${stage.at("www.shop.example")}/`;
  await call("PUT", "/v1/referral-widget", {
    title: "Recommend us", landing_url: landing, terms: "Be kind.\n<b>No markup.</b>", terms_url: "https://shop.example/terms",
    advocate_reward: "20 % of what your friend pays", friend_reward: "A hoodie", share_text: "Try this:",
  });
  secret = await call("POST", "/v1/referral-widget/secret");
});

after(async () => {
  await browser.close();
  await stage.close();
});

let violations;

beforeEach(async (t) => {
  context = await browser.newContext();
  page = await context.newPage();
  violations = [];
  page.on("console", (message) => /Content.Security.Policy/i.test(message.text()) && violations.push(message.text()));
  page.on("pageerror", (error) => assert.fail(`the page throws: ${error}`));
  t.after(async () => {
    await context.close();
  });
});

/** The page of a user in the customer's app, from the published calls. */
const open = async (user, { auth = token(secret, user), show = true } = {}) => {
  const config = snippet("Referral widget", { origin, language: "js" })
    .replace("PRODUCT_ID", secret.product_id).replace("TOKEN_FROM_YOUR_SERVER", auth);
  const script = `refero("init", "${customer}");\n${config}`;
  stage.pages.set("app.shop.example/own.js", { body: script, headers: { "content-type": "text/javascript" } });
  const url = stage.page("app.shop.example", "/", `<html lang="en"><head><title>App</title></head><body>
    <button id="recommend">Recommend</button><script src="${origin}/refero.js"></script><script src="/own.js"></script>
    </body></html>`, { "content-security-policy": POLICY });
  await page.goto(url);
  if (show) await page.evaluate(() => window.referralWidget.show());
};

test("a user joins, shares her link, and sees what it brought", async () => {
  const user = fresh("user");
  await open(user);
  const dialog = page.getByRole("dialog", { name: "Recommend us" });
  await dialog.getByText("Be kind.").waitFor();
  assert.ok(await dialog.getByText("<b>No markup.</b>").isVisible(), "terms are text");
  const join = dialog.getByRole("button", { name: /Join/ });
  assert.equal(await join.isEnabled(), false, "nobody joins without accepting");
  await picture(page, "widget-terms");
  await dialog.getByRole("checkbox").check();
  await join.click();
  const link = dialog.getByRole("textbox", { name: "Your personal link" });
  await link.waitFor();
  const personal = new URL(await link.inputValue());
  assert.equal(personal.origin + personal.pathname, landing);
  const slug = personal.searchParams.get("refby");
  assert.ok(slug);
  const shared = await dialog.getByRole("link").evaluateAll((links) => links.map((link) => [link.textContent, link.href]));
  assert.deepEqual(shared.map(([name]) => name), ["E-mail", "WhatsApp", "LinkedIn", "X"]);
  for (const [name, href] of shared) assert.ok(href.includes(encodeURIComponent(personal.href)), name);
  const figure = (name) => dialog.locator(`dd[data-figure=${name}]`).textContent();
  assert.deepEqual([await figure("sign_ups"), await figure("paying")], ["0", "0"]);
  await picture(page, "widget-joined");
  assert.deepEqual(await dialog.evaluate((element) => getComputedStyle(element).borderRadius), "12px", "its styles are there");

  const friend = fresh("friend");
  const advocate = (await call("GET", "/v1/affiliates?limit=200")).data.find((affiliate) => affiliate.slug === slug);
  assert.deepEqual([advocate.email, advocate.name], ["ann@example.com", "Ann Example"]);
  await call("POST", "/v1/events", { type: "registration", affiliate_id: advocate.id, uid: friend });
  await pay(friend);
  await page.keyboard.press("Escape");
  assert.equal(await dialog.isVisible(), false);
  await page.evaluate(() => window.referralWidget.show());
  await eventually("the widget shows the sign-up", async () => (await figure("sign_ups")) === "1");
  assert.equal(await figure("paying"), "1");
  assert.match(await figure("earned"), /^\d+\.\d\d EUR$/);
  await picture(page, "widget-earned");
  assert.deepEqual(violations, []);
  assert.deepEqual(await context.cookies(), [], "nothing is left in a cookie");
});

test("a friend comes by the personal link", async () => {
  const user = fresh("user");
  const body = { accepts_terms: true, user_details: {} };
  const headers = { authorization: `Bearer ${token(secret, user)}`, "content-type": "application/json" };
  const ask = async (path, init) => (await fetch(`${origin.replace("refero.example", "127.0.0.1")}/widget/${secret.product_id}${path}`, { headers, ...init })).json();
  const { advocate } = await ask("/advocate", { method: "POST", body: JSON.stringify(body) });
  const head = snippet("Install", { origin, customer });
  const uid = fresh("friend");
  stage.page("www.shop.example", "/", `<html lang="en"><head>${head}<script>refero("track","conversion",{ uid: "${uid}" })</script></head></html>`);
  await page.goto(advocate.link);
  await eventually("the friend's sign-up", async () => (await ask("")).advocate.sign_ups === 1);
  await pay(uid);
  assert.equal((await ask("")).advocate.paying, 1);
});

test("what is wrong is said, and can be tried again", async () => {
  await open(fresh("user"), { auth: "no.token.atall" });
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("alert").getByText("sign-in has expired").waitFor();
  await picture(page, "widget-refused");

  await context.route(/\/widget\//, (route) => route.abort());
  await open(fresh("user"));
  await dialog.getByRole("alert").getByText("could not be reached").waitFor();
  await context.unroute(/\/widget\//);
  await dialog.getByRole("button", { name: "Try again" }).click();
  await dialog.getByText("Be kind.").waitFor();
});

test("it opens by itself only when asked, closes, and is replaced when loaded again", async () => {
  await open(fresh("user"), { show: false });
  await page.waitForFunction(() => window.referralWidget.hide);
  const dialog = page.getByRole("dialog");
  assert.equal(await dialog.count(), 0);
  await page.evaluate(() => window.referralWidget.show());
  await dialog.getByText("Be kind.").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  assert.equal(await dialog.count(), 0);
  await page.evaluate((config) => {
    window.refero("loadReferralWidget", config);
    window.referralWidget.show();
  }, { product_id: secret.product_id, auth_token: token(secret, fresh("user")), user_details: {} });
  await dialog.getByText("Be kind.").waitFor();
  assert.equal(await page.locator("refero-referral-widget").count(), 1);
  await page.mouse.click(5, 5);
  assert.equal(await dialog.count(), 0, "a click beside it closes it");
});
