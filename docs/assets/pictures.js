// A picture in two colours follows the reader's choice on this site. Without this script, it follows the system's.
"use strict";

(() => {
  const sources = document.querySelectorAll('picture source[media*="prefers-color-scheme"]');
  const follow = () => {
    const dark = document.body.getAttribute("data-md-color-scheme") === "slate";
    for (const source of sources) {
      source.dataset.scheme ??= source.media.includes("dark") ? "dark" : "light";
      source.media = (source.dataset.scheme === "dark") === dark ? "all" : "not all";
    }
  };
  follow();
  new MutationObserver(follow).observe(document.body, { attributeFilter: ["data-md-color-scheme"] });
})();
