// Colours of the theme, and how a value becomes one.
const LEVELS = 14;

const rgb = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
const mixed = (one, two, share) => `rgb(${one.map((part, k) => Math.round(part + (two[k] - part) * share)).join(" ")})`;

// Channels of no known name take the colours of the first.
const KNOWN = ["tracker", "ecal", "hcal"];

const readColours = (about) => {
  const style = getComputedStyle(document.documentElement);
  const get = (name) => style.getPropertyValue(`--${name}`).trim();
  const ramp = ({ name }) => {
    const known = KNOWN.includes(name) ? name : KNOWN[0];
    const [low, high] = [rgb(get(`${known}-low`)), rgb(get(`${known}-high`))];
    return Array.from({ length: LEVELS }, (_, k) => mixed(low, high, k / (LEVELS - 1)));
  };
  const modulo = (id) => id % 6; // as many colours as jetimg/plotting/figures.py has
  return {
    get,
    ramps: about.channels.map(ramp),
    ofClass: (id) => get(`class-${modulo(id)}`),
    inkOf: (id) => get(`ink-${modulo(id)}`),
  };
};

// 0 to LEVELS - 1, by the channel's own scale.
const levelOf = (value, [faint, bright], log) => {
  const share = log ? Math.log(value / faint) / Math.log(bright / faint) : value / bright;
  return Math.max(0, Math.min(LEVELS - 1, Math.round(share * (LEVELS - 1))));
};

// Hits of the channels that are on, by level: the brightest are drawn last, on top.
const layersOf = (state) => {
  const layers = Array.from({ length: LEVELS }, () => state.about.channels.map(() => []));
  const order = state.about.channels.map((_, channel) => channel).reverse();
  for (const channel of order.filter((one) => state.on[one])) {
    const { pixel, value } = state.hits[channel];
    const { scale } = state.about.channels[channel];
    for (let k = 0; k < pixel.length; k++) layers[levelOf(value[k], scale, state.log)][channel].push(k);
  }
  return { layers, order };
};

// Boxes to draw, the most interesting last. A true jet that is found is a full line, a missed one is hatched too;
// a detection is dashed, a wrong one hatched too.
const boxesOf = (state) => {
  const boxes = [];
  const shown = ({ class_id }) => state.classes[class_id];
  if (state.kinds.classical) {
    for (const jet of state.event.classical.filter(shown)) boxes.push({ kind: "classical", jet, id: null });
  }
  if (state.kinds.true) {
    state.event.true.forEach((jet, row) => {
      if (!shown(jet)) return;
      const missed = Boolean(state.compared) && state.kinds.found && !state.compared.finder[row];
      boxes.push({ kind: "true", jet, id: `true-${row}`, bad: missed, text: missed ? "missed " : "" });
    });
  }
  if (state.compared && state.kinds.found) {
    state.compared.found.forEach(({ jet, verdict }, row) => {
      const bad = verdict !== "right";
      if (shown(jet)) boxes.push({ kind: "found", jet, id: `found-${row}`, bad, text: bad ? "✗ " : "✓ " });
    });
  }
  return boxes;
};

const labelOf = (state, { kind, jet, text }) => {
  const name = state.about.classes[jet.class_id];
  if (kind === "found") return `${text}${name} ${jet.score.toFixed(2)}`;
  return `${text}${name} ${Math.round(jet.pt)}`;
};

// Pixels from line to line.
const HATCH = 12;

const hatch = (context, colour) => {
  const tile = document.createElement("canvas");
  tile.width = tile.height = HATCH;
  const lines = tile.getContext("2d");
  lines.strokeStyle = colour;
  lines.globalAlpha = 0.5;
  lines.lineWidth = 1.2;
  lines.beginPath();
  for (const from of [-HATCH, 0, HATCH]) {
    lines.moveTo(from - 1, HATCH + 1);
    lines.lineTo(from + HATCH + 1, -1);
  }
  lines.stroke();
  return context.createPattern(tile, "repeat");
};

// A canvas as sharp as the screen; returns its context, cleared, in CSS pixels.
const prepare = (canvas, width, height, ground) => {
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  return context;
};
