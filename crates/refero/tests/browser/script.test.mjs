// The browser script in Chromium, on sites that exist for the test only: what it stores, what it sends, and what not.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";

import { CUSTOMER, Stage, cookie, fields, launch, settled, snippet } from "./stage.mjs";

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;
const TOKEN = "A1-_".repeat(13) + "zz";

let browser, stage, context, page;

before(async () => {
  [browser, stage] = await Promise.all([launch(), Stage.open()]);
});

after(async () => {
  await browser.close();
  await stage.close();
});

beforeEach(async (t) => {
  context = await browser.newContext();
  page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(`the page throws: ${error}`));
  stage.records = [];
  t.after(() => context.close());
});

/** The published snippet, for a page of the stage. */
const install = (place = 0) => snippet("Install", { origin: stage.tracking, place });
const NATIVE = 0;
const REDITUS = 2;

/** Lays out a page with the snippet and opens it. */
const visit = async (host, path, { head = install(REDITUS), body = "" } = {}) => {
  const url = stage.page(host, path.split("?")[0], `<html lang="en"><head>${head}</head><body>${body}</body></html>`);
  await page.goto(url + (path.includes("?") ? "?" + path.split("?")[1] : ""));
  return url;
};

test("a click through a link: cookie, page view, sign-up", async () => {
  const url = await visit("www.shop.example", "/?red=john/&sid=news#part");
  const [view] = await stage.recorded(1);
  const [rl, id, third, pk, uid, sixth, slug, cslug, ctype, sid, type, ...more] = await fields(context, url);
  assert.deepEqual([rl, third, pk, uid, sixth, slug, cslug, ctype, sid, type, more], ["", "", "", "", "", "john", "", "", "news", "affiliate", []]);
  assert.match(id, UUID);
  const kept = await cookie(context, url, "_gr_id");
  assert.deepEqual([kept.domain, kept.path, kept.sameSite, kept.secure], [".shop.example", "/", "Lax", false]);
  const days = (kept.expires - Date.now() / 1000) / 86400;
  assert.ok(days > 59.9 && days < 60.1, `${days} days`);

  assert.deepEqual([view.method, view.path, view.type], ["POST", "/beacon", "text/plain;charset=UTF-8"]);
  assert.deepEqual(view.data, {
    evt: "pageview", rid: "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2", ref: "", url: `${url}?red=john/&sid=news`, grid: id, rl: "", pk: "",
    uid: "", affiliate_slug: "john", advocate_slug: "", customer_id: CUSTOMER, cslug: "", ctype: "", sid: "news", rfr: "",
  });
  assert.deepEqual(Object.keys(view.data).slice(0, 14).join(),
    "evt,rid,ref,url,grid,rl,pk,uid,affiliate_slug,advocate_slug,customer_id,cslug,ctype,sid");

  const welcome = await visit("app.shop.example", "/welcome", {
    body: `<script>gr("track","conversion",{ email: "ann@example.com", uid: "user-1", none: undefined })</script>`,
  });
  const [, again, conversion] = await stage.recorded(3);
  assert.deepEqual([again.data.evt, again.data.url, again.data.grid], ["pageview", welcome, id]);
  assert.deepEqual(
    [conversion.method, conversion.query, conversion.data.evt, conversion.data.grid, conversion.data.m_email, conversion.data.m_uid, conversion.data.m_none],
    ["POST", "", "conversion", id, "ann@example.com", "user-1", ""]);
});

test("of a visitor whom nobody sent nothing is stored or sent", async () => {
  const url = await visit("www.shop.example", "/?utm_source=mail&sid=x", {
    body: `<script>gr("track","conversion",{ email: "ann@example.com" }); gr("nonsense"); gr("toString"); gr("__proto__")</script>`,
  });
  await page.waitForFunction(() => window.gr._initialized);
  await settled(page);
  assert.deepEqual(stage.records, []);
  assert.deepEqual(await context.cookies(url), []);
});

test("what a landing page's parameters become", async () => {
  const cases = [
    ["red=john", "::::::john::::affiliate"],
    ["red=john//", "::::::john::::affiliate"],
    ["refby=jane", "::::::jane::::referral"],
    ["red=john&refby=jane", "::::::john::::referral"],
    ["gr_pk=pk1&_pk=pk2", ":::pk1:::::::affiliate"],
    ["_pk=pk2/&gr_uid=u1", ":::pk2:u1::::::affiliate"],
    ["rl=77&sid=s%3A1", "77:::::::::s%3A1:affiliate"],
    ["via=a", ":::::::a:via::affiliate"],
    ["fpr=c&wpcr=b", ":::::::b:wpcr::affiliate"],
    ["fpr=c&via=", ":::::::c:fpr::affiliate"],
    ["fp_ref=d&ps_partner_key=e", ":::::::d:fp_ref::affiliate"],
    ["ps_partner_key=e", ":::::::e:ps_partner_key::affiliate"],
    ["red=%C3%A9lise", "::::::élise::::affiliate"],
    [`rfr=${TOKEN}`, `::${TOKEN}::::::::affiliate`],
    ["rfr=short&sid=x&gr_uid=y", undefined],
  ];
  for (const [query, expected] of cases) {
    await context.clearCookies();
    const url = await visit("shop.example", `/?${query}`);
    await page.waitForFunction(() => window.gr._initialized);
    const found = await fields(context, url);
    found?.splice(1, 1, "");
    assert.equal(found?.join(":"), expected, query);
    const token = await cookie(context, url, "_rfr");
    assert.equal(token?.value, query.includes(TOKEN) ? TOKEN : undefined, query);
  }
});

test("the last click wins, and the same link again is the same click", async () => {
  const seen = [];
  for (const [query, expected] of [
    ["red=john&rl=5", "new"],
    ["red=john&rl=5", "same"],
    ["red=john", "same"],
    ["", "same"],
    ["red=jane", "new"],
    ["red=jane&sid=1", "new"],
    ["red=jane&sid=1&gr_pk=p", "new"],
    ["via=jane", "new"],
    ["fpr=jane", "new"],
    ["refby=jane", "new"],
    [`rfr=${TOKEN}`, "new"],
    [`rfr=${TOKEN}`, "same"],
    ["", "same"],
    [`rfr=${TOKEN.replace("A", "B")}`, "new"],
    ["red=john", "new"],
  ]) {
    const url = await visit("shop.example", `/?${query}`);
    await page.waitForFunction(() => window.gr._initialized);
    const id = (await fields(context, url))[1];
    const last = seen.at(-1);
    assert.equal(id === last ? "same" : "new", expected, query);
    assert.ok(expected === "same" || !seen.includes(id), "a client id does not come back");
    seen.push(id);
  }
  const url = stage.at("shop.example");
  assert.equal(await cookie(context, url, "_rfr"), undefined, "a token of an earlier click is gone");
  assert.equal((await fields(context, url))[6], "john");
});

test("the token is kept for the sign-up, under the parameter that the program chose", async () => {
  const head = install(NATIVE).replace(`"init", "${CUSTOMER}"`, `"init", "${CUSTOMER}", { parameter: "clk", days: 7 }`);
  const url = await visit("shop.example", `/?clk=${TOKEN}&rfr=${TOKEN.replace("A", "B")}`, { head });
  const [view] = await stage.recorded(1);
  assert.equal(view.data.rfr, TOKEN);
  const kept = await cookie(context, url, "_rfr");
  assert.equal(kept.value, TOKEN);
  assert.ok(kept.expires - Date.now() / 1000 < 7.1 * 86400);
  await visit("shop.example", "/welcome", { head: head + `<script>refero("track","conversion",{ uid: "u" })</script>` });
  const records = await stage.recorded(3);
  assert.deepEqual(records.slice(1).map(({ data }) => [data.evt, data.rfr]), [["pageview", TOKEN], ["conversion", TOKEN]]);
});

test("cookies live on the registrable domain, whatever the suffix", async () => {
  for (const [host, domain] of [
    ["shop.example", ".shop.example"],
    ["a.b.c.shop.example", ".shop.example"],
    ["www.shop.co.uk", ".shop.co.uk"],
    ["app.shop.com.sg", ".shop.com.sg"],
    ["me.github.io", ".me.github.io"],
    ["localhost", "localhost"],
    ["127.0.0.1", "127.0.0.1"],
  ]) {
    await context.clearCookies();
    const url = await visit(host, "/?red=john");
    await page.waitForFunction(() => window.gr._initialized);
    const names = (await context.cookies(url)).map(({ name, domain }) => [name, domain]);
    assert.deepEqual(names, [["_gr_id", domain]], host);
  }
});

test("with TLS cookies are for TLS only", async () => {
  await context.route(/^https:/, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === "/v2.js") await route.fulfill(stage.pages.get("tracking.example/v2.js"));
    else if (pathname === "/") {
      const head = snippet("Install", { origin: "https://tracking.example", place: REDITUS });
      await route.fulfill({ contentType: "text/html", body: `<html><head>${head}</head></html>` });
    } else await route.fulfill({ status: 204 });
  });
  await page.goto("https://secure.example/?red=john");
  await page.waitForFunction(() => window.gr._initialized);
  assert.equal((await cookie(context, "https://secure.example/", "_gr_id")).secure, true);
});

test("a cookie that Reditus' script left is read, and a nine-field one of its old copy", async () => {
  const url = stage.at("www.shop.example") + "/";
  for (const [value, slug] of [
    [":11111111-1111-4111-8111-111111111111::pk:::john::::affiliate", "john"],
    [":11111111-1111-4111-8111-111111111111::pk:::john::", "john"],
  ]) {
    await context.clearCookies();
    stage.records = [];
    await context.addCookies([{ name: "_gr_id", value: encodeURIComponent(value), domain: "www.shop.example", path: "/" }]);
    await visit("www.shop.example", "/");
    const [{ data }] = await stage.recorded(1);
    assert.deepEqual([data.grid, data.pk, data.affiliate_slug], ["11111111-1111-4111-8111-111111111111", "pk", slug]);
    // A new click takes its place, although it is bound to this host alone.
    await visit("www.shop.example", "/?red=jane");
    await stage.recorded(2);
    assert.equal(stage.records[1].data.affiliate_slug, "jane");
    assert.equal((await context.cookies(url)).length, 1);
  }
  await context.clearCookies();
  stage.records = [];
  await context.addCookies([{ name: "_gr_id", value: "%E0%A4%A", url }]);
  await visit("www.shop.example", "/");
  await page.waitForFunction(() => window.gr._initialized);
  await settled(page);
  assert.deepEqual(stage.records, [], "a cookie that is broken is none");
});

test("loaded late, without a stub", async () => {
  const url = await visit("shop.example", "/?red=john", { head: "" });
  await page.evaluate(async (src) => {
    const script = document.createElement("script");
    script.src = src;
    document.body.append(script);
    await new Promise((loaded) => { script.onload = loaded; });
    window.gr("track", "pageview");
    window.gr("initCustomer", "late");
    window.gr("track", "conversion", { uid: "u" });
  }, stage.tracking + "/v2.js");
  const records = await stage.recorded(2);
  assert.deepEqual(records.map(({ data }) => [data.evt, data.customer_id]), [["pageview", "late"], ["conversion", "late"]]);
  assert.equal((await fields(context, url))[6], "john");
});

test("loaded twice, the first one stays", async () => {
  const warnings = [];
  page.on("console", (message) => message.type() === "warning" && warnings.push(message.text()));
  await visit("shop.example", "/?red=john", { head: install(REDITUS) + install(REDITUS) });
  await stage.recorded(2);
  await page.waitForFunction(() => document.querySelectorAll("script[src]").length === 2);
  await page.waitForLoadState("networkidle");
  assert.deepEqual(warnings.filter((text) => text.includes("already been initialized")).length, 1);
  assert.deepEqual(stage.records.length, 2, "both snippets asked for a page view, each was sent once");
  assert.equal(new Set(stage.records.map(({ data }) => data.grid)).size, 1);
});

test("both names side by side share the click", async () => {
  await visit("shop.example", "/?red=john", { head: install(REDITUS) + install(NATIVE) });
  const records = await stage.recorded(2);
  assert.equal(new Set(records.map(({ data }) => data.grid)).size, 1);
  assert.equal(await page.evaluate(() => typeof window.gr === "function" && window.gr !== window.refero), true);
});

test("refero.js leaves the name gr alone", async () => {
  await visit("shop.example", "/?red=john", { head: install(NATIVE) });
  await stage.recorded(1);
  assert.equal(await page.evaluate(() => typeof window.gr), "undefined");
});

test("consent: nothing before yes, everything then, nothing after no", async () => {
  const head = `<script>window.gr=function(){(gr.q=gr.q||[]).push(arguments)}</script>` +
    `<script>gr("track","conversion",{uid:"u"});gr("consent","wait")</script>` + install(REDITUS);
  const url = await visit("shop.example", `/?red=john&rfr=${TOKEN}`, { head });
  await page.waitForFunction(() => window.gr._initialized);
  await settled(page);
  assert.deepEqual([stage.records, await context.cookies(url)], [[], []]);

  await page.evaluate(() => window.gr("consent", true));
  const records = await stage.recorded(2);
  assert.deepEqual(records.map(({ data }) => data.evt), ["conversion", "pageview"]);
  assert.equal((await fields(context, url))[6], "john");

  // A visitor who said yes comes back to a page that waits by default.
  await visit("shop.example", "/next", { head: install(REDITUS) + `<script>gr("consent","wait")</script>` });
  await page.waitForFunction(() => window.gr._initialized);
  await page.evaluate(() => window.gr("consent", true));
  assert.equal((await stage.recorded(3))[2].data.affiliate_slug, "john", "waiting takes no cookie away");

  await page.evaluate(() => window.gr("consent", false));
  await page.evaluate(() => window.gr("track", "conversion", { uid: "v" }));
  await settled(page);
  assert.deepEqual([stage.records.length, await context.cookies(url)], [3, []]);
});

test("a refusal in the queue holds before anything is stored", async () => {
  const head = install(REDITUS) + `<script>gr("consent", false)</script>`;
  const url = await visit("shop.example", "/?red=john", { head });
  await page.waitForFunction(() => window.gr._initialized);
  await settled(page);
  assert.deepEqual([stage.records, await context.cookies(url)], [[], []]);
});

test("a page view falls back to an image, a conversion never does", async () => {
  for (const init of [
    () => { navigator.sendBeacon = () => false; window.fetch = () => Promise.reject(new Error("blocked")); },
    () => { delete Navigator.prototype.sendBeacon; window.fetch = () => Promise.reject(new Error("blocked")); },
  ]) {
    stage.records = [];
    const other = await browser.newContext();
    page = await other.newPage();
    await page.addInitScript(init);
    await visit("shop.example", "/?red=john", {
      head: install(REDITUS) + `<script>gr("track","conversion",{ email: "ann@example.com" })</script>`,
    });
    const records = await stage.recorded(1);
    await page.waitForLoadState("networkidle");
    assert.deepEqual(records.map(({ method, path, data }) => [method, path, data.evt]),
      [["GET", "/pixel", "pageview"]]);
    assert.match(records[0].query,
      /^\?evt=pageview&rid=[\w-]+&ref=&url=http%3A%2F%2Fshop[^&]+&grid=[\w-]+&rl=&pk=&uid=&affiliate_slug=john&advocate_slug=&customer_id=[\w-]+&cslug=&ctype=&sid=&rfr=$/);
    assert.ok(!JSON.stringify(records).includes("ann@"));
    await other.close();
  }
});

test("fetch outlives the page where there is no sendBeacon", async () => {
  await page.addInitScript(() => { navigator.sendBeacon = () => false; });
  await visit("shop.example", "/?red=john", {
    head: install(REDITUS),
    body: `<form action="/thanks"><button>Sign up</button></form>
           <script>document.forms[0].onsubmit = () => gr("track","conversion",{ uid: "u" })</script>`,
  });
  await stage.recorded(1);
  stage.page("shop.example", "/thanks", "Thanks");
  await page.click("button");
  const records = await stage.recorded(2);
  assert.deepEqual([records[1].method, records[1].data.m_uid], ["POST", "u"]);
});

test("it works under a strict policy, and by image where only images may go out", async () => {
  const script = `refero("init","${CUSTOMER}");refero("track","pageview");`;
  stage.pages.set("shop.example/own.js", { body: script, headers: { "content-type": "text/javascript" } });
  const [plain] = [snippet("Install", { origin: stage.tracking, place: 3 }).replace("/your-own.js", "/own.js")];
  const origin = stage.tracking;
  for (const [policy, path] of [
    [`default-src 'none'; script-src 'self' ${origin}; connect-src ${origin}`, "/beacon"],
    [`default-src 'none'; script-src 'self' ${origin}; img-src ${origin}`, "/pixel"],
  ]) {
    stage.records = [];
    const url = stage.page("shop.example", "/strict", `<html><head>${plain}</head></html>`, { "content-security-policy": policy });
    await page.goto(url + "?red=john");
    const [record] = await stage.recorded(1);
    assert.equal(record.path, path, policy);
  }
});

test("forms of Calendly and HubSpot tell of a sign-up, and nobody else's messages do", async () => {
  const url = await visit("shop.example", "/?red=john");
  await stage.recorded(1);
  /** A message as it would come from a window of that origin. */
  const say = (origin, data) =>
    page.evaluate(([origin, data]) => window.dispatchEvent(new MessageEvent("message", { origin, data })), [origin, data]);
  const calendly = { event: "calendly.event_scheduled", payload: { invitee: {
    uri: "https://api.calendly.com/scheduled_events/AAAAAAAA-1111-4111-8111-111111111111/invitees/BBBBBBBB-2222-4222-8222-222222222222" } } };
  const form = { type: "hsFormCallback", eventName: "onFormSubmitted", data: { submissionValues: { email: "ann@example.com" } } };
  const own = stage.at("shop.example");
  await say("https://evil.example", calendly);
  await say("https://evil.example", form);
  await say(own, form);
  await say("https://calendly.com", calendly);
  assert.equal((await stage.recorded(2)).length, 2, "without HubSpot's cookie nothing is sent");
  const meta = ({ data }) => Object.fromEntries(Object.entries(data).filter(([name]) => name.startsWith("m_")));
  assert.deepEqual(meta(stage.records[1]), {
    m_source: "calendly", m_cal_event: "AAAAAAAA-1111-4111-8111-111111111111", m_cal_user: "BBBBBBBB-2222-4222-8222-222222222222",
  });
  await context.addCookies([{ name: "hubspotutk", value: "utk1", url }]);
  await say("https://evil.example", form);
  await say("https://hubspot.com.evil.example", form);
  await say(own, form);
  await say("https://forms-eu1.hsforms.com", { accepted: true });
  await say("https://meetings.hubspot.com", JSON.stringify({ meetingBookSucceeded: true, meetingsPayload: { bookingResponse: { postResponse: { contact: { email: "bob@example.com" } } } } }));
  for (const other of ["{", "null", null, 7, { type: "hsFormCallback" }, { event: "calendly.event_scheduled" }]) await say("https://calendly.com", other);
  const records = await stage.recorded(5);
  await settled(page);
  assert.equal(records.length, 5);
  assert.deepEqual(records.slice(2).map(meta), [
    { m_source: "hubspot", m_hub_utk: "utk1", m_email: "ann@example.com" },
    { m_source: "hubspot", m_hub_utk: "utk1" },
    { m_source: "hubspot", m_hub_utk: "utk1", m_email: "bob@example.com" },
  ]);
});

test("an address that somebody types is never read", async () => {
  await visit("shop.example", "/?red=john", {
    body: `<form action="/next"><input type="email" name="email"><button>Go</button></form>`,
  });
  await stage.recorded(1);
  await page.fill("input", "ann@example.com");
  await visit("shop.example", "/next");
  const records = await stage.recorded(2);
  assert.ok(!JSON.stringify(records).includes("ann@"));
});

test("an app of one page: a click in a later address counts, an earlier one does not come back", async () => {
  await visit("shop.example", "/?red=john");
  await stage.recorded(1);
  await page.evaluate(() => { history.pushState(null, "", "/two?red=jane"); window.gr("track", "pageview"); });
  assert.equal((await stage.recorded(2))[1].data.affiliate_slug, "jane");
  const other = await context.newPage();
  await other.goto(stage.at("shop.example") + "/?red=lisa");
  await stage.recorded(3);
  await page.evaluate(() => window.gr("track", "conversion", { uid: "u" }));
  assert.equal((await stage.recorded(4))[3].data.affiliate_slug, "lisa", "the last click of all tabs wins");
});

test("mistakes in a call are printed and stop nothing", async () => {
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await visit("shop.example", "/?red=john", { head: `<script>
    window.gr = function () { (gr.q = gr.q || []).push(arguments); };
    gr(); gr("track"); gr("track", "pageview", 5); gr("loadReferralWidget"); gr("loadReferralWidget", { product_id: "p" });
    gr("loadReferralWidget", { product_id: "p", auth_token: "t" }); gr("initCustomer", "x", { host: "no address" });
  </script>` + install(REDITUS) });
  await stage.recorded(1);
  const widget = errors.filter((text) => text.includes("the referral widget needs"));
  assert.deepEqual(widget.map((text) => text.split(" ").at(-1)), ["product_id", "auth_token", "user_details"]);
  assert.ok(errors.some((text) => text.includes("Invalid")), errors.join());
});

test("logData says what is known", async () => {
  await visit("shop.example", "/?red=john&gr_debug=1");
  await stage.recorded(1);
  const said = page.waitForEvent("console", (message) => message.text().startsWith("gr "));
  await page.evaluate(() => window.gr("logData"));
  const value = await (await said).args()[2].jsonValue();
  assert.deepEqual([value.customer, value.load?.slug ?? value.cookie.slug], [CUSTOMER, "john"]);
});

test("the server says where to send: a script that was renamed and proxied on the site's own host", async () => {
  stage.pages.set("shop.example/assets/r.js", stage.pages.get("tracking.example/v2.js"));
  await visit("shop.example", "/?red=john", {
    head: install(REDITUS).replace(`"${CUSTOMER}"`, `"${CUSTOMER}", { host: "${stage.tracking}" }`)
      .replace(stage.tracking + "/v2.js", "/assets/r.js"),
  });
  const [record] = await stage.recorded(1);
  assert.equal(record.path, "/beacon");
});
