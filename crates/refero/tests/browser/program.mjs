// A program on the server under test, as its own server would use it: by its key, through the native API.

import { createHmac } from "node:crypto";

import { refero, setting } from "./stage.mjs";

/** The server under test under a name of its own, so that it is another site for the browser than the customer's. */
export const origin = refero.replace(/\/\/[^:/]+/, "//refero.example");

/** Calls the native API; anything but success is an error. */
export const call = async (method, path, body) => {
  const answer = await fetch(refero + path, {
    method,
    headers: { authorization: `Bearer ${setting("REFERO_KEY")}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text && JSON.parse(text);
};

let made = 0;
const run = Date.now().toString(36);

/** A name that is new in every run and test. */
export const fresh = (name) => `${name}-${run}-${++made}`;

/** Makes an affiliate that gets 20 % of every payment at once. */
export const affiliate = async (name) => {
  const slug = fresh(name);
  const made = await call("POST", "/v1/affiliates", { name, email: `${slug}@example.com`, slug });
  const terms = { rules: [{ on: "payment", reward: { percent: "20" } }] };
  await call("POST", "/v1/deals", { name: slug, terms, affiliate_id: made.id });
  return made;
};

/** Makes a link of an affiliate to a page; the host is allowed first. */
export const link = async (affiliate, destination) => {
  const { allowed_hosts: hosts } = await call("GET", "/v1/program");
  const host = new URL(destination).hostname;
  if (!hosts.includes(host)) await call("PATCH", "/v1/program", { allowed_hosts: [...hosts, host] });
  const { code } = await call("POST", "/v1/links", { affiliate_id: affiliate.id, destination_url: destination });
  return `${origin}/c/${code}`;
};

/** Records a payment of 100.00 EUR and returns what of it is an affiliate's. */
export const pay = async (uid) =>
  call("POST", "/v1/events", { type: "payment", id: fresh("pay"), uid, amount: "100.00", currency: "EUR" });

/** What an affiliate has earned and how many signed up by it. */
export const earned = async (affiliate) => {
  const { data } = await call("GET", `/v1/affiliates/${affiliate.id}/balances`);
  const [balance] = data;
  return { signUps: balance?.figures.registrations ?? 0, due: balance?.due ?? "0.00" };
};

/** Asks again until the answer is yes. */
export const eventually = async (what, ask) => {
  const end = Date.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`${what} did not happen within a minute`);
    await new Promise((go) => setTimeout(go, 50));
  }
};

/** Waits until so many have signed up by an affiliate. */
export const signedUp = (affiliate, count = 1) =>
  eventually(`sign-up ${count} of ${affiliate.slug}`, async () => (await earned(affiliate)).signUps === count);

/** A token of the referral widget, as the customer's server makes it. */
export const token = ({ product_id, secret }, user) => {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { ProductId: product_id, UserId: user, iat: Math.floor(Date.now() / 1000) };
  const signed = `${part({ alg: "HS512", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha512", secret).update(signed).digest("base64url")}`;
};
