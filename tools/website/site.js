// What every page of the site does: pictures come when they are near, questions answer, the search searches.
import { hydrate as liveExplorer } from "./explorer.js";
import { hydrate as liveQuestion, recall } from "./questions.js";

const NEAR = "800px"; // pictures are fetched this far before they come into view

function liveExplorers() {
  const watch = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      watch.unobserve(target);
      liveExplorer(target).then(() => (target.dataset.live = ""));
    }
  }, { rootMargin: NEAR });
  for (const box of document.querySelectorAll(".lesson-explorer")) watch.observe(box);
}

// A picture that is wider than a phone scrolls in its frame; then the keyboard must be able to scroll it too.
function reachableFigures() {
  const watch = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      if (target.scrollWidth > target.clientWidth) {
        target.tabIndex = 0;
        target.setAttribute("role", "group");
        target.setAttribute("aria-label", "Picture, scrolls sideways");
      } else for (const name of ["tabindex", "role", "aria-label"]) target.removeAttribute(name);
    }
  });
  for (const figure of document.querySelectorAll(".lesson-figure")) watch.observe(figure);
}

// On a narrow screen the list of lessons starts closed: the lesson comes first.
function foldMenu() {
  const menu = document.querySelector('nav[aria-label="Lessons"] details');
  if (menu && matchMedia("(max-width: 60rem)").matches) menu.open = false;
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

// ---- search: every word must occur in a section, as the beginning of a word; headings count most ----
const wordsOf = (text) => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

export function search(sections, query) {
  const wanted = wordsOf(query);
  if (!wanted.length) return [];
  const score = (section) => {
    const heading = wordsOf(`${section.page} ${section.heading}`), text = wordsOf(section.text);
    let sum = 0;
    for (const word of wanted) {
      const hits = (words) => words.filter((other) => other.startsWith(word)).length;
      const found = 10 * hits(heading) + Math.min(hits(text), 9);
      if (!found) return 0;
      sum += found;
    }
    return sum;
  };
  return sections.map((section) => [score(section), section]).filter(([points]) => points)
    .sort((a, b) => b[0] - a[0]).slice(0, 30).map(([, section]) => section);
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
reachableFigures();
foldMenu();
showProgress();
document.querySelectorAll(".lesson-panel, .lesson-verdict").forEach(liveQuestion);
const results = document.querySelector("#results");
if (results) showSearch(results);
