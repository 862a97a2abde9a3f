// "Wrong? It is a 7": keeps the picture with the digit that it shows, to be learned.

export class Corrections {
  // `picture` returns the file to keep; `fetchJson` asks the service; `speak` tells a screen reader.
  constructor(place, picture, fetchJson, speak) {
    Object.assign(this, { place, picture, fetchJson, speak });
    this.kept = null;
    this.undo = place.querySelector(".take-back");
    this.undo.addEventListener("click", () => this.#try(() => this.#takeBack()));
    for (let digit = 0; digit < 10; digit += 1) this.#addButton(digit);
  }

  // Another picture: offer to correct it, or nothing if there is none.
  renew(isOffered) {
    this.place.hidden = !isOffered;
    this.#show(null, "");
  }

  #addButton(digit) {
    const button = Object.assign(document.createElement("button"), { textContent: digit });
    button.setAttribute("aria-label", `It is a ${digit}`);
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => this.#try(() => this.#keep(digit)));
    this.place.querySelector(".digits").append(button);
  }

  async #keep(digit) {
    const body = await this.picture();
    this.#show(await this.fetchJson(`corrections?${new URLSearchParams({ digit })}`, { method: "POST", body }),
      `Kept as a ${digit}, to be learned.`);
  }

  async #takeBack() {
    await this.fetchJson(`corrections/${this.kept.id}`, { method: "DELETE" });
    this.#show(null, "Taken back.");
  }

  async #try(work) {
    try { await work(); } catch (problem) { this.#show(this.kept, problem.message); }
  }

  #show(kept, words) {
    this.kept = kept;
    this.undo.hidden = !kept;
    this.place.querySelector(".kept").textContent = words;
    [...this.place.querySelectorAll(".digits button")].forEach((button, digit) => {
      button.setAttribute("aria-pressed", String(kept?.digit === digit));
    });
    if (words) this.speak(words);
  }
}
