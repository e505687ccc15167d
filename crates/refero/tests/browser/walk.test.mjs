// From a link to a commission, on a real server: a customer's site that has nothing but the published snippet, with
// everything that may go another way. The customer's own server records the payments.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { affiliate, call, earned, fresh, link, origin, pay, signedUp } from "./program.mjs";
import { Stage, cookie, fields, launch, picture, snippet } from "./stage.mjs";

const NATIVE = 0;
const CONVERSION = 1;
const REDITUS = 2;

let browser, stage, customer, context, page;

before(async () => {
  [browser, stage, { tracking_id: customer }] = await Promise.all([launch(), Stage.open(), call("GET", "/v1/program")]);
});

after(async () => {
  await browser.close();
  await stage.close();
});

beforeEach(async (t) => {
  context = await browser.newContext();
  page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(`the page throws: ${error}`));
  t.after(() => context.close());
});

/** The published snippet of this program. */
const install = (place = NATIVE) => snippet("Install", { origin, customer, place });

/** The published sign-up snippet, for a customer. */
const signUp = (uid, name = "refero") =>
  snippet("Install", { origin, customer, place: CONVERSION })
    .replace("ann@example.com", `${uid}@example.com`).replace("user-1", uid).replace("refero(", `${name}(`);

/** A site of two pages; returns the addresses of the landing page and of the page behind the sign-up. */
const site = ({ head = install(), uid = fresh("user"), landing = "www.shop.example", app = "www.shop.example", name } = {}) => {
  const html = (head, body) => `<html lang="en"><head><title>Shop</title>${head}</head><body>${body}</body></html>`;
  const welcome = stage.page(app, "/welcome", html(head, `Welcome ${signUp(uid, name)}`));
  return { uid, welcome, landing: stage.page(landing, "/", html(head, `<a href="${welcome}">Sign up</a>`)) };
};

/** The customer's payment has become the affiliate's commission. */
const paid = async (uid, affiliate, due = "20.00") => {
  await pay(uid);
  assert.equal((await earned(affiliate)).due, due);
};

test("a link, a cookie, a sign-up, a payment, a commission", async () => {
  const jane = await affiliate("jane");
  const { uid, landing, welcome } = site();
  await page.goto(await link(jane, landing));
  assert.equal(new URL(page.url()).hostname, "www.shop.example");
  const token = new URL(page.url()).searchParams.get("rfr");
  assert.equal((await cookie(context, landing, "_rfr"))?.value, token);
  await picture(page, "landing");
  await page.click("a");
  assert.equal(page.url(), welcome, "the token is in the cookie, not in the address");
  await signedUp(jane);
  await paid(uid, jane);
});

test("the same with the snippet of Reditus", async () => {
  const jane = await affiliate("jane");
  const { uid, landing } = site({ head: install(REDITUS), name: "gr" });
  await page.goto(await link(jane, landing));
  await page.click("a");
  await signedUp(jane);
  await paid(uid, jane);
});

test("a slug in the address, and other tools' parameters", async () => {
  for (const parameter of ["red", "via", "fpr"]) {
    await context.clearCookies();
    const jane = await affiliate("jane");
    const { uid, landing } = site();
    await page.goto(`${landing}?${parameter}=${jane.slug}`);
    await page.click("a");
    await signedUp(jane);
    await paid(uid, jane);
  }
});

test("script blocked: the redirect's token and a call of the customer's server still attribute", async () => {
  const jane = await affiliate("jane");
  const { uid, landing } = site();
  await context.route(/\.js$/, (route) => route.abort());
  await page.goto(await link(jane, landing));
  const token = new URL(page.url()).searchParams.get("rfr");
  assert.deepEqual(await context.cookies(landing), []);
  const conversion = await call("POST", "/v1/conversions", { click_id: token, uid, email: `${uid}@example.com` });
  assert.equal(conversion.affiliate_id, jane.id);
  await paid(uid, jane);
});

test("JavaScript off altogether", async () => {
  const jane = await affiliate("jane");
  const { uid, landing } = site();
  const plain = await browser.newContext({ javaScriptEnabled: false });
  const tab = await plain.newPage();
  await tab.goto(await link(jane, landing));
  const conversion = await call("POST", "/v1/conversions", { click_id: new URL(tab.url()).searchParams.get("rfr"), uid });
  assert.equal(conversion.affiliate_id, jane.id);
  await paid(uid, jane);
  await plain.close();
});

test("loaded late, after the sign-up was called, and loaded twice", async () => {
  for (const head of [install() + install(), install().replace("t.async = 1;", "t.async = 1; t.defer = 1;")]) {
    await context.clearCookies();
    const jane = await affiliate("jane");
    const { uid, landing } = site({ head });
    // The script arrives when the page has long called it.
    await context.route(/refero\.js$/, async (route) => {
      await page.waitForFunction(() => window.refero.q.length >= 2).catch(() => {});
      await route.continue();
    });
    await page.goto(await link(jane, landing));
    await page.waitForFunction(() => window.refero._initialized);
    await page.click("a");
    await signedUp(jane);
    await paid(uid, jane);
    await context.unroute(/refero\.js$/);
  }
});

test("two affiliates in a row: the last click has it", async () => {
  const [jane, john] = [await affiliate("jane"), await affiliate("john")];
  const { uid, landing } = site();
  await page.goto(await link(jane, landing));
  const first = await fields(context, landing);
  await page.goto(await link(john, landing));
  assert.notEqual((await fields(context, landing))[1], first[1]);
  await page.click("a");
  await signedUp(john);
  await paid(uid, john);
  assert.deepEqual(await earned(jane), { signUps: 0, due: "0.00" });
});

test("a link, then another affiliate's slug: the last click has it, token or not", async () => {
  const [jane, john] = [await affiliate("jane"), await affiliate("john")];
  const { uid, landing } = site();
  await page.goto(await link(jane, landing));
  await page.goto(`${landing}?via=${john.slug}`);
  await page.click("a");
  await signedUp(john);
  await paid(uid, john);
});

test("a click on one subdomain, the sign-up on another", async () => {
  const jane = await affiliate("jane");
  const { uid, landing } = site({ landing: "www.shop.co.uk", app: "app.eu.shop.co.uk" });
  await page.goto(await link(jane, landing));
  await page.click("a");
  await signedUp(jane);
  await paid(uid, jane);
});

test("consent off: the browser says nothing, and the customer's server may", async () => {
  const jane = await affiliate("jane");
  const { uid, landing, welcome } = site({ head: install().replace("</script>", `refero("consent", false);</script>`) });
  const sent = [];
  page.on("request", (request) => /beacon|pixel/.test(request.url()) && sent.push(request.url()));
  await page.goto(await link(jane, landing));
  const token = new URL(page.url()).searchParams.get("rfr");
  await page.goto(welcome);
  await page.waitForFunction(() => window.refero._initialized);
  await page.waitForLoadState("networkidle");
  assert.deepEqual([sent, await context.cookies(landing)], [[], []]);
  const conversion = await call("POST", "/v1/conversions", { click_id: token, uid });
  assert.equal(conversion.affiliate_id, jane.id);
  await paid(uid, jane);
});

test("consent given on the landing page", async () => {
  const jane = await affiliate("jane");
  const { uid, landing } = site({ head: install().replace("</script>", `refero("consent", "wait");</script>`) });
  await page.goto(await link(jane, landing));
  await page.waitForFunction(() => window.refero._initialized);
  await page.evaluate(() => window.refero("consent", true));
  await page.click("a");
  await page.waitForFunction(() => window.refero._initialized);
  assert.equal((await earned(jane)).signUps, 0, "the next page waits too");
  await page.evaluate(() => window.refero("consent", true));
  await signedUp(jane);
  await paid(uid, jane);
});

test("whoever came by nobody's link is nobody's", async () => {
  const { uid, landing } = site();
  await page.goto(landing);
  await page.click("a");
  await page.waitForFunction(() => window.refero._initialized);
  await page.waitForLoadState("networkidle");
  await assert.rejects(pay(uid), /404/);
});
