// Questions in a page without a kernel. lessonlib/questions.py writes the forms and this file beside them.
// Answers stay in this browser; without its storage (private windows) the forms still answer.

const PREFIX = "lesson-answer:";
const CHANGED = "lesson-answer"; // the event that a form sends when an answer was given

export function recall(name) {
  try { return JSON.parse(localStorage.getItem(PREFIX + name)); } catch { return null; }
}

function keep(name, answer) {
  try { localStorage.setItem(PREFIX + name, JSON.stringify(answer)); } catch { /* it is answered all the same */ }
  document.dispatchEvent(new CustomEvent(CHANGED, { detail: name }));
}

// The chosen confidence for the chosen option, the rest shared evenly, against what came true (Brier 1950).
export function brierScore(choice, confidence, outcome, count) {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const said = i === choice ? confidence : (1 - confidence) / (count - 1);
    sum += (said - (i === outcome ? 1 : 0)) ** 2;
  }
  return sum;
}

const readNumber = (text) => (text.trim() ? Number(text.replace(",", ".").replace("−", "-")) : NaN);

// What to say to an answer: words in front, a sentence, and for a check whether it is right.
const RIGHT = { right: true, word: "Right." }, WRONG = { right: false, word: "Not quite." };
const REPLIES = {
  choice: ({ right, feedback }, { given }) => ({ ...(given === right ? RIGHT : WRONG), sentence: feedback[given] }),
  number({ answer, tolerance, shown, hint, known }, { given }) {
    if (Math.abs(given - answer) <= tolerance) return { ...RIGHT, sentence: `It is ${shown}.` };
    const met = known.find(([mistake]) => Math.abs(given - mistake) <= tolerance);
    return { ...WRONG, sentence: met ? met[1] : hint };
  },
  item: ({ reply }) => ({ word: "Kept.", sentence: reply }),
  prediction: (page, { label }) => ({ word: "Kept:", sentence: `${label}. Now read on.` }),
};

function readForm(form, kind) {
  const chosen = form.querySelector("input:checked"), field = form.querySelector("input[type=text]");
  if (field) {
    const given = readNumber(field.value);
    return Number.isFinite(given) ? { given } : "Type a number first, such as 0.25.";
  }
  if (!chosen) return "Choose an answer first.";
  const given = Number(chosen.value);
  if (kind !== "prediction") return { given };
  const sure = form.querySelector("select"), said = chosen.parentElement.textContent.trim();
  return { given, confidence: Number(sure.value), label: `${said}, ${sure.selectedOptions[0].textContent}` };
}

function fillForm(form, { given, confidence }) {
  const field = form.querySelector("input[type=text]"), option = form.querySelector(`input[value="${given}"]`);
  if (field) field.value = given;
  else if (option) option.checked = true;
  if (confidence) form.querySelector("select").value = String(confidence);
}

function hydratePanel(form) {
  const bytes = Uint8Array.from(atob(form.dataset.page), (sign) => sign.charCodeAt(0));
  const page = JSON.parse(new TextDecoder().decode(bytes));
  const status = form.querySelector("[role=status]");
  // Questions that must be answered before this one is told its feedback, which would give them away.
  const waiting = new Set((page.together ?? []).filter((name) => !recall(name)));
  const before = new Set((page.after ?? []).filter((name) => !recall(name))); // it is shown when these are answered
  let answer = recall(page.name);
  function draw() {
    form.hidden = before.size > 0;
    if (!answer) return;
    if (page.after) form.querySelectorAll("fieldset, button").forEach((part) => (part.disabled = true));
    if (waiting.size) return (status.textContent = "Kept. The feedback comes when the whole case is answered.");
    const { right, word, sentence } = REPLIES[page.kind](page, answer), strong = document.createElement("strong");
    strong.textContent = word;
    if (right !== undefined) strong.dataset.verdict = right ? "right" : "wrong";
    status.replaceChildren(strong, ` ${sentence}`);
    // The outcome of a prediction appears as soon as it is kept: it cannot be changed any more.
    if (page.kind === "prediction") form.querySelectorAll("fieldset, button").forEach((part) => (part.disabled = true));
  }
  document.addEventListener(CHANGED, ({ detail }) => (waiting.delete(detail) | before.delete(detail)) && draw());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = readForm(form, page.kind);
    if (typeof given === "string") return (status.textContent = given);
    answer = given;
    draw();
    keep(page.name, { ...answer, right: REPLIES[page.kind](page, answer).right === true });
  });
  if (answer) fillForm(form, answer);
  draw();
}

function hydrateVerdict(line) {
  const { name, outcome, options } = line.dataset, count = Number(options);
  function draw() {
    const made = recall(name);
    if (!made) return (line.textContent = "You kept no prediction above.");
    const score = brierScore(made.given, made.confidence, Number(outcome), count);
    line.textContent = `You said ${made.label}. Your Brier score: ${score.toFixed(2)} ` +
      `(0 is perfect, an even guess gets ${((count - 1) / count).toFixed(2)}).`;
  }
  document.addEventListener(CHANGED, ({ detail }) => detail === name && draw());
  draw();
}

export function hydrate(box) {
  box.dataset.live = "";
  box.matches(".lesson-panel") ? hydratePanel(box) : hydrateVerdict(box);
}
