// A page with data-refresh="5" is fetched again when the switch says in a stream that something has changed, or
// every five seconds without a stream, and its main part is replaced, unless the reader works in it, has paused it
// or has just sent a form. An element with data-live="/path" shows the main part of that page, which is fetched again
// every second until it contains data-final. Without scripts everything works: the reader reloads the page or
// follows the link. If a page cannot be fetched again, because the session has ended or the
// switch is unavailable, the page states since when its figures have not been updated.
// What a script fetches is no use of the session, and says so in a header, unless the reader pressed a key or the
// pointer since. The page states when the session will end, and clears its figures when it has ended.
// In a list with data-panel a payment opens beside the list; on a phone, or with a modifier key, its page opens.
// Relative times go on, identifiers can be copied, a form is sent once, and Ctrl+K leads to the search.
"use strict";
(() => {
  const language = document.documentElement.lang;
  const units = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
  const relative = new Intl.RelativeTimeFormat(language, { style: "short" });
  const age = () => {
    for (const time of document.querySelectorAll("time[data-near]")) {
      const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
      const [unit, size] = units.find(([, size]) => Math.abs(seconds) >= size) || units[3];
      time.textContent = relative.format(Math.trunc(seconds / size), unit);
    }
  };
  const offer = () => {
    if (navigator.clipboard) for (const button of document.querySelectorAll(".copy[hidden]")) button.hidden = false;
  };
  const refresh = () => { offer(); age(); };
  refresh();
  setInterval(age, 15000);
  document.addEventListener("click", async (event) => {
    const button = event.target.closest(".copy");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    const text = button.textContent;
    button.textContent = "✓";
    setTimeout(() => { button.textContent = text; }, 1200);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "k" || !(event.ctrlKey || event.metaKey)) return;
    const find = document.getElementById("find");
    if (find) { event.preventDefault(); find.focus(); find.select(); }
  });
  // What is shown may just be removed by the form. If the form leads nowhere, the page is live again.
  let leaving = new AbortController();
  const stay = () => { leaving = new AbortController(); };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    leaving.abort();
    setTimeout(stay, 10000);
    event.submitter?.setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => {
    stay();
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  });
  // Notices of cases are shown by a browser whose user has consented, and only then asked for.
  const consented = () => "Notification" in window && Notification.permission === "granted";
  const consent = document.getElementById("consent");
  if (consent && "Notification" in window) {
    const state = () => {
      consent.hidden = Notification.permission !== "default";
      document.getElementById("consented").hidden = Notification.permission !== "granted";
      document.getElementById("denied").hidden = Notification.permission !== "denied";
    };
    consent.addEventListener("click", async () => { await Notification.requestPermission(); state(); });
    state();
  }
  const notify = (event) => {
    const { text, path } = JSON.parse(event.data);
    const shown = new Notification("payswitch", { body: text, tag: path });
    shown.onclick = () => { window.focus(); location.assign(path); };
  };
  const main = document.getElementById("main");
  let paused = false;
  const ending = document.getElementById("ending");
  const warnMs = 300000;
  let endsAt = Infinity;
  let ended = false;
  let used = false;
  const isBusy = () => paused || document.hidden || main !== document.activeElement && main.contains(document.activeElement);
  const expect = (page) => { if (page?.dataset.endsIn) endsAt = Date.now() + page.dataset.endsIn * 1000; };
  const warn = () => {
    if (ended) return;
    ending.hidden = endsAt - Date.now() > warnMs;
    const at = new Date(endsAt).toLocaleTimeString(language, { timeStyle: "short" });
    const text = `${ending.dataset.at} ${at}.`;
    if (!ending.hidden && ending.children[0].textContent !== text) ending.children[0].textContent = text;
  };
  const leave = () => {
    ended = true;
    const [text, hint, link] = ending.children;
    text.textContent = ending.dataset.ended;
    hint.hidden = true;
    link.hidden = ending.hidden = false;
    if (!isBusy()) main.replaceChildren();
  };
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, () => { used = true; });
  const mainOf = async (path) => {
    const headers = { Accept: "text/html", ...(used ? {} : { "Payswitch-Automatic": "1" }) };
    used = false;
    const answer = await fetch(path, { headers, redirect: "error", signal: leaving.signal });
    if (answer.status === 401) leave();
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
  };
  const panel = document.getElementById("panel");
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("[data-panel] a.uetr");
    const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    if (!link || elsewhere || !matchMedia("(min-width: 60rem)").matches) return;
    event.preventDefault();
    main.ariaBusy = "true";
    let page = null;
    try {
      page = await mainOf(link.href);
    } catch { /* the switch is unavailable: the page itself says so */ }
    main.ariaBusy = null;
    if (!page) return location.assign(link.href);
    const [bar, content] = panel.children;
    bar.firstElementChild.href = link.href;
    for (const extra of page.querySelectorAll(".crumb, .help")) extra.remove();
    panel.setAttribute("aria-label", page.querySelector("h1").textContent);
    content.replaceChildren(...page.childNodes);
    refresh();
    if (!panel.open) panel.showModal();
    panel.scrollTop = 0;
  });
  for (const place of document.querySelectorAll("[data-live]")) {
    const follow = async () => {
      let final = false;
      try {
        const page = document.hidden ? null : await mainOf(place.dataset.live);
        if (page) {
          page.querySelector("h1")?.remove();
          final = Boolean(page.querySelector("[data-final]"));
          place.replaceChildren(...page.childNodes);
          refresh();
        }
      } catch { /* the switch is unavailable: keep the content and retry */ }
      if (!final && !ended) setTimeout(follow, 1000);
    };
    follow();
  }
  const seconds = Number(main && main.dataset.refresh);
  if (!seconds) return;
  const pause = document.getElementById("pause");
  const stale = document.getElementById("stale");
  const live = document.getElementById("live");
  let fresh = new Date();
  let heard = 0;
  let stream = null;
  let reading = false;
  const say = (state, tone) => {
    live.hidden = false;
    live.className = `chip ${tone}`;
    if (live.firstElementChild.textContent !== live.dataset[state]) live.firstElementChild.textContent = live.dataset[state];
  };
  const show = (ok) => {
    if (ok) fresh = new Date();
    stale.hidden = ok;
    stale.firstElementChild.textContent = `${stale.dataset.since} ${fresh.toLocaleTimeString(language)}.`;
    main.classList.toggle("old", !ok);
    if (!paused) say(...(ok ? ["liveText", "good"] : ["lost", "bad"]));
  };
  const again = async () => {
    const { signal } = leaving;
    if (paused || document.hidden || reading || ended || signal.aborted) return;
    reading = true;
    let page = null;
    try {
      page = await mainOf(location.href);
    } catch { /* the switch is unavailable or the session has ended: keep the content and retry */ }
    reading = false;
    if (signal.aborted) return;
    if (ended) {
      stream?.close();
      stale.hidden = true;
      return say("lost", "bad");
    }
    show(Boolean(page));
    expect(page);
    warn();
    if (page && !isBusy()) { main.replaceChildren(...page.childNodes); refresh(); }
  };
  // Only a page that is seen has a stream, as browsers allow few connections to one host, or one that shows notices.
  const listen = () => {
    stream?.close();
    stream = null;
    if (ended || document.hidden && !consented() || !("EventSource" in window)) return;
    stream = new EventSource(consented() ? "/console/live?notices=true" : "/console/live");
    stream.addEventListener("notice", notify);
    stream.onmessage = (event) => {
      heard = Date.now();
      if (event.data === "changed") again();
      else if (!reading && stale.hidden) show(true);
    };
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    if (paused) say("paused", "idle");
    else again();
  });
  document.addEventListener("visibilitychange", () => { listen(); again(); });
  addEventListener("pagehide", () => stream?.close());
  // A stream that is silent for longer than its beat is lost: the page then asks by itself, and says so if it fails.
  setInterval(() => {
    if (ended) return;
    warn();
    if (used && !ending.hidden || endsAt < Date.now() || Date.now() - heard > 8000 || !stale.hidden) again();
    if (stream?.readyState === 2) listen();
  }, seconds * 1000);
  listen();
  expect(main);
  say("liveText", "good");
})();
