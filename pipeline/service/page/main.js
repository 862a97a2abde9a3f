// Sends the picture whenever it has changed, one request at a time, and shows the answers.

import { Card } from "./answers.js";
import { Corrections } from "./corrections.js";
import { Sheet } from "./sheet.js";

const find = (id) => document.getElementById(id);
const cards = [{ network: null, card: new Card(find("answer"), find("answers")) }];
const sheet = new Sheet(find("drawing"), changed);
const corrections = new Corrections(find("correcting"), () => sheet.blob(), fetchJson,
  (words) => { find("spoken").textContent = words; });
let isAsking = false;
let isStale = false;

function changed() {
  find("hint").hidden = !sheet.isEmpty;
  find("undo").disabled = find("clear").disabled = sheet.isEmpty;
  corrections.renew(sheet.mode === "digit" && !sheet.isEmpty);
  isStale = true;
  if (!isAsking) ask();
}

async function ask() {
  isAsking = true;
  while (isStale) {
    isStale = false;
    if (sheet.isEmpty) clearAll();
    else await showAnswers(await sheet.blob());
  }
  isAsking = false;
}

function clearAll() {
  cards.forEach(({ card }) => card.clear());
  find("problem").textContent = "";
}

async function showAnswers(blob) {
  const words = await Promise.all(cards.map((each) => showAnswer(each, blob)));
  if (!isStale) find("spoken").textContent = words.filter(Boolean).join("; ");
}

async function showAnswer({ network, card }, blob) {
  try {
    const query = new URLSearchParams({ mode: sheet.mode, seen: true });
    if (network) query.set("network", network);
    const answers = await fetchJson(`read?${query}`, { method: "POST", body: blob });
    find("problem").textContent = "";
    if (sheet.isEmpty) return "";
    const [prediction] = answers.predictions;
    card.about(answers.network);
    if (prediction.boxes && card === cards[0].card && !isStale) {
      sheet.showBoxes(prediction.boxes, prediction.size);
    }
    return card.show(prediction);
  } catch (problem) {
    find("problem").textContent = problem.message;
    return problem.message;
  }
}

// A service that has just started, or has too much to do, says when to come again.
async function fetchJson(address, options, patience = 60) {
  const response = await fetch(address, options).catch(() => {
    throw new Error("The service does not answer; is it still running?");
  });
  if (response.status === 503 && patience) {
    await new Promise((done) => setTimeout(done, 1000 * response.headers.get("Retry-After")));
    return fetchJson(address, options, patience - 1);
  }
  const content = await response.json();
  if (!response.ok) throw new Error(content.error);
  return content;
}

async function open(file) {
  if (!file) return;
  try {
    const picture = await createImageBitmap(file);
    sheet.clear();
    sheet.add(picture, file);
  } catch {
    find("problem").textContent = `${file.name || "This"} is not a picture that the browser can show.`;
  }
}

async function compare(name) {
  cards.splice(1).forEach(({ card }) => card.remove());
  find("problem").textContent = "";
  if (!name) return;
  try {
    const network = await fetchJson(`version?${new URLSearchParams({ network: name })}`);
    const card = new Card(find("answer"), find("answers"));
    card.about(network);
    card.clear();
    cards.push({ network: name, card });
    if (!sheet.isEmpty) changed();
  } catch (problem) {
    find("problem").textContent = problem.message;
  }
}

async function begin() {
  changed();
  find("undo").addEventListener("click", () => sheet.undo());
  find("clear").addEventListener("click", () => sheet.clear());
  find("other").addEventListener("change", (event) => compare(event.target.value.trim()));
  find("mode").addEventListener("change", (event) => {
    document.body.className = event.target.value;
    sheet.setMode(event.target.value);
  });
  for (const [button, id] of [["upload", "file"], ["photograph", "photo"]]) {
    find(button).addEventListener("click", () => find(id).click());
    find(id).addEventListener("change", (event) => { open(event.target.files[0]); event.target.value = ""; });
  }
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "other") return;
    if (event.key === "z" && (event.ctrlKey || event.metaKey)) sheet.undo();
    if (event.key === "Escape") sheet.clear();
  });
  document.addEventListener("paste", (event) => open(event.clipboardData.files[0]));
  document.addEventListener("dragover", (event) => { event.preventDefault(); find("paper").classList.add("over"); });
  document.addEventListener("dragleave", () => find("paper").classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    find("paper").classList.remove("over");
    open(event.dataTransfer.files[0]);
  });
  try {
    cards[0].card.about(await fetchJson("version"));
    for (const name of (await fetchJson("networks")).names) {
      find("networks").append(Object.assign(document.createElement("option"), { value: name }));
    }
  } catch (problem) {
    find("problem").textContent = problem.message;
  }
}

begin();
