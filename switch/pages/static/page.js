// A page that says data-refresh="5" is fetched again every five seconds, and its main part replaced.
// Without scripts everything works the same: the reader reloads.
"use strict";
(() => {
  const main = document.getElementById("main");
  const seconds = Number(main && main.dataset.refresh);
  if (!seconds) return;
  const again = async () => {
    const busy = document.hidden || main.contains(document.activeElement) && document.activeElement !== main;
    if (!busy) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
        if (answer.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          main.replaceChildren(...page.getElementById("main").childNodes);
        }
      } catch { /* the switch is away: what is shown stays, and is asked for again */ }
    }
    setTimeout(again, seconds * 1000);
  };
  setTimeout(again, seconds * 1000);
})();
