// The Explorer in the browser: pictures that are already here are swapped in at once.
// One drawing core (stage) serves two hosts: a widget with a kernel (default export), and a page
// without one (hydrate), into which lessonlib/explorer.py writes this whole file.

const ID_PREFIX = "lesson-id-";
const QUIET_MS = 500; // a screen reader is told the result when the slider rests, not at every step
const AHEAD = 16; // pictures asked for in one message

// Draw the background into `el`; return how to put a frame [svg, sentence] on it.
function stage(el, { background, viewBox, width }) {
  const unique = `x${Math.random().toString(36).slice(2, 10)}-`; // a page may hold the same picture twice
  const own = (svg) => svg.replaceAll(ID_PREFIX, unique);
  el.classList.add("lesson-figure");
  el.innerHTML = `<svg role="img" viewBox="${viewBox}" style="width:100%;max-width:${width}px">
    ${own(background)}<g class="lesson-moving"></g></svg>
    <p class="lesson-sentence" aria-hidden="true"></p><p class="lesson-status" role="status"></p>`;
  const [svg, visible, status] = el.children;
  let timer;
  function say(sentence, aloud) {
    svg.setAttribute("aria-label", sentence);
    visible.textContent = sentence;
    clearTimeout(timer);
    if (aloud) timer = setTimeout(() => (status.textContent = sentence), QUIET_MS);
  }
  return {
    show([fragment, sentence], aloud = true) {
      svg.lastElementChild.innerHTML = own(fragment);
      svg.removeAttribute("aria-busy");
      say(sentence, aloud);
    },
    have: (count) => (svg.dataset.pictures = count), // how many pictures are here, for whoever looks on
    wait: () => svg.setAttribute("aria-busy", "true"),
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

// ---- with a kernel: an anywidget, one call of this function per Picture ----
export default () => {
  const frames = new Map(), stages = new Set();
  let model, asked = null; // the pictures that the kernel is working on

  const digits = () => model.get("axes").map(({ start, step, labels }, i) => {
    const digit = Math.round((Number(model.get(`slider_${i}`)) - start) / step);
    return Math.min(Math.max(digit, 0), labels.length - 1);
  });
  const sizes = () => model.get("axes").map((axis) => axis.labels.length);
  const current = () => pictureIndex(digits(), sizes());

  function draw() {
    const frame = frames.get(current());
    for (const stage of stages) frame ? stage.show(frame) : stage.wait();
    nameSliders();
    fetchMissing();
  }

  // One question is under way at a time, but a picture that is wanted now does not wait for others.
  function fetchMissing() {
    const now = current(), urgent = !frames.has(now) && !asked?.includes(now);
    if (!stages.size || (asked && !urgent) || frames.size === sizes().reduce((a, b) => a * b, 1)) return;
    const want = model.get("ahead") ? nearestMissing(frames, digits(), sizes()) : urgent ? [now] : [];
    if (!want.length) return;
    asked = want;
    try { model.send({ want }); } catch { asked = null; } // no kernel: what is here still works
  }

  function receive({ frames: fresh }) {
    for (const [index, ...frame] of fresh ?? []) frames.set(index, frame);
    asked = null;
    for (const stage of stages) stage.have(frames.size);
    if (fresh?.some(([index]) => index === current())) draw();
    else setTimeout(fetchMissing);
  }

  // ipywidgets gives its slider handle no accessible name, and for a list only the number of the entry.
  async function nameSliders() {
    const at = digits();
    for (const [i, { name, labels }] of model.get("axes").entries()) {
      try {
        const slider = await model.widget_manager.get_model(model.get("sliders")[i].replace("IPY_MODEL_", ""));
        for (const view of await Promise.all(Object.values(slider.views ?? {}))) {
          const handle = view.el.querySelector(".noUi-handle");
          handle?.setAttribute("aria-label", name);
          handle?.setAttribute("aria-valuetext", labels[at[i]]);
        }
      } catch { return; } // another host's widget manager: the visible label must do
    }
  }

  return {
    initialize(host) {
      model = host.model;
      for (const [index, ...frame] of model.get("frames")) frames.set(index, frame);
      const events = model.get("axes").map((_, i) => `change:slider_${i}`);
      for (const event of events) model.on(event, draw);
      model.on("msg:custom", receive);
      return () => { for (const event of events) model.off(event, draw); model.off("msg:custom", receive); };
    },
    render({ el }) {
      const view = stage(el, model.get("picture"));
      stages.add(view);
      view.have(frames.size);
      const frame = frames.get(current());
      frame ? view.show(frame, false) : view.wait();
      nameSliders();
      setTimeout(fetchMissing, 100); // the page comes first
      return () => { stages.delete(view); view.close(); };
    },
  };
};

// ---- without a kernel: native controls beside a script element that holds every picture, or names its file ----
export async function hydrate(box) {
  const data = box.querySelector("script");
  let moved = false; // before the pictures came: what they then show is news
  box.addEventListener("input", () => (moved = true), { once: true });
  const text = data.dataset.src ? await (await fetch(data.dataset.src)).text() : data.textContent;
  const { picture, frames, axes } = JSON.parse(text);
  const controls = [...box.querySelectorAll("input, select")];
  const view = stage(box.querySelector(".lesson-figure"), picture);
  const digit = (control) => control.type === "checkbox" ? Number(control.checked) : Number(control.value);
  function draw(aloud) {
    controls.forEach((control, i) => {
      if (control.type !== "range") return;
      const text = axes[i].labels[digit(control)];
      control.setAttribute("aria-valuetext", text);
      control.parentElement.querySelector(".lesson-value").textContent = text;
    });
    view.show(frames[pictureIndex(controls.map(digit), axes.map((axis) => axis.labels.length))], aloud);
  }
  box.addEventListener("input", () => draw(true));
  draw(moved);
}
