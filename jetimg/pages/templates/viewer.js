// The page: what is shown, what changes it, and drawing it again.
const START_CUT = 0.3;
const MAX_ZOOM = 12;
const HINTS = {
  flat: "Drag or scroll to turn in φ; point at a hit for its energy.",
  round: "Drag to turn; point at a bar for its energy.",
};

const startState = (about) => ({
  about,
  hasFound: about.events.some(({ found }) => found !== null),
  number: 0,
  among: about.events.map((_, k) => k),
  on: about.channels.map(() => true),
  log: true,
  kinds: { true: true, found: true, classical: false },
  classes: about.classes.map(() => true),
  cut: START_CUT,
  round: false,
  yaw: -0.5,
  lit: null,
});

const wholeView = (state) => Object.assign(state, { zoom: 1, eta: state.about.n_eta / 2, phi: state.about.n_phi / 2 });

const run = async () => {
  const { about, hits } = await load();
  const state = wholeView(startState(about));
  const canvas = $("plane");
  let colours = readColours(about);
  let drawn = null;
  let waiting = false;

  const draw = () => {
    waiting = false;
    if (!state.hits) return;
    drawn = state.round ? drawCylinder(state, canvas, colours) : drawPlane(state, canvas, colours);
  };
  const later = () => {
    if (!waiting) requestAnimationFrame(draw);
    waiting = true;
  };
  const repaint = () => {
    state.layers = layersOf(state);
    later();
  };
  const update = () => {
    state.compared = state.event.found ? compare(state.event, state.cut, about.n_phi) : null;
    fillTables(state, colours);
    fillCounts(state);
    paintScales(state, colours);
    repaint();
  };

  // Events.
  let asked = 0;
  const show = async (number) => {
    const turn = ++asked;
    const unpacked = await hits(number);
    if (turn !== asked) return; // another one was asked for meanwhile
    Object.assign(state, { number, event: about.events[number], hits: unpacked, lit: null });
    const at = state.among.indexOf(number);
    $("event").value = String(at);
    $("position").textContent = `${at + 1} of ${state.among.length}`;
    $("event").setAttribute("aria-valuetext", `${state.event.sample}, ${at + 1} of ${state.among.length}`);
    $("tip").hidden = true;
    history.replaceState(null, "", `#event=${number + 1}`);
    describe(state);
    update();
    canvas.setAttribute("aria-label", `Image of an event: ${$("what").textContent}. ${$("from").textContent}`);
  };
  const go = (at) => show(state.among[Math.max(0, Math.min(state.among.length - 1, at))]);
  const step = (by) => go(state.among.indexOf(state.number) + by);
  const filter = (sample) => {
    state.among = about.events.flatMap((event, k) => (!sample || event.sample === sample ? [k] : []));
    $("event").max = String(state.among.length - 1);
    return go(Math.max(0, state.among.indexOf(state.number)));
  };

  // Switches.
  const press = (id, on) => $(id).setAttribute("aria-pressed", String(on));
  const setLog = (log) => {
    state.log = log;
    press("log", log);
    press("linear", !log);
    paintScales(state, colours);
    repaint();
  };
  const setRound = (round) => {
    state.round = round;
    press("flat", !round);
    press("round", round);
    $("hint").textContent = round ? HINTS.round : HINTS.flat;
    $("tip").hidden = true;
    later();
  };
  const setCut = (cut) => {
    state.cut = Math.max(0, Math.min(1, Math.round(cut * 100) / 100));
    $("cut").value = String(state.cut);
    update();
  };
  const zoom = (by) => {
    state.zoom = Math.max(1, Math.min(MAX_ZOOM, state.zoom * by));
    if (state.zoom === 1) state.eta = about.n_eta / 2;
    keepInside();
    later();
  };
  const keepInside = () => {
    const half = about.n_eta / 2 / state.zoom;
    state.eta = Math.max(half, Math.min(about.n_eta - half, state.eta));
    state.phi -= about.n_phi * Math.floor(state.phi / about.n_phi);
  };
  const turn = (phi, eta = 0) => {
    state.phi += phi;
    state.eta += eta;
    keepInside();
    later();
  };

  // The pointer.
  const point = (event) => {
    const area = canvas.getBoundingClientRect();
    return { x: event.clientX - area.left, y: event.clientY - area.top };
  };
  const held = new Map();
  let apart = 0;
  canvas.addEventListener("pointerdown", (event) => {
    held.set(event.pointerId, point(event));
    canvas.setPointerCapture(event.pointerId);
    canvas.classList.add("dragged");
    apart = spread(held);
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = point(event);
    const before = held.get(event.pointerId);
    if (!before) return tell(state, drawn, now);
    held.set(event.pointerId, now);
    $("tip").hidden = true;
    if (held.size === 2) {
      zoom(spread(held) / (apart || 1));
      apart = spread(held);
    } else if (state.round) {
      state.yaw += (now.x - before.x) / 180;
      turn((before.y - now.y) / 2);
    } else {
      turn((now.y - before.y) / drawn.scale, (before.x - now.x) / drawn.scale);
    }
  });
  const release = (event) => {
    if (event.pointerType !== "mouse" && held.size === 1 && event.type === "pointerup") tell(state, drawn, point(event));
    held.delete(event.pointerId);
    canvas.classList.remove("dragged");
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => ($("tip").hidden = true));
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (event.ctrlKey) zoom(Math.exp(-event.deltaY / 100));
      else turn(-event.deltaY / 8 / state.zoom, event.deltaX / 8 / state.zoom);
      $("tip").hidden = true;
    },
    { passive: false },
  );

  // Keys.
  const toggle = (id) => $(id)?.click();
  const keys = {
    ArrowLeft: () => step(-1),
    ArrowRight: () => step(1),
    Home: () => go(0),
    End: () => go(state.among.length - 1),
    "+": () => zoom(1.5),
    "=": () => zoom(1.5),
    "-": () => zoom(1 / 1.5),
    0: () => (wholeView(state), later()),
    l: () => setLog(!state.log),
    c: () => setRound(!state.round),
    t: () => toggle("kind-true"),
    d: () => toggle("kind-found"),
    b: () => toggle("kind-classical"),
    "[": () => setCut(state.cut - 0.05),
    "]": () => setCut(state.cut + 0.05),
    "?": () => $("help").showModal(),
  };
  about.channels.forEach((_, k) => (keys[k + 1] = () => toggle(`channel-${k}`)));
  document.addEventListener("keydown", (event) => {
    const own = event.target.matches("input[type=range], select") && /^(Arrow|Home|End|Page)/.test(event.key);
    if (own || event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
    const onCanvas = event.target === canvas;
    const turns = onCanvas && { ArrowUp: 8, ArrowDown: -8 }[event.key];
    const act = turns ? () => turn(turns) : keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // Buttons, sliders, tables.
  const clicks = {
    previous: () => step(-1),
    next: () => step(1),
    log: () => setLog(true),
    linear: () => setLog(false),
    flat: () => setRound(false),
    round: () => setRound(true),
    in: () => zoom(1.5),
    out: () => zoom(1 / 1.5),
    whole: keys[0],
    keys: keys["?"],
    theme: theme.toggle,
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  $("event").addEventListener("input", () => go(Number($("event").value)));
  $("cut").addEventListener("input", () => setCut(Number($("cut").value)));
  $("sample").addEventListener("change", () => filter($("sample").value));
  for (const id of ["true", "found"]) {
    $(id).addEventListener("pointerover", (event) => light(state, event.target.closest("tr")?.dataset.row ?? null, later));
    $(id).addEventListener("pointerleave", () => light(state, null, later));
    $(id).addEventListener("click", (event) => centre(state, event.target.closest("tr")?.dataset.row, turn));
  }
  theme.onChange(() => {
    colours = readColours(about);
    update();
  });
  new ResizeObserver(later).observe($("plot"));
  window.addEventListener("resize", later);
  window.addEventListener("hashchange", () => fromHash());

  const fromHash = () => {
    const asked = Number(/event=(\d+)/.exec(location.hash)?.[1] ?? 1) - 1;
    const wanted = about.events[asked] ? asked : 0;
    if (wanted !== state.number || !state.hits) return show(wanted);
  };

  const samples = [...new Set(about.events.map(({ sample }) => sample))];
  const option = (value, textContent) => make("option", { value, textContent });
  $("sample").replaceChildren(option("", "all samples"), ...samples.map((name) => option(name, name)));
  $("event").max = String(about.events.length - 1);
  $("meaning").textContent =
    `${about.network}. Right: the class of a true jet, and an overlap (IoU) of ${MIN_IOU} or more; each jet is found once.`;
  $("hint").textContent = HINTS.flat;
  buildSwitches(state, update);
  buildClasses(state, colours, update);
  await fromHash();
  document.documentElement.dataset.ready = "yes";
};

const spread = (held) => {
  const [one, two] = [...held.values()];
  return two ? Math.hypot(one.x - two.x, one.y - two.y) : 0;
};

const light = (state, row, redraw) => {
  if (state.lit === row) return;
  state.lit = row;
  redraw();
};

// Turns the picture so that a jet of a table stands in its middle.
const centre = (state, id, turn) => {
  if (!id) return;
  const [kind, row] = id.split("-");
  const { box } = kind === "true" ? state.event.true[row] : state.compared.found[row].jet;
  turn((box[1] + box[3]) / 2 - state.phi, state.zoom > 1 ? (box[0] + box[2]) / 2 - state.eta : 0);
};

// What lies under the pointer: the nearest hits of the channels that are on.
const REACH = 9;

const pixelUnder = (state, drawn, { x, y }) => {
  if (state.round) {
    let [best, nearest] = [null, REACH];
    for (const { tip, foot, flat } of drawn.tips) {
      const away = Math.min(Math.hypot(tip.x - x, tip.y - y), Math.hypot(foot.x - x, foot.y - y));
      if (foot.far > 0 && away < nearest) [best, nearest] = [flat, away];
    }
    return best;
  }
  const { frame } = drawn;
  if (x < frame.x || x > frame.x + frame.width || y < frame.y || y > frame.y + frame.height) return null;
  const nPhi = state.about.n_phi;
  let [best, nearest] = [null, REACH];
  state.hits.forEach(({ pixel }, channel) => {
    if (!state.on[channel]) return;
    for (const flat of pixel) {
      const row = Math.floor(flat / nPhi);
      const away = Math.hypot(drawn.x(row + 0.5) - x, drawn.y(flat - row * nPhi + 0.5) - y);
      if (away < nearest) [best, nearest] = [flat, away];
    }
  });
  return best;
};

const tell = (state, drawn, at) => {
  const tip = $("tip");
  const flat = state.hits && drawn ? pixelUnder(state, drawn, at) : null;
  tip.hidden = flat === null;
  if (flat === null) return;
  const { about } = state;
  const row = Math.floor(flat / about.n_phi);
  const [eta, phi] = [etaAt(about, row + 0.5), phiAt(about, flat - row * about.n_phi + 0.5)];
  const lines = about.channels.flatMap(({ title }, channel) => {
    const k = state.hits[channel].pixel.indexOf(flat);
    if (k < 0 || !state.on[channel]) return [];
    const value = state.hits[channel].value[k];
    return [make("div", {}, make("span", { textContent: title }), make("b", { textContent: `${value.toPrecision(3)} GeV` }))];
  });
  tip.replaceChildren(make("div", { textContent: `η ${number(eta, 3)}, φ ${number(phi, 3)}` }), ...lines);
  const space = tip.parentElement.clientWidth;
  tip.style.left = `${Math.max(4, Math.min(at.x + 22, space - tip.offsetWidth - 4))}px`;
  tip.style.top = `${at.y > tip.offsetHeight + 20 ? at.y - tip.offsetHeight - 12 : at.y + 18}px`;
};

run().catch((error) => {
  $("fault").textContent = `This page cannot be shown: ${error.message}`;
  $("fault").hidden = false;
  throw error;
});
