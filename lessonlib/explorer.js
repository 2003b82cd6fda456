// The Explorer in the browser: pictures that are already here are swapped in at once.
// One drawing core (stage) serves two hosts: a widget with a kernel (default export), and a page
// without one (hydrate), into which lessonlib/explorer.py writes this whole file.
// A frame is [slots, sentence]: for each panel the numbers of its pieces, lowest first. Only pieces that differ are drawn.

const ID_PREFIX = "lesson-id-";
const QUIET_MS = 500; // a screen reader is told the result when the slider rests, not at every step
const AHEAD = 16; // pictures asked for in one message

// Prepare `el` for panels of the given sizes; return how to put a frame on them. `pieces` maps numbers to SVG.
function stage(el, panels, pieces) {
  const unique = `x${Math.random().toString(36).slice(2, 10)}`; // a page may hold the same picture twice
  el.classList.add("lesson-figure");
  el.innerHTML = `<div class="lesson-panels" role="img">${panels.map(({ viewBox, width }) =>
    `<svg aria-hidden="true" viewBox="${viewBox}" style="width:100%;flex:1 1 ${0.7 * width}px;max-width:${width}px"></svg>`).join("")}
    </div><p class="lesson-sentence" aria-hidden="true"></p><p class="lesson-status" role="status"></p>`;
  const [box, visible, status] = el.children;
  const shown = panels.map(() => []);
  let timer;
  function put(svg, i, numbers) {
    while (svg.children.length > numbers.length) svg.lastElementChild.remove();
    shown[i].length = svg.children.length;
    numbers.forEach((number, slot) => {
      if (shown[i][slot] === number) return;
      const group = svg.children[slot] ?? svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "g"));
      group.innerHTML = pieces.get(number).replaceAll(ID_PREFIX, `${unique}-${i}-`);
      shown[i][slot] = number;
    });
  }
  function say(sentence, aloud) {
    box.setAttribute("aria-label", sentence);
    visible.textContent = sentence;
    clearTimeout(timer);
    if (aloud) timer = setTimeout(() => (status.textContent = sentence), QUIET_MS);
  }
  return {
    show([slots, sentence], aloud = true) {
      slots.forEach((numbers, i) => put(box.children[i], i, numbers));
      box.removeAttribute("aria-busy");
      say(sentence, aloud);
    },
    have: (count) => (box.dataset.pictures = count), // how many pictures are here, for whoever looks on
    wait: () => box.setAttribute("aria-busy", "true"),
    close: () => clearTimeout(timer),
  };
}

// The number of a picture, from one position per slider (the last slider counts fastest), and back.
const pictureIndex = (digits, sizes) => digits.reduce((index, digit, i) => index * sizes[i] + digit, 0);

function digitsOf(index, sizes) {
  const digits = [];
  for (const size of [...sizes].reverse()) {
    digits.unshift(index % size);
    index = Math.floor(index / size);
  }
  return digits;
}

// Missing pictures, those a few steps of any slider away first.
function nearestMissing(frames, here, sizes) {
  const count = sizes.reduce((a, b) => a * b, 1);
  const steps = (index) => digitsOf(index, sizes).reduce((sum, digit, i) => sum + Math.abs(digit - here[i]), 0);
  const missing = [...Array(count).keys()].filter((index) => !frames.has(index)).map((index) => [steps(index), index]);
  return missing.sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, AHEAD).map(([, index]) => index);
}

// The native controls of an explorer: the numbers of their positions, which are also written beside them.
function sliders(box, axes) {
  const controls = [...box.querySelectorAll("input, select")];
  return {
    read: () => controls.map((control) => Number(control.type === "checkbox" ? control.checked : control.value)),
    put(digits) {
      controls.forEach((control, i) => {
        if (control.type === "checkbox") control.checked = digits[i] === 1;
        else control.value = digits[i];
        if (control.type !== "range") return;
        const text = axes[i].labels[digits[i]];
        control.setAttribute("aria-valuetext", text);
        control.parentElement.querySelector(".lesson-value").textContent = text;
      });
    },
  };
}

// ---- with a kernel: an anywidget, one call of this function per widget ----
export default () => {
  const frames = new Map(), pieces = new Map(), views = new Set();
  let model, asked = null; // the pictures that the kernel is working on

  const digits = () => model.get("here");
  const sizes = () => model.get("axes").map((axis) => axis.labels.length);
  const current = () => pictureIndex(digits(), sizes());

  function keep({ frames: fresh, pieces: new_pieces }) {
    for (const [number, svg] of new_pieces ?? []) pieces.set(number, svg);
    for (const [index, ...frame] of fresh ?? []) frames.set(index, frame);
  }

  function draw() {
    for (const view of views) view.draw(true);
    fetchMissing();
  }

  // One question is under way at a time, but a picture that is wanted now does not wait for others.
  function fetchMissing() {
    const now = current(), urgent = !frames.has(now) && !asked?.includes(now);
    if (!views.size || (asked && !urgent) || frames.size === sizes().reduce((a, b) => a * b, 1)) return;
    const want = model.get("ahead") ? nearestMissing(frames, digits(), sizes()) : urgent ? [now] : [];
    if (!want.length) return;
    asked = want;
    try { model.send({ want }); } catch { asked = null; } // no kernel: what is here still works
  }

  function receive(message) {
    keep(message);
    asked = null;
    for (const view of views) view.have(frames.size);
    if (message.frames?.some(([index]) => index === current())) draw();
    else setTimeout(fetchMissing);
  }

  return {
    initialize(host) {
      model = host.model;
      keep({ frames: model.get("frames"), pieces: model.get("pieces") });
      model.on("change:here", draw);
      model.on("msg:custom", receive);
      return () => { model.off("change:here", draw); model.off("msg:custom", receive); };
    },
    render({ el }) {
      el.classList.add("lesson-explorer");
      el.dataset.live = "";
      el.innerHTML = model.get("html");
      const controls = sliders(el, model.get("axes"));
      const view = stage(el.querySelector(".lesson-figure"), model.get("panels"), pieces);
      view.draw = (aloud) => {
        controls.put(digits());
        const frame = frames.get(current());
        frame ? view.show(frame, aloud) : view.wait();
      };
      el.addEventListener("input", () => {
        model.set("here", controls.read());
        model.save_changes();
      });
      views.add(view);
      view.have(frames.size);
      view.draw(false);
      setTimeout(fetchMissing, 100); // the page comes first
      return () => { views.delete(view); view.close(); };
    },
  };
};

// ---- without a kernel: beside a script element that holds every picture, or with the pictures from elsewhere as text ----
export async function hydrate(box, pictures = () => box.querySelector("script").textContent) {
  let moved = false; // before the pictures came: what they then show is news
  box.addEventListener("input", () => (moved = true), { once: true });
  const { panels, pieces, frames, axes } = JSON.parse(await pictures());
  const controls = sliders(box, axes);
  const view = stage(box.querySelector(".lesson-figure"), panels, new Map(pieces.entries()));
  function draw(aloud) {
    const digits = controls.read();
    controls.put(digits);
    const at = ({ argument, labels }, i) => `&${argument}=${encodeURIComponent(labels[digits[i]])}`;
    box.dataset.position = axes.map(at).join("");
    view.show(frames[pictureIndex(digits, axes.map((axis) => axis.labels.length))], aloud);
  }
  standAt(box, axes, controls);
  box.addEventListener("input", () => draw(true));
  draw(moved);
}

// An address that ends in "#epoch=40&wrong=0.10" puts the sliders of these names there, after "#name&" one explorer's.
function standAt(box, axes, controls) {
  const address = location.hash.slice(1), [name] = address.split("&");
  if (!name.includes("=") && name !== box.id) return;
  const values = new URLSearchParams(address);
  const digits = controls.read();
  controls.put(axes.map(({ argument, labels }, i) => {
    const named = labels.indexOf(values.get(argument));
    return named < 0 ? digits[i] : named;
  }));
}
