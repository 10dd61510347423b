// The image rolled up again: hits stand on a cylinder round the beam as bars, as long as their place on the scale.
const TILT = 0.42;
const LENGTH = 1.05; // of a unit of eta, in radii
const BAR = 0.75; // the longest bar, in radii

const projectionOf = (state, canvas) => {
  const width = canvas.parentElement.clientWidth - 2 * parseFloat(getComputedStyle(canvas.parentElement).paddingLeft);
  const height = Math.min(width * 0.78, Math.max(280, window.innerHeight - 235));
  const unit = Math.min(width / (2 * state.about.eta_max * LENGTH * 1.16), height / 3.3) * Math.sqrt(state.zoom);
  const turn = -state.phi * state.about.phi_pitch;
  const [sin, cos] = [Math.sin(state.yaw), Math.cos(state.yaw)];
  const [sinTilt, cosTilt] = [Math.sin(TILT), Math.cos(TILT)];
  // (eta, phi in pixels from the middle of the view, radius) to the screen, and the depth: larger is nearer.
  const at = (eta, phi, radius) => {
    const angle = phi * state.about.phi_pitch + turn;
    const [up, side] = [radius * Math.sin(angle), radius * Math.cos(angle)];
    const along = eta * LENGTH;
    const [right, depth] = [along * cos - side * sin, along * sin + side * cos];
    const far = depth * cosTilt + up * sinTilt;
    const near = 9 / (9 - far);
    return { x: width / 2 + right * unit * near, y: height / 2 - (up * cosTilt - depth * sinTilt) * unit * near, far };
  };
  return { width, height, at };
};

const drawCylinder = (state, canvas, colours) => {
  const made = projectionOf(state, canvas);
  const context = prepare(canvas, made.width, made.height, colours.get("plot"));
  drawCage(context, state, made, colours);
  const tips = drawBars(context, state, made, colours);
  const boxes = boxesOf(state).filter(({ kind }) => kind !== "classical");
  boxes.forEach((box) => drawPatch(context, state, made, colours, box));
  const placed = [];
  boxes.forEach((box) => drawName(context, state, made, colours, box, placed));
  return { ...made, tips };
};

const trace = (context, points) => {
  context.beginPath();
  points.forEach(({ x, y }, k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
};

const between = (from, to, n) => Array.from({ length: n + 1 }, (_, k) => from + ((to - from) * k) / n);

const drawCage = (context, state, { at }, colours) => {
  const { n_phi: nPhi, eta_max: end } = state.about;
  context.lineWidth = 1;
  context.strokeStyle = colours.get("line");
  for (const eta of [-end, -2, -1, 0, 1, 2, end]) {
    trace(context, between(0, nPhi, 72).map((phi) => at(eta, phi, 1)));
    context.stroke();
  }
  for (let k = 0; k < 8; k++) {
    trace(context, [at(-end, (k * nPhi) / 8, 1), at(end, (k * nPhi) / 8, 1)]);
    context.strokeStyle = colours.get(k ? "line" : "strong-line");
    context.setLineDash(k ? [] : [2, 4]);
    context.stroke();
  }
  context.setLineDash([]);
  context.fillStyle = colours.get("soft");
  context.font = `12px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (const [eta, text] of [[-end - 0.25, `η = −${end.toFixed(1)}`], [end + 0.25, `η = ${end.toFixed(1)}`]]) {
    const { x, y } = at(eta, state.phi, 0);
    context.fillText(text, x, y);
  }
  const seam = at(0, 0, 1.07);
  context.fillText("±π", seam.x, seam.y);
};

const drawBars = (context, state, { at }, colours) => {
  const { n_phi: nPhi, eta_pitch: pitch, n_eta: nEta } = state.about;
  const bars = [];
  state.layers.layers.forEach((layer, level) => {
    for (const channel of state.layers.order) {
      for (const k of layer[channel]) {
        const flat = state.hits[channel].pixel[k];
        const row = Math.floor(flat / nPhi);
        const [eta, phi] = [(row + 0.5 - nEta / 2) * pitch, flat - row * nPhi + 0.5];
        const foot = at(eta, phi, 1);
        bars.push({ foot, tip: at(eta, phi, 1 + 0.02 + BAR * (level / LEVELS) ** 1.6), level, channel, flat });
      }
    }
  });
  bars.sort((one, two) => one.foot.far - two.foot.far);
  context.lineCap = "round";
  for (const { foot, tip, level, channel } of bars) {
    context.globalAlpha = foot.far > 0 ? 1 : 0.35;
    context.strokeStyle = colours.ramps[channel][level];
    context.lineWidth = 1.2 + (1.6 * level) / LEVELS;
    context.beginPath();
    context.moveTo(foot.x, foot.y);
    context.lineTo(tip.x, tip.y);
    context.stroke();
  }
  context.globalAlpha = 1;
  context.lineCap = "butt";
  return bars;
};

const drawPatch = (context, state, { at }, colours, box) => {
  const { n_eta: nEta, eta_pitch: pitch } = state.about;
  const [etaMin, phiMin, etaMax, phiMax] = box.jet.box;
  const [low, high] = [etaMin, etaMax].map((row) => (row - nEta / 2) * pitch);
  const points = [
    ...between(phiMin, phiMax, 12).map((phi) => at(low, phi, 1.01)),
    ...between(phiMax, phiMin, 12).map((phi) => at(high, phi, 1.01)),
  ];
  const colour = colours.ofClass(box.jet.class_id);
  const fill = lineOf(context, box, state, colour);
  const middle = at((low + high) / 2, (phiMin + phiMax) / 2, 1.01);
  context.globalAlpha = middle.far > 0 ? 1 : 0.4;
  trace(context, points);
  context.closePath();
  if (fill) {
    context.fillStyle = fill;
    context.fill();
  }
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
};

// Of the boxes on this side; above the labels that are there already.
const drawName = (context, state, { at }, colours, box, placed) => {
  const { n_eta: nEta, eta_pitch: pitch } = state.about;
  const [etaMin, phiMin, etaMax, phiMax] = box.jet.box;
  const eta = ((etaMin + etaMax) / 2 - nEta / 2) * pitch;
  if (at(eta, (phiMin + phiMax) / 2, 1).far <= 0) return;
  const text = labelOf(state, box);
  const above = at(eta, phiMax, 1.1);
  context.font = `600 12px ${FONT}`;
  const width = context.measureText(text).width + 8;
  let y = above.y - 8;
  const covers = (other) => Math.abs(other.x - above.x) < (other.width + width) / 2 && Math.abs(other.y - y) < 18;
  while (placed.some(covers)) y -= 18;
  placed.push({ x: above.x, y, width });
  context.fillStyle = colours.ofClass(box.jet.class_id);
  context.fillRect(above.x - width / 2, y - 8, width, 17);
  context.fillStyle = colours.inkOf(box.jet.class_id);
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(text, above.x, y + 1);
};
