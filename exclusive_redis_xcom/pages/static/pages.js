// Follows Airflow's theme, and opens links to Airflow's own pages in the window around this frame.
"use strict";
(() => {
  const outer = window.parent.document;
  const framed = window.parent !== window;
  const follow = () => {
    const root = outer.documentElement;
    const named = ["dark", "light"].find((theme) => root.classList.contains(theme)) ?? localStorage.getItem("theme");
    if (framed && (named === "dark" || named === "light")) document.documentElement.dataset.theme = named;
    else delete document.documentElement.dataset.theme;
  };
  follow();
  if (framed) new MutationObserver(follow).observe(outer.documentElement, { attributeFilter: ["class"] });
  window.addEventListener("storage", follow);

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.airflow");
    if (!framed || !link || event.defaultPrevented || event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    // The frame's sandbox forbids to navigate the window. A link of the window's own document may.
    const twin = outer.createElement("a");
    twin.href = link.href;
    outer.body.append(twin);
    twin.click();
    twin.remove();
  });
})();
