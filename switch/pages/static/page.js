// A page with data-refresh="5" is fetched again every five seconds and its main part is replaced, unless the
// reader works in it or has paused it. An element with data-live="/path" shows the main part of that page, which
// is fetched again every second until it contains data-final. Without scripts everything works: the reader
// reloads the page or follows the link. If a page cannot be fetched again, because the session has ended or the
// switch is unavailable, the page states since when its figures have not been updated.
// Relative times go on, identifiers can be copied, and a form is sent once.
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
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    event.submitter?.setAttribute("aria-disabled", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const button of document.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
  });
  const main = document.getElementById("main");
  const mainOf = async (path) => {
    const answer = await fetch(path, { headers: { Accept: "text/html" }, redirect: "error" });
    if (!answer.ok) return null;
    return new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
  };
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
      if (!final) setTimeout(follow, 1000);
    };
    follow();
  }
  const seconds = Number(main && main.dataset.refresh);
  if (!seconds) return;
  const pause = document.getElementById("pause");
  let paused = false;
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
  });
  const isBusy = () => paused || document.hidden || main !== document.activeElement && main.contains(document.activeElement);
  const stale = document.getElementById("stale");
  let fresh = new Date();
  const show = (page) => {
    if (page) fresh = new Date();
    stale.hidden = Boolean(page);
    stale.firstElementChild.textContent = `${stale.dataset.since} ${fresh.toLocaleTimeString(document.documentElement.lang)}.`;
    main.classList.toggle("old", !page);
  };
  const again = async () => {
    if (!paused && !document.hidden) {
      let page = null;
      try {
        page = await mainOf(location.href);
      } catch { /* the switch is unavailable or the session has ended: keep the content and retry */ }
      show(page);
      if (page && !isBusy()) { main.replaceChildren(...page.childNodes); refresh(); }
    }
    setTimeout(again, seconds * 1000);
  };
  setTimeout(again, seconds * 1000);
})();
