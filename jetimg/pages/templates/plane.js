// The image unrolled: eta to the right, phi upward; phi goes round, so that it can be turned without end.
const MARGIN = { left: 40, right: 10, top: 8, bottom: 34 };
const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif";

// The brightest hits are drawn larger than their pixel by this.
const GROWTH = 2.2;

const planeOf = (state, canvas) => {
  const { n_eta: nEta, n_phi: nPhi } = state.about;
  const width = canvas.parentElement.clientWidth - 2 * parseFloat(getComputedStyle(canvas.parentElement).paddingLeft);
  const inside = width - MARGIN.left - MARGIN.right;
  // On a large screen the whole image is visible at once.
  const most = Math.max(300, window.innerHeight - 235);
  const unit = Math.min(inside / nEta, (most - MARGIN.top - MARGIN.bottom) / nPhi);
  const frame = { x: MARGIN.left + (inside - unit * nEta) / 2, y: MARGIN.top, width: unit * nEta, height: unit * nPhi };
  const scale = unit * state.zoom;
  const [midX, midY] = [frame.x + frame.width / 2, frame.y + frame.height / 2];
  const turned = (phi) => phi - state.phi - nPhi * Math.round((phi - state.phi) / nPhi);
  return {
    frame,
    scale,
    width,
    height: frame.height + MARGIN.top + MARGIN.bottom,
    x: (eta) => midX + (eta - state.eta) * scale,
    y: (phi) => midY - turned(phi) * scale,
    yFlat: (phi) => midY - (phi - state.phi) * scale, // without going round
    etaAt: (x) => (x - midX) / scale + state.eta,
    phiAt: (y) => {
      const phi = state.phi - (y - midY) / scale;
      return phi - nPhi * Math.floor(phi / nPhi);
    },
  };
};

const drawPlane = (state, canvas, colours) => {
  const plane = planeOf(state, canvas);
  const context = prepare(canvas, plane.width, plane.height, colours.get("card"));
  const { frame } = plane;
  context.fillStyle = colours.get("plot");
  context.fillRect(frame.x, frame.y, frame.width, frame.height);
  context.save();
  context.beginPath();
  context.rect(frame.x, frame.y, frame.width, frame.height);
  context.clip();
  drawGrid(context, state, plane, colours);
  drawHits(context, state, plane, colours);
  const boxes = boxesOf(state);
  boxes.filter(({ jet }) => jet.mask).forEach(({ jet }) => drawMask(context, state, plane, colours, jet));
  boxes.forEach((box) => drawBox(context, state, plane, colours, box));
  drawLabels(context, state, plane, colours, boxes);
  context.restore();
  drawAxes(context, state, plane, colours);
  return plane;
};

const etaTicks = ({ zoom, about }) => {
  const step = zoom < 2.5 ? 1 : zoom < 6 ? 0.5 : 0.25;
  const end = Math.floor(about.eta_max / step);
  return Array.from({ length: 2 * end + 1 }, (_, k) => (k - end) * step);
};
const PHI_TICKS = ["±π", "−¾π", "−½π", "−¼π", "0", "¼π", "½π", "¾π"];

const drawGrid = (context, state, plane, colours) => {
  const { n_eta: nEta, n_phi: nPhi, eta_pitch: pitch } = state.about;
  const { frame } = plane;
  context.lineWidth = 1;
  context.strokeStyle = colours.get("grid");
  context.beginPath();
  for (const eta of etaTicks(state)) {
    const x = Math.round(plane.x(eta / pitch + nEta / 2)) + 0.5;
    context.moveTo(x, frame.y);
    context.lineTo(x, frame.y + frame.height);
  }
  PHI_TICKS.slice(1).forEach((_, k) => {
    const y = Math.round(plane.y(((k + 1) * nPhi) / 8)) + 0.5;
    context.moveTo(frame.x, y);
    context.lineTo(frame.x + frame.width, y);
  });
  context.stroke();
  context.strokeStyle = colours.get("strong-line");
  context.setLineDash([2, 4]);
  context.beginPath();
  const seam = Math.round(plane.y(0)) + 0.5;
  context.moveTo(frame.x, seam);
  context.lineTo(frame.x + frame.width, seam);
  context.stroke();
  context.setLineDash([]);
};

const drawAxes = (context, state, plane, colours) => {
  const { n_eta: nEta, n_phi: nPhi, eta_pitch: pitch } = state.about;
  const { frame } = plane;
  context.strokeStyle = colours.get("strong-line");
  context.lineWidth = 1;
  context.strokeRect(frame.x - 0.5, frame.y - 0.5, frame.width + 1, frame.height + 1);
  context.fillStyle = colours.get("soft");
  context.font = `12px ${FONT}`;
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const eta of etaTicks(state)) {
    const x = plane.x(eta / pitch + nEta / 2);
    if (x > frame.x + 4 && x < frame.x + frame.width - 4) {
      context.fillText(String(eta).replace("-", "−"), x, frame.y + frame.height + 6);
    }
  }
  context.fillText("η", frame.x + frame.width - 6, frame.y + frame.height + 18);
  context.textAlign = "right";
  context.textBaseline = "middle";
  PHI_TICKS.forEach((text, k) => {
    const y = plane.y((k * nPhi) / 8);
    if (y > frame.y + 16 && y < frame.y + frame.height - 2) context.fillText(text, frame.x - 6, y);
  });
  context.fillText("φ", frame.x - 8, frame.y + 6);
};

const drawHits = (context, state, plane, colours) => {
  const { layers, order } = state.layers;
  const nPhi = state.about.n_phi;
  const side = Math.max(plane.scale, 1.6);
  const { frame } = plane;
  layers.forEach((layer, level) => {
    const grown = side * (1 + GROWTH * (level / (LEVELS - 1)) ** 2);
    for (const channel of order) {
      const { pixel } = state.hits[channel];
      context.fillStyle = colours.ramps[channel][level];
      for (const k of layer[channel]) {
        const eta = Math.floor(pixel[k] / nPhi);
        const x = plane.x(eta + 0.5);
        if (x < frame.x - grown || x > frame.x + frame.width + grown) continue;
        const y = plane.y(pixel[k] - eta * nPhi + 0.5);
        context.fillRect(x - grown / 2, y - grown / 2, grown, grown);
      }
    }
  });
};

// The outline of a mask: the sides of its pixels that no other pixel of it is beside.
const drawMask = (context, state, plane, colours, jet) => {
  const nPhi = state.about.n_phi;
  const own = new Set(jet.mask);
  context.strokeStyle = colours.ofClass(jet.class_id);
  context.lineWidth = 1.2;
  context.beginPath();
  for (const pixel of jet.mask) {
    const eta = Math.floor(pixel / nPhi);
    const phi = pixel - eta * nPhi;
    const [left, right] = [plane.x(eta), plane.x(eta + 1)];
    const middle = plane.y(phi + 0.5);
    const [bottom, top] = [middle + plane.scale / 2, middle - plane.scale / 2];
    const above = eta * nPhi + ((phi + 1) % nPhi);
    const below = eta * nPhi + ((phi + nPhi - 1) % nPhi);
    const line = (x0, y0, x1, y1) => {
      context.moveTo(x0, y0);
      context.lineTo(x1, y1);
    };
    if (!own.has(pixel - nPhi)) line(left, bottom, left, top);
    if (!own.has(pixel + nPhi)) line(right, bottom, right, top);
    if (!own.has(below)) line(left, bottom, right, bottom);
    if (!own.has(above)) line(left, top, right, top);
  }
  context.stroke();
};

// A box once, and once more a turn away where it reaches past the border of what is seen.
const piecesOf = (state, plane, [etaMin, phiMin, etaMax, phiMax]) => {
  const nPhi = state.about.n_phi;
  const pieces = [];
  for (let turn = -2; turn <= 2; turn++) {
    const [top, bottom] = [plane.yFlat(phiMax + turn * nPhi), plane.yFlat(phiMin + turn * nPhi)];
    if (bottom < plane.frame.y || top > plane.frame.y + plane.frame.height) continue;
    pieces.push({ x: plane.x(etaMin), y: top, width: plane.x(etaMax) - plane.x(etaMin), height: bottom - top });
  }
  return pieces;
};

const lineOf = (context, { kind, bad, id }, state, colour) => {
  context.strokeStyle = colour;
  context.lineWidth = (kind === "true" ? 2.4 : 2) + (state.lit !== null && state.lit === id ? 2 : 0);
  context.setLineDash(kind === "found" ? [7, 4] : []);
  return bad ? hatch(context, colour) : null;
};

const drawBox = (context, state, plane, colours, box) => {
  if (box.kind === "classical") return drawTag(context, state, plane, colours, box.jet);
  const fill = lineOf(context, box, state, colours.ofClass(box.jet.class_id));
  // A detection is drawn a little inside of the true box that it found, so that both are seen.
  const inset = box.kind === "found" ? 2.5 : 0;
  for (const { x, y, width, height } of piecesOf(state, plane, box.jet.box)) {
    const area = [x + inset, y + inset, Math.max(width - 2 * inset, 1), Math.max(height - 2 * inset, 1)];
    if (fill) {
      context.fillStyle = fill;
      context.fillRect(...area);
    }
    context.strokeRect(...area);
  }
  context.setLineDash([]);
};

// A classical jet has an axis and no box: a ring.
const drawTag = (context, state, plane, colours, jet) => {
  const { n_eta: nEta, n_phi: nPhi, eta_pitch: etaPitch, phi_pitch: phiPitch } = state.about;
  const [x, y] = [plane.x(jet.eta / etaPitch + nEta / 2), plane.y(jet.phi / phiPitch + nPhi / 2)];
  context.strokeStyle = colours.ofClass(jet.class_id);
  context.lineWidth = 2;
  context.beginPath();
  context.arc(x, y, 8 + 3 * jet.class_id, 0, 2 * Math.PI);
  context.stroke();
};

// Labels stand above or below their boxes, inside the picture and off each other where there is room.
const drawLabels = (context, state, plane, colours, boxes) => {
  const { frame } = plane;
  const placed = [];
  const hits = (one, two) =>
    one.x < two.x + two.width && two.x < one.x + one.width && one.y < two.y + two.height && two.y < one.y + one.height;
  context.font = `600 12px ${FONT}`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  for (const box of boxes.filter(({ kind }) => kind !== "classical")) {
    const text = labelOf(state, box);
    const size = { width: context.measureText(text).width + 8, height: 17 };
    const visible = ({ y, height }) => Math.min(y + height, frame.y + frame.height) - Math.max(y, frame.y);
    const [piece] = piecesOf(state, plane, box.jet.box).sort((one, two) => visible(two) - visible(one));
    if (!piece || piece.x > frame.x + frame.width || piece.x + piece.width < frame.x) continue;
    const spots = spotsOf(piece, size).map((spot) => ({
      x: Math.max(frame.x + 1, Math.min(spot.x, frame.x + frame.width - size.width - 1)),
      y: Math.max(frame.y + 1, Math.min(spot.y, frame.y + frame.height - size.height - 1)),
      ...size,
    }));
    const free = spots.find((one) => !placed.some((two) => hits(one, two)));
    // True jets always have their label; a detection only where there is room: the table has them all.
    if (!free && box.kind === "found") continue;
    const spot = free ?? spots[0];
    placed.push(spot);
    context.fillStyle = colours.ofClass(box.jet.class_id);
    context.fillRect(spot.x, spot.y, spot.width, spot.height);
    context.fillStyle = colours.inkOf(box.jet.class_id);
    context.fillText(text, spot.x + 4, spot.y + spot.height / 2 + 1);
  }
};

const spotsOf = ({ x, y, width, height }, size) => {
  const [left, right] = [x - 1, x + width - size.width + 1];
  const [above, below] = [y - size.height, y + height];
  const inner = [
    { x: left, y: y + 2 },
    { x: left, y: y + height - size.height - 2 },
  ];
  const beyond = [1, 2].flatMap((k) => [
    { x: left, y: above - k * size.height },
    { x: left, y: below + k * size.height },
  ]);
  return [{ x: left, y: above }, { x: left, y: below }, { x: right, y: above }, { x: right, y: below }, ...inner, ...beyond];
};
