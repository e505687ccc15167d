// The in-app referral widget: a dialog in which a user of the program's site joins its referral programme, finds the
// personal link and sees what it brought.
//
// `loadReferralWidget` (refero.js) leaves the configuration in `window.referralWidget` and loads this file, which
// replaces it by what can be called: `show()` and `hide()`. It works under a strict content security policy: styles are
// a constructed sheet in a shadow root, text is only ever set as text. The token stays in memory.

/** @typedef {{ email?: string, first_name?: string, last_name?: string, company_id?: string, company_name?: string }} UserDetails */

/** @typedef {{ product_id: string, auth_token: string, user_details: UserDetails, texts?: Record<string, string> }} Config */

/** @typedef {{ currency: string, earned: string, pending: string, payable: string, paid: string }} Earnings */

/**
 * What the server says about the programme and, once she has joined, about the advocate.
 * @typedef {object} Status
 * @property {string} title
 * @property {string} terms
 * @property {string | null} terms_url
 * @property {string | null} advocate_reward
 * @property {string | null} friend_reward
 * @property {string} share_text
 * @property {{ link: string, sign_ups: number, paying: number, earnings: Earnings[] } | null} advocate
 */

(() => {
  "use strict";

  /** @type {any} */
  const page = window;
  /** @type {{ config: Config, base: string, wanted?: boolean } | undefined} */
  const given = page.referralWidget;
  if (!given || !given.config) return;
  const { config, base } = given;

  /** Every word that is ours; `texts` of the configuration replaces them by key. @type {Record<string, string>} */
  const TEXTS = {
    close: "Close",
    loading: "Loading …",
    accept: "I accept the terms of the referral programme.",
    terms: "Read the terms",
    join: "Join and get my link",
    link: "Your personal link",
    copy: "Copy",
    copied: "Copied",
    share: "Share it",
    mail: "E-mail",
    more: "More …",
    you: "You get",
    friend: "Your friend gets",
    rewards: "Your rewards",
    sign_ups: "Signed up",
    paying: "Paying",
    earned: "Earned",
    pending: "Not yet confirmed",
    payable: "To be paid out",
    paid: "Paid out",
    retry: "Try again",
    refused: "This page's sign-in has expired. Reload the page and try again.",
    failed: "The referral programme could not be reached.",
    ...config.texts,
  };

  const STYLE = `
    dialog { box-sizing: border-box; width: min(28rem, calc(100vw - 2rem)); padding: 1.5rem; border: 0;
      border-radius: .75rem; color: #1b1d22; background: #fff; font: 1rem/1.5 system-ui, sans-serif;
      box-shadow: 0 1rem 3rem #0005; }
    dialog::backdrop { background: #0008; }
    header { display: flex; justify-content: space-between; align-items: start; gap: 1rem; }
    h2 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3; }
    h3 { margin: 1.25rem 0 .5rem; font-size: 1rem; }
    p { margin: .25rem 0; }
    .terms { max-height: 8rem; overflow: auto; margin: 1rem 0; padding: .5rem .75rem; border-radius: .5rem;
      background: #f2f3f5; font-size: .875rem; white-space: pre-line; }
    label { display: flex; gap: .5rem; align-items: baseline; margin: 1rem 0; }
    button, .share a { box-sizing: border-box; padding: .5rem .875rem; border: 1px solid #c9ccd3; border-radius: .5rem;
      color: inherit; background: none; font: inherit; text-decoration: none; cursor: pointer; }
    button.main { border-color: #1f5fd0; color: #fff; background: #1f5fd0; }
    button:disabled { opacity: .5; cursor: default; }
    button.close { padding: 0 .5rem; border: 0; font-size: 1.5rem; line-height: 1.2; }
    .row, .share { display: flex; flex-wrap: wrap; gap: .5rem; }
    input[type=text] { flex: 1; min-width: 0; padding: .5rem; border: 1px solid #c9ccd3; border-radius: .5rem;
      color: inherit; background: none; font: inherit; }
    dl { display: grid; grid-template-columns: 1fr auto; gap: .25rem 1rem; margin: 0; }
    dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; }
    :focus-visible { outline: 2px solid #1f5fd0; outline-offset: 2px; }
    @media (prefers-color-scheme: dark) {
      dialog { color: #e7e9ee; background: #1d2026; }
      .terms { background: #2a2e36; }
      button, .share a, input[type=text] { border-color: #474c57; }
    }`;

  /**
   * Makes an element. Properties are set as such, so that no text is ever read as markup.
   * @template {keyof HTMLElementTagNameMap} T
   * @param {T} tag
   * @param {Record<string, any>} [properties]
   * @param {...(Node | string | null | undefined | false)} children
   * @returns {HTMLElementTagNameMap[T]}
   */
  const make = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  };

  const host = document.createElement("refero-referral-widget");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  const content = make("div");
  content.setAttribute("aria-live", "polite");
  const close = make("button", { type: "button", className: "close", textContent: "×", onclick: () => dialog.close() });
  close.setAttribute("aria-label", TEXTS.close);
  const title = make("h2", { id: "title" });
  const dialog = make("dialog", {}, make("header", {}, title, close), content);
  dialog.setAttribute("aria-labelledby", "title");
  // A click beside the dialog closes it.
  dialog.addEventListener("click", (event) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    const { target, clientX: x, clientY: y } = event;
    if (target === dialog && (x < left || x > right || y < top || y > bottom)) dialog.close();
  });
  root.append(dialog);

  /**
   * Asks the server.
   * @param {string} path
   * @param {object} [body]
   * @returns {Promise<Status>}
   */
  const ask = async (path, body) => {
    const answer = await fetch(new URL("widget/" + encodeURIComponent(config.product_id) + path, base), {
      method: body ? "POST" : "GET",
      body: body && JSON.stringify(body),
      headers: { authorization: "Bearer " + config.auth_token, ...(body && { "content-type": "application/json" }) },
      credentials: "omit",
    });
    if (answer.ok) return answer.json();
    const said = await answer.json().catch(() => ({}));
    console.error("referral widget:", answer.status, said.error || "");
    throw answer.status === 401 ? TEXTS.refused : TEXTS.failed;
  };

  /** @param {unknown} error @param {() => void} again */
  const showError = (error, again) => {
    const text = typeof error === "string" ? error : TEXTS.failed;
    content.replaceChildren(
      make("p", {}, text),
      make("p", {}, make("button", { type: "button", textContent: TEXTS.retry, onclick: again })),
    );
    content.firstElementChild?.setAttribute("role", "alert");
  };

  /** @param {Status} status */
  const rewards = ({ advocate_reward: yours, friend_reward: theirs }) =>
    make("div", {},
      yours && make("p", {}, make("strong", {}, TEXTS.you), " ", yours),
      theirs && make("p", {}, make("strong", {}, TEXTS.friend), " ", theirs));

  /** @param {Status} status */
  const showTerms = (status) => {
    const box = make("input", { type: "checkbox", required: true });
    const join = make("button", { type: "submit", className: "main", disabled: true, textContent: TEXTS.join });
    box.onchange = () => { join.disabled = !box.checked; };
    const form = make("form", { method: "dialog" },
      make("label", {}, box, make("span", {}, TEXTS.accept)),
      join);
    form.onsubmit = (event) => {
      event.preventDefault();
      join.disabled = true;
      const { email, first_name, last_name, company_id, company_name } = config.user_details;
      const user_details = { email, first_name, last_name, company_id, company_name };
      ask("/advocate", { accepts_terms: box.checked, user_details }).then(show, (error) => showError(error, refresh));
    };
    content.replaceChildren(
      rewards(status),
      status.terms ? make("div", { className: "terms", tabIndex: 0 }, status.terms) : "",
      status.terms_url
        ? make("p", {}, make("a", { href: status.terms_url, target: "_blank", rel: "noopener" }, TEXTS.terms))
        : "",
      form,
    );
  };

  /** @param {string} link @param {Status} status */
  const share = (link, { share_text: text, title }) => {
    const [url, words] = [encodeURIComponent(link), encodeURIComponent(text)];
    const both = encodeURIComponent((text + " " + link).trim());
    /** @type {[string, string][]} */
    const places = [
      [TEXTS.mail, "mailto:?subject=" + encodeURIComponent(title) + "&body=" + both],
      ["WhatsApp", "https://wa.me/?text=" + both],
      ["LinkedIn", "https://www.linkedin.com/sharing/share-offsite/?url=" + url],
      ["X", "https://x.com/intent/post?text=" + words + "&url=" + url],
    ];
    const more = () => navigator.share({ title, text, url: link }).catch(() => {});
    return make("div", { className: "share" },
      ...places.map(([name, href]) => make("a", { href, target: "_blank", rel: "noopener" }, name)),
      "share" in navigator && make("button", { type: "button", textContent: TEXTS.more, onclick: more }));
  };

  /** @param {NonNullable<Status["advocate"]>} advocate */
  const figures = ({ sign_ups, paying, earnings }) => {
    /** @type {[string, string][]} */
    const lines = [["sign_ups", String(sign_ups)], ["paying", String(paying)]];
    for (const account of earnings) {
      for (const name of /** @type {const} */ (["earned", "pending", "payable", "paid"])) {
        lines.push([name, account[name] + " " + account.currency]);
      }
    }
    const list = make("dl", {});
    for (const [name, value] of lines) {
      const definition = make("dd", { textContent: value });
      definition.dataset.figure = name;
      list.append(make("dt", { textContent: TEXTS[name] }), definition);
    }
    return list;
  };

  /** @param {Status} status @param {NonNullable<Status["advocate"]>} advocate */
  const showAdvocate = (status, advocate) => {
    const link = make("input", { type: "text", readOnly: true, value: advocate.link, onfocus: () => link.select() });
    link.setAttribute("aria-label", TEXTS.link);
    const copy = make("button", { type: "button", className: "main", textContent: TEXTS.copy });
    copy.onclick = async () => {
      try {
        await navigator.clipboard.writeText(link.value);
      } catch {
        // Pages without TLS have no clipboard.
        link.select();
        document.execCommand("copy");
      }
      copy.textContent = TEXTS.copied;
    };
    content.replaceChildren(
      rewards(status),
      make("h3", {}, TEXTS.link),
      make("div", { className: "row" }, link, copy),
      make("h3", {}, TEXTS.share),
      share(advocate.link, status),
      make("h3", {}, TEXTS.rewards),
      figures(advocate),
    );
  };

  /** @param {Status} status */
  const show = (status) => {
    title.textContent = status.title;
    if (status.advocate) showAdvocate(status, status.advocate);
    else showTerms(status);
  };

  const refresh = () => {
    content.replaceChildren(make("p", {}, TEXTS.loading));
    ask("").then(show, (error) => showError(error, refresh));
  };

  for (const old of document.querySelectorAll("refero-referral-widget")) old.remove();
  document.body.append(host);
  page.referralWidget = {
    config,
    base,
    /** Opens the dialog and asks the server how things stand. */
    show() {
      if (!dialog.open) dialog.showModal();
      refresh();
    },
    hide() {
      dialog.close();
    },
  };
  if (given.wanted) page.referralWidget.show();
})();
