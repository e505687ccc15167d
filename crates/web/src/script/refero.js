// The browser script: remembers who sent a visitor, and tells the server of page views and sign-ups.
//
// Served as /refero.js with the global function `refero`, and as /v2.js with `gr`, the name of the script of Reditus
// (docs/SCRIPT.md). It has no dependency and no build: comments and indentation are taken off when it is served. The
// types are checked by `tsc --checkJs`.
//
// What must not be here: reading a form, sending anything about a visitor whom nobody sent, an address in a URL.

/**
 * What is known of the click that brought the visitor: the fields of the cookie `_gr_id`, and the signed token.
 * @typedef {object} Visit
 * @property {string} rl a link's id
 * @property {string} id the client id, new for every new click
 * @property {string} pk the affiliate's partner key
 * @property {string} uid
 * @property {string} slug the affiliate's word in its links
 * @property {string} cslug the word that another tool's parameter carried
 * @property {string} ctype that parameter
 * @property {string} sid the affiliate's own sub id
 * @property {string} type `affiliate`, or `referral` for a link of the in-app programme
 * @property {string} token the redirect's signed click token
 */

/** @typedef {{ days?: number, parameter?: string, host?: string }} Options */

/** @typedef {{ (name: string, ...rest: any[]): void, q?: ArrayLike<any>[], ce?: unknown, _initialized?: boolean }} Refero */

(() => {
  "use strict";

  /** The global function's name; `gr` where this is served as /v2.js. */
  const NAME = "refero";
  const VERSION = "0";

  /** Constant in every copy of Reditus' script. */
  const RID = "6fb05e12-06b6-45fc-b5b3-8f0ec7aaf4c2";
  const FOREIGN = ["via", "wpcr", "fpr", "fp_ref", "ps_partner_key"];
  const [COOKIE, TOKEN, PROBE] = ["_gr_id", "_rfr", "_gr_probe"];

  /** @type {any} */
  const page = window;
  /** @type {Refero | undefined} */
  const stub = page[NAME];
  if (stub && stub._initialized) {
    console.warn(NAME + " has already been initialized");
    return;
  }

  const own = /** @type {HTMLScriptElement | null} */ (
    document.currentScript || document.querySelector('script[src*="/refero.js"],script[src*="/v2.js"]')
  );
  let base = own && own.src ? own.src : location.href;
  const verbose = /[?&]gr_debug\b/.test(location.search);

  /** Whether cookies may be set: yes, no, or undefined until the visitor has said so. @type {boolean | undefined} */
  let allowed = true;
  let customer = "";
  let parameter = "rfr";
  /** The query string whose click was taken up. @type {string | undefined} */
  let seen;
  /** The click of this page, where cookies do not hold. @type {Visit | undefined} */
  let current;
  /** The domain of our cookies. @type {string | undefined} */
  let site;
  /** What is to be told once the customer and the consent are known. @type {[string, Record<string, any>][]} */
  let waiting = [];

  /** @param {unknown} value */
  const daysFrom = (value) => {
    const days = parseInt(String(value), 10);
    return days >= 1 && days <= 120 ? days : 60;
  };
  let days = daysFrom(stub && stub.ce);

  /** @param {...any} words */
  const debug = (...words) => {
    if (verbose) console.log("[" + NAME + "]", ...words);
  };

  /** @param {string} name */
  const readCookie = (name) => {
    const found = ("; " + document.cookie).split("; " + name + "=")[1];
    try {
      return found ? decodeURIComponent(found.split(";")[0]) : "";
    } catch {
      return "";
    }
  };

  /** @param {string} name @param {string} value @param {number} seconds @param {string} domain */
  const setCookie = (name, value, seconds, domain) => {
    document.cookie =
      name + "=" + encodeURIComponent(value) + ";path=/;max-age=" + seconds + ";samesite=lax" +
      (location.protocol === "https:" ? ";secure" : "") + (domain ? ";domain=" + domain : "");
  };

  /** The widest domain that takes a cookie. The browser knows the public suffixes, so it is asked. */
  const findSite = () => {
    const labels = location.hostname.split(".");
    for (let count = 2; count <= labels.length; count++) {
      const domain = labels.slice(-count).join(".");
      setCookie(PROBE, "1", 9, domain);
      if (readCookie(PROBE)) {
        setCookie(PROBE, "", 0, domain);
        return domain;
      }
    }
    return "";
  };

  /** @param {string} name @param {string} value An empty one takes the cookie away. */
  const keep = (name, value) => {
    if (site === undefined) site = findSite();
    // One that is bound to this host alone would hide the other.
    setCookie(name, "", 0, "");
    setCookie(name, value, value ? days * 86400 : 0, site);
  };

  /** @returns {Visit | undefined} */
  const load = () => {
    const cookie = readCookie(COOKIE);
    if (!cookie) return current;
    const [rl, id, , pk, uid, , slug, cslug, ctype, sid, type] = cookie
      .split(":")
      .concat(Array(11).fill(""))
      .map((field) => field.replace(/%3A/g, ":"));
    return { rl, id, pk, uid, slug, cslug, ctype, sid, type: type || "affiliate", token: readCookie(TOKEN) };
  };

  /** @param {Visit} visit */
  const save = (visit) => {
    const { rl, id, token, pk, uid, slug, cslug, ctype, sid, type } = (current = visit);
    // The third field is dead in Reditus' script. Whoever hands over the cookie hands over the token.
    const fields = [rl, id, token, pk, uid, "", slug, cslug, ctype, sid, type];
    keep(COOKIE, fields.map((field) => field.replace(/:/g, "%3A")).join(":"));
    keep(TOKEN, token);
  };

  /** A client id: a UUID of version 4. (`crypto.randomUUID` is missing on pages without TLS.) */
  const newId = () =>
    "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (digit) =>
      (+digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (+digit / 4)))).toString(16));

  /** Takes up the click that the page's address tells of. The last click wins. */
  const attribute = () => {
    if (!allowed || seen === location.search) return;
    seen = location.search;
    const query = new URLSearchParams(seen);
    /** @param {string} name */
    const value = (name) => (query.get(name) || "").replace(/\/+$/, "");
    const ctype = FOREIGN.find(value) || "";
    /** @type {Visit} */
    const visit = {
      rl: value("rl"),
      id: "",
      pk: value("gr_pk") || value("_pk"),
      uid: value("gr_uid"),
      slug: value("red") || value("refby"),
      cslug: ctype && value(ctype),
      ctype,
      sid: value("sid"),
      type: query.has("refby") ? "referral" : "affiliate",
      token: /^[\w-]{40,80}$/.test(value(parameter)) ? value(parameter) : "",
    };
    if (!(visit.rl || visit.pk || visit.slug || ctype || visit.token)) return;
    const known = load();
    const isSame =
      known &&
      /** @type {const} */ (["rl", "pk", "token"]).every((field) => !visit[field] || visit[field] === known[field]) &&
      /** @type {const} */ (["slug", "cslug", "ctype", "sid", "type"]).every((field) => visit[field] === known[field]);
    if (known && isSame) {
      visit.id = known.id;
      for (const field of /** @type {const} */ (["rl", "pk", "uid", "token"])) visit[field] ||= known[field];
    } else {
      visit.id = newId();
    }
    debug(isSame ? "the same click" : "a new click", visit);
    save(visit);
  };

  /** What is to be done should it turn out that the page's policy lets no beacon out. @type {(() => void)[]} */
  let unsure = [];

  /**
   * Sends by whatever works. An image has everything in its URL, so a conversion never goes by one.
   * @param {Record<string, string>} data
   */
  const post = (data) => {
    const url = new URL("beacon", base).href;
    const body = JSON.stringify(data);
    let isImage = data.evt === "conversion";
    const byImage = () => {
      debug("blocked", data.evt);
      if (isImage) return;
      isImage = true;
      new Image().src = new URL("pixel", base).href + "?" +
        Object.keys(data).map((name) => name + "=" + encodeURIComponent(data[name])).join("&");
    };
    const byFetch = () =>
      fetch(url, { method: "POST", body, keepalive: true, mode: "no-cors", credentials: "omit" }).catch(byImage);
    try {
      if (navigator.sendBeacon(url, body)) unsure.push(byImage);
      else byFetch();
    } catch {
      byFetch();
    }
  };

  // A beacon that the page's policy forbids says nothing of it.
  document.addEventListener("securitypolicyviolation", ({ blockedURI, effectiveDirective }) => {
    if (effectiveDirective !== "connect-src" || !blockedURI.startsWith(new URL(base).origin)) return;
    const blocked = unsure;
    unsure = [];
    for (const byImage of blocked) byImage();
  });

  /** @param {string} event @param {Record<string, any>} meta */
  const send = (event, meta) => {
    const visit = load();
    if (!visit) return debug("nobody sent this visitor; not sent:", event);
    const isReferral = visit.type === "referral";
    /** @type {Record<string, string>} */
    const data = {
      evt: event,
      rid: RID,
      ref: document.referrer,
      url: location.href.split("#")[0],
      grid: visit.id,
      rl: visit.rl,
      pk: visit.pk,
      uid: visit.uid,
      affiliate_slug: isReferral ? "" : visit.slug,
      advocate_slug: isReferral ? visit.slug : "",
      customer_id: customer,
      cslug: visit.cslug,
      ctype: visit.ctype,
      sid: visit.sid,
      rfr: visit.token,
    };
    for (const name of Object.keys(meta)) data["m_" + name] = String(meta[name] ?? "");
    debug("sent", data);
    post(data);
  };

  /** Sends what waited for the customer and the consent. */
  const flush = () => {
    attribute();
    if (!customer || !allowed) return;
    const ready = waiting;
    waiting = [];
    for (const [event, meta] of ready) send(event, meta);
  };

  /** @param {string} event @param {Record<string, any>} [meta] */
  const track = (event, meta) => {
    if (!event || allowed === false) return;
    waiting.push([event, meta || {}]);
    flush();
  };

  /** @param {Options | undefined} options */
  const configure = (options) => {
    if (!options) return;
    if (options.days) days = daysFrom(options.days);
    if (options.host) base = new URL("/refero.js", options.host).href;
    if (options.parameter && options.parameter !== parameter) {
      parameter = options.parameter;
      seen = undefined;
    }
  };

  /** @param {string} id @param {Options} [options] */
  const init = (id, options) => {
    customer = id || "";
    configure(options);
    flush();
  };

  /**
   * The visitor's word: `true`; `false`, which takes our cookies away; or anything else for "not asked yet".
   * @param {unknown} answer
   */
  const consent = (answer) => {
    allowed = typeof answer === "boolean" ? answer : undefined;
    if (allowed === false) {
      waiting = [];
      seen = current = undefined;
      for (const name of [COOKIE, TOKEN]) if (readCookie(name)) keep(name, "");
    }
    flush();
  };

  /** @param {{ product_id?: string, auth_token?: string, user_details?: object } | undefined} config */
  const loadReferralWidget = (config) => {
    const missing = ["product_id", "auth_token", "user_details"].find((name) => !config || !(/** @type {any} */ (config)[name]));
    if (missing) return console.error(NAME + ": the referral widget needs " + missing);
    const before = page.referralWidget;
    // What is called before the widget is there is done by it later.
    page.referralWidget = { config, base, show() { this.wanted = true; }, wanted: before && before.wanted };
    const script = document.createElement("script");
    script.async = true;
    script.src = new URL("referral-widget.js", base).href;
    if (own && own.nonce) script.nonce = own.nonce;
    script.onerror = () => console.error(NAME + ": " + script.src + " was blocked");
    document.head.append(script);
  };

  const logData = () => console.log(NAME, VERSION, { customer, url: seen, cookie: load(), allowed, base });

  /** @type {Record<string, (...rest: any[]) => void>} */
  const commands = {
    __proto__: /** @type {any} */ (null),
    init, initCustomer: init, track, consent, loadReferralWidget, widget: loadReferralWidget, logData,
  };

  /** Whatever goes wrong in here is not the page's trouble. @param {() => void} work */
  const guard = (work) => {
    try {
      work();
    } catch (error) {
      console.error(NAME + ":", error);
    }
  };

  /** @type {Refero} */
  const run = (name, ...rest) => {
    const command = commands[name];
    if (command) guard(() => command(...rest));
  };

  // Forms and calendars of others tell the page what happened in them.
  addEventListener("message", ({ origin, data }) => {
    try {
      if (typeof data === "string") data = JSON.parse(data);
      if (!data) return;
      if (origin === "https://calendly.com" && data.event === "calendly.event_scheduled") {
        const [cal_event, cal_user] = String(data.payload.invitee.uri).match(/[\da-f-]{36}/gi) || [];
        track("conversion", { source: "calendly", cal_event, cal_user });
      } else if (origin === location.origin || /^https:\/\/[\w.-]+\.(hubspot|hsforms)\.(com|eu|net)$/.test(origin)) {
        const isForm = data.type === "hsFormCallback" && data.eventName === "onFormSubmitted";
        const hub_utk = readCookie("hubspotutk");
        if (!hub_utk || !(isForm || data.accepted || data.meetingBookSucceeded)) return;
        const values = isForm && data.data && data.data.submissionValues;
        const meeting = data.meetingsPayload;
        const contact = meeting && meeting.bookingResponse && meeting.bookingResponse.postResponse.contact;
        const email = (values && values.email) || (contact && contact.email);
        track("conversion", { source: "hubspot", hub_utk, ...(email && { email }) });
      }
    } catch {
      // Messages of all sorts pass here; what is none of these is not for us.
    }
  });

  /** What the queue says about consent and options holds from the start, wherever in the queue it stands. */
  const start = () => {
    const queue = Array.from((stub && stub.q) || [], (entry) => Array.from(entry));
    run._initialized = true;
    page[NAME] = run;
    for (const [name, first, second] of queue) {
      if (name === "consent") allowed = typeof first === "boolean" ? first : undefined;
      if (/^init/.test(name)) guard(() => configure(second));
    }
    guard(attribute);
    for (const [name, ...rest] of queue) run(name, ...rest);
  };

  // A page that is rendered ahead was not visited yet.
  if (/** @type {any} */ (document).prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
})();
