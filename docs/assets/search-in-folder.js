// A browser starts no worker for a page that was opened as a file, and the search is a worker. A hidden frame stands in for it.
"use strict";

if (location.protocol === "file:") {
  const message = (data) => new MessageEvent("message", { data: structuredClone(data) });

  window.Worker = class {
    #frame = document.createElement("iframe");
    #loaded;

    constructor(address) {
      this.#frame.hidden = true;
      document.body.append(this.#frame);
      const inside = this.#frame.contentWindow;
      inside.postMessage = (data) => {
        const copied = message(data);
        setTimeout(() => this.onmessage?.(copied));
      };
      const script = inside.document.createElement("script");
      script.src = new URL(address, location);
      this.#loaded = new Promise((resolve) => script.addEventListener("load", resolve));
      script.addEventListener("error", (event) => this.onerror?.(event));
      inside.document.body.append(script);
    }

    postMessage(data) {
      const copied = message(data);
      this.#loaded.then(() => this.#frame.contentWindow?.onmessage(copied));
    }

    terminate() {
      this.#frame.remove();
    }
  };
}
