// Shows the answers: one card for each network.

export class Card {
  constructor(template, place) {
    this.card = template.content.firstElementChild.cloneNode(true);
    this.bars = this.card.querySelector(".bars");
    for (let digit = 0; digit < 10; digit += 1) this.bars.append(bar(digit));
    place.append(this.card);
  }

  remove() { this.card.remove(); }

  about(network) {
    const accuracy = network.test_accuracy;
    const score = accuracy == null ? "" : ` · ${(100 * accuracy).toFixed(2)} % of the test set`;
    this.#text(".network", `${network.name} · ${network.title ?? "a network"}${score}`);
  }

  clear() {
    this.#say("", "");
    this.card.className = "";
    this.#drawSeen(null);
    this.#fill(new Array(10).fill(0));
  }

  // Show an answer; return it in words.
  show(prediction) {
    this.card.className = prediction.status;
    const sure = percent(prediction.confidence);
    const state = prediction.status === "ok" ? sure : `unsure, ${sure}: ${prediction.detail}`;
    this.#say(prediction.digit ?? "–", state);
    if (prediction.seen) {
      this.#drawSeen(prediction.seen);
      this.#fill(prediction.seen.probabilities);
    }
    return `${prediction.digit ?? "nothing"}, ${state}`;
  }

  #say(digit, state) {
    this.#text(".digit", digit);
    this.#text(".state", state);
  }

  #text(selector, text) { this.card.querySelector(selector).textContent = text; }

  #drawSeen(seen) {
    const canvas = this.card.querySelector(".seen canvas");
    const context = canvas.getContext("2d");
    canvas.width = canvas.height = seen?.side ?? 28;
    if (!seen) return;
    const grey = Uint8Array.from(atob(seen.pixels), (letter) => letter.charCodeAt(0));
    const image = context.createImageData(seen.side, seen.side);
    grey.forEach((value, index) => image.data.set([value, value, value, 255], 4 * index));
    context.putImageData(image, 0, 0);
  }

  #fill(probabilities) {
    [...this.bars.children].forEach((row, digit) => {
      row.querySelector("meter").value = probabilities[digit];
      row.lastElementChild.textContent = percent(probabilities[digit]);
    });
  }
}

function bar(digit) {
  const row = document.createElement("li");
  const [name, meter, share] = ["span", "meter", "span"].map((tag) => document.createElement(tag));
  name.textContent = digit;
  meter.setAttribute("aria-label", `probability of ${digit}`);
  row.append(name, meter, share);
  return row;
}

// Rounded down: what is almost certain is not 100 %.
function percent(share) {
  return `${(Math.floor(1000 * share) / 10).toFixed(1)} %`;
}
