// What every page of the site does: pictures come when they are near and play, questions answer, the search searches.
import { hydrate as liveExplorer } from "./explorer.js";
import { hydrate as liveQuestion, recall } from "./questions.js";

const NEAR = "800px"; // pictures are fetched this far before they come into view
const STEP_MS = 250; // of a slider that plays

// The pictures of an explorer, as text. Their file is compressed once for all, whatever a server does.
async function picturesOf(box) {
  const answer = await fetch(box.querySelector("script").dataset.src);
  if (!answer.ok) throw new Error(answer.status);
  return new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))).text();
}

const coming = new Map(); // explorers whose pictures are on their way, or here
function fetchPictures(box) {
  if (!coming.has(box)) coming.set(box, picturesOf(box));
  return coming.get(box);
}

async function wake(box, next) {
  const news = box.querySelector(".lesson-controls").appendChild(document.createElement("p"));
  news.className = "lesson-news";
  const sign = setTimeout(() => { news.textContent = "Loading the pictures …"; box.dataset.loading = ""; }, 300);
  try {
    await liveExplorer(box, () => fetchPictures(box));
    news.remove();
    play(box);
    box.addEventListener("input", () => writeAddress(box));
    box.dataset.live = "";
    if (next) fetchPictures(next).catch(() => coming.delete(next));
  } catch {
    coming.delete(box);
    news.textContent = "The pictures did not come. ";
    const again = news.appendChild(document.createElement("button"));
    again.textContent = "Try again";
    again.onclick = () => { news.remove(); wake(box, next); };
  } finally {
    clearTimeout(sign);
    delete box.dataset.loading;
  }
}

// A button moves the longest slider through its positions; whoever touches the explorer stops it.
function play(box) {
  const sliders = [...box.querySelectorAll("input[type=range]")].sort((a, b) => b.max - a.max);
  if (!sliders.length || sliders[0].max < 4) return;
  const slider = sliders[0], button = document.createElement("button");
  let clock;
  const stop = () => { clearInterval(clock); clock = null; button.textContent = "▶ Play"; };
  const step = () => {
    slider.value = Number(slider.value) + 1;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    if (slider.value === slider.max) stop();
  };
  button.type = "button";
  button.onclick = () => {
    if (clock) return stop();
    if (slider.value === slider.max) slider.value = -1;
    button.textContent = "❚❚ Stop";
    clock = setInterval(step, STEP_MS);
    step();
  };
  box.addEventListener("input", (event) => event.isTrusted && stop());
  slider.parentElement.after(button);
  stop();
}

// "#what-decides&cell=3" names an explorer and where its sliders stand; explorer.js reads it.
let writing;
function writeAddress(box) {
  clearTimeout(writing);
  writing = setTimeout(() => history.replaceState(null, "", `#${box.id}${box.dataset.position}`), 400);
}

function goToAddress() {
  const [name, position] = location.hash.slice(1).split("&", 2);
  if (position) document.getElementById(name)?.scrollIntoView();
}

function liveExplorers() {
  const boxes = [...document.querySelectorAll(".lesson-explorer")];
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      wake(target, boxes[boxes.indexOf(target) + 1]);
    }
  }, { rootMargin: NEAR });
  for (const box of boxes) watch.observe(box);
}

// What is wider than a phone scrolls in its frame; then the keyboard must be able to scroll it too.
function reachable() {
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) {
        target.tabIndex = 0;
        target.setAttribute("role", "group");
        target.setAttribute("aria-label", target.tagName === "PRE" ? "Text, scrolls sideways" : "Picture, scrolls sideways");
      } else for (const name of ["tabindex", "role", "aria-label"]) target.removeAttribute(name);
    }
  });
  for (const frame of document.querySelectorAll(".lesson-figure, main pre")) watch.observe(frame);
}

// On a narrow screen the lists start closed: the page comes first.
function foldMenu() {
  if (!matchMedia("(max-width: 60rem)").matches) return;
  for (const menu of document.querySelectorAll(".side details")) menu.open = false;
}

// The section in view is marked in the contents.
function markSection() {
  const links = new Map([...document.querySelectorAll(".side .contents a")].map((link) => [link.hash.slice(1), link]));
  const headings = [...document.querySelectorAll("main h2")].filter((heading) => links.has(heading.id));
  const mark = () => {
    const now = headings.findLast((heading) => heading.getBoundingClientRect().top < innerHeight / 3);
    for (const [name, link] of links) name === now?.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
  };
  addEventListener("scroll", () => requestAnimationFrame(mark), { passive: true });
  mark();
}

function switchTheme() {
  const dark = getComputedStyle(document.documentElement).getPropertyValue("color-scheme") === "dark"
    || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", document.documentElement.dataset.theme); } catch { /* refused: for this page only */ }
}

// How far the reader has come, beside each lesson of the map.
function showProgress() {
  for (const cell of document.querySelectorAll("[data-questions]")) {
    const questions = JSON.parse(cell.dataset.questions);
    const answers = questions.map(([kind, name]) => [kind, recall(name)]).filter(([, answer]) => answer);
    const right = answers.filter(([, answer]) => answer.right).length;
    cell.textContent = answers.length ? `${answers.length} of ${questions.length} answered, ${right} right` : "–";
  }
}

// ---- search: words as people ask them; those of one line mean the same. Headings count most, rare words more ----
const SAME = `rise rises rising rose increase increases increasing increased up grows growing higher climbs
fall falls falling fell decrease decreases decreasing drop drops down lower
stuck plateau plateaus flat stagnates stagnating improving
nan inf infinity diverges exploding
overfitting overfit overfits overfitted memorise memorize overtraining
fluctuates fluctuate fluctuating fluctuation jump jumps jumpy oscillates unstable noisy noise spikes
accuracy acc
validation val held
confident confidence overconfident overconfidence sure surer calibration calibrated
temperature scaling
finetuning finetune fine
gpt llama llm lora perplexity language
crossentropyloss softmax
majority imbalance always
checkpoint checkpoints save keep
significant significance paired
large size many examples
imbalance imbalanced unbalanced skewed
rate lr`.split("\n").map((line) => line.split(" "));
const LEFT_OUT = new Set(("a after am an and are as at be becomes but by can do does during epoch epochs few for from get gets go goes going "
  + "has have how i if in is it its keep keeps me my not of on only or should so start starts than that the then there this to too "
  + "was what when which while why with would you your").split(" "));
const wordsOf = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
const meanings = (word) => [word, ...SAME.filter((line) => line.includes(word)).flat()];

export function search(sections, query) {
  const words = wordsOf(query), asked = words.filter((word) => !LEFT_OUT.has(word) && !/^\d{1,2}$/.test(word));
  const wanted = [...new Set(asked.length ? asked : words)].map(meanings);
  if (!wanted.length) return [];
  const parts = sections.map(({ page, heading, text }) => [heading, page, text].map(wordsOf));
  const long = parts.map(([, , text]) => text.length > 300); // lists of everything hold every word
  const count = (words, same, most) => Math.min(most, words.filter((word) => same.some((other) => word.startsWith(other))).length);
  const points = wanted.map((same) => {
    const each = parts.map(([heading, page, text], i) =>
      5 * count(heading, same, 2) + 2 * count(page, same, 2) + count(text, same, 5) / (long[i] ? 2 : 1));
    const rare = Math.log(1 + sections.length / (1 + each.filter(Boolean).length));
    return each.map((sum) => sum && (3 + sum) * rare);
  });
  const matched = sections.map((_, i) => points.filter((sums) => sums[i]).length);
  const enough = Math.min(Math.ceil(wanted.length * 0.7), Math.max(...matched)); // else what has most of the words
  const found = sections.map((section, i) => {
    const each = points.map((sums) => sums[i]).filter(Boolean);
    if (!each.length || each.length < enough) return [0, section];
    // A heading about little else than what is asked for says that the section is about it.
    const named = parts[i][0].filter((word) => !LEFT_OUT.has(word));
    const about = named.filter((word) => wanted.flat().some((other) => word.startsWith(other))).length / (named.length || 1);
    // The answer before its reasons, and these before what practises or lists them.
    const first = section.file === "index.html" && !long[i] ? 2.4 : 1;
    const last = /^(exercise_|gallery|misconceptions|claim-index|teachers-guide|predictions|reader-accuracy)/.test(section.file) ? 0.5 : 1;
    return [first * last * (1 + about) * each.reduce((a, b) => a + b) * (each.length / wanted.length) ** 2, section];
  });
  return found.filter(([sum]) => sum).sort((a, b) => b[0] - a[0]).slice(0, 30).map(([, section]) => section);
}

function excerpt(text, query) {
  const found = wordsOf(query).map((word) => text.toLowerCase().indexOf(word)).filter((at) => at >= 0);
  const start = Math.max(0, Math.min(...(found.length ? found : [0])) - 60);
  return (start ? "… " : "") + text.slice(start, start + 200) + (text.length > start + 200 ? " …" : "");
}

async function showSearch(box) {
  const query = new URLSearchParams(location.search).get("q") ?? "";
  document.querySelector("input[type=search]").value = query;
  const status = box.querySelector("[role=status]");
  if (!query.trim()) return (status.textContent = "Type a word into the field at the top.");
  const found = search(await (await fetch("search.json")).json(), query);
  status.textContent = `${found.length || "No"} ${found.length === 1 ? "section" : "sections"} for “${query}”.`;
  for (const { file, anchor, page, heading, text } of found) {
    const item = document.createElement("li"), link = document.createElement("a"), said = document.createElement("p");
    link.href = `${file}#${anchor}`;
    link.textContent = heading === page ? page : `${page}: ${heading}`;
    said.textContent = excerpt(text, query);
    item.append(link, said);
    box.querySelector("ol").append(item);
  }
}

liveExplorers();
reachable();
foldMenu();
markSection();
showProgress();
document.querySelector("#theme").addEventListener("click", switchTheme);
document.querySelectorAll(".lesson-panel, .lesson-verdict").forEach(liveQuestion);
addEventListener("hashchange", goToAddress);
goToAddress();
const results = document.querySelector("#results");
if (results) showSearch(results);
