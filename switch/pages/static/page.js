// A page that says data-refresh="5" is fetched again every five seconds, and its main part replaced, unless
// the reader works in it or has paused it. Without scripts everything works the same: the reader reloads.
"use strict";
(() => {
  const main = document.getElementById("main");
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
  const again = async () => {
    if (!isBusy()) {
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, redirect: "error" });
        if (answer.ok) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          if (!isBusy()) main.replaceChildren(...page.getElementById("main").childNodes);
        }
      } catch { /* the switch is away: what is shown stays, and is asked for again */ }
    }
    setTimeout(again, seconds * 1000);
  };
  setTimeout(again, seconds * 1000);
})();
