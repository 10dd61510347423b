// What stands beside the picture, as elements: texts of the data become text, never markup.
const $ = (id) => document.getElementById(id);

const make = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

const number = (value, digits = 0) => {
  if (value === null) return "–";
  const text = Math.abs(value).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return value < 0 && Number(text.replaceAll(",", "")) !== 0 ? `−${text}` : text;
};
const energy = (value) => `${value < 10 ? Number(value.toPrecision(2)) : number(value)} GeV`;

const tagOf = (state, colours, id) => {
  const tag = make("span", { className: "tag", textContent: state.about.classes[id] });
  tag.style.background = colours.ofClass(id);
  tag.style.color = colours.inkOf(id);
  return tag;
};

const switchOf = (id, checked, onChange, ...content) => {
  const box = make("input", { type: "checkbox", id, checked });
  box.addEventListener("change", () => onChange(box.checked));
  return make("label", { htmlFor: id }, box, ...content);
};

const KIND_NAMES = { true: "True jets", found: "Detections", classical: "Classical tags" };

// The line of a kind of box, as in the picture.
const sampleOf = (kind) => {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const shape = document.createElementNS(space, kind === "classical" ? "circle" : "rect");
  const set = (element, values) => Object.entries(values).forEach(([key, value]) => element.setAttribute(key, value));
  set(drawing, { width: 18, height: 14, "aria-hidden": "true" });
  set(shape, kind === "classical" ? { cx: 9, cy: 7, r: 5.5 } : { x: 1.5, y: 1.5, width: 15, height: 11 });
  set(shape, { fill: "none", stroke: "currentColor", "stroke-width": 2 });
  if (kind === "found") shape.setAttribute("stroke-dasharray", "4 2.5");
  drawing.append(shape);
  return drawing;
};

const buildSwitches = (state, redraw) => {
  $("channels").replaceChildren(
    ...state.about.channels.map((channel, k) => {
      const change = (on) => {
        state.on[k] = on;
        redraw();
      };
      const [ramp, range] = [make("i", { id: `ramp-${k}` }), make("small", { id: `range-${k}` })];
      const label = switchOf(`channel-${k}`, true, change, make("span", { textContent: channel.title }), ramp, range);
      label.className = "channel";
      return label;
    }),
  );
  const kinds = Object.keys(KIND_NAMES).filter((kind) => kind !== "found" || state.hasFound);
  $("kinds").replaceChildren(
    ...kinds.map((kind) => {
      const change = (on) => {
        state.kinds[kind] = on;
        redraw();
      };
      return switchOf(`kind-${kind}`, state.kinds[kind], change, sampleOf(kind), KIND_NAMES[kind]);
    }),
  );
};

const buildClasses = (state, colours, redraw) => {
  $("classes").replaceChildren(
    ...state.about.classes.map((_, id) => {
      const change = (on) => {
        state.classes[id] = on;
        redraw();
      };
      return switchOf(`class-${id}`, state.classes[id], change, tagOf(state, colours, id));
    }),
  );
};

const paintScales = (state, colours) => {
  state.about.channels.forEach(({ scale, quantity }, k) => {
    $(`ramp-${k}`).style.background = `linear-gradient(90deg, ${colours.ramps[k].join(", ")})`;
    const [low, high] = [state.log ? scale[0] : 0, scale[1]];
    $(`range-${k}`).textContent = `${energy(low).replace(" GeV", "")} – ${energy(high)}`;
    $(`range-${k}`).title = quantity;
  });
};

const describe = (state) => {
  const { sample, source, entry, split, met, vertices, true: jets } = state.event;
  const hits = state.hits.reduce((sum, { pixel }) => sum + pixel.length, 0);
  $("what").textContent = `${sample} · ${jets.length} true jet${jets.length === 1 ? "" : "s"}`;
  const more = [met === null ? "" : `missing pt ${number(met)} GeV`, vertices === null ? "" : `${vertices} vertices`];
  const parts = [`${source}, entry ${entry}`, `split ${split}`, `${number(hits)} hits`, ...more];
  $("from").textContent = parts.filter(Boolean).join(" · ");
};

const WHY = { again: "found again", nothing: "no such jet" };
const verdictOf = (state, { verdict, other }) => {
  if (verdict === "right") return make("span", { className: "yes", textContent: "✓ right" });
  const why = verdict === "class" ? `is ${state.about.classes[other]}` : WHY[verdict];
  return make("span", { className: "no", textContent: `✗ ${why}` });
};

const fill = (table, heads, rows, none) => {
  const head = heads.map(([text, right]) => make("th", { textContent: text, className: right ? "right" : "", scope: "col" }));
  const body = rows.map(({ id, cells }) => {
    const line = make("tr", {}, ...cells.map((cell, k) => make("td", { className: heads[k][1] ? "right" : "" }, cell)));
    line.dataset.row = id;
    return line;
  });
  if (!rows.length) body.push(make("tr", {}, make("td", { colSpan: heads.length, className: "none", textContent: none })));
  table.replaceChildren(make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...body));
};

const fillTables = (state, colours) => {
  const shown = ({ class_id }) => state.classes[class_id];
  const place = ({ pt, eta, phi }) => [number(pt), number(eta, 2), number(phi, 2)];
  const numbers = [["pt [GeV]", true], ["η", true], ["φ", true]];
  const found = (row) => {
    const jet = state.compared.finder[row];
    const [className, textContent] = jet ? ["yes", `✓ ${jet.score.toFixed(2)}`] : ["no", "✗ missed"];
    return make("span", { className, textContent });
  };
  const truth = state.event.true
    .map((jet, row) => ({ jet, row }))
    .filter(({ jet }) => shown(jet))
    .map(({ jet, row }) => ({
      id: `true-${row}`,
      cells: [tagOf(state, colours, jet.class_id), ...place(jet), ...(state.compared ? [found(row)] : [])],
    }));
  fill($("true"), [["Class"], ...numbers, ...(state.compared ? [["Found"]] : [])], truth, "none in this event");
  $("found-card").hidden = $("cutting").hidden = !state.hasFound;
  if (!state.compared) return;
  const rows = state.compared.found
    .map((one, row) => ({ ...one, row }))
    .filter(({ jet }) => shown(jet))
    .map(({ jet, verdict, other, row }) => ({
      id: `found-${row}`,
      cells: [
        tagOf(state, colours, jet.class_id),
        jet.score.toFixed(2),
        ...place(jet),
        verdictOf(state, { verdict, other }),
      ],
    }));
  fill($("found"), [["Class"], ["Score", true], ...numbers, ["Verdict"]], rows, "none above the cut");
};

const fillCounts = (state) => {
  if (!state.compared) return;
  const { events, n_phi: nPhi } = state.about;
  const sums = { right: 0, wrong: 0, missed: 0 };
  for (const event of events) {
    const one = count(compare(event, state.cut, nPhi), event, state.classes);
    for (const key of Object.keys(sums)) sums[key] += one[key];
  }
  const own = count(state.compared, state.event, state.classes);
  const line = (text, of) =>
    make(
      "tr",
      {},
      make("th", { textContent: text, scope: "row" }),
      ...["right", "wrong", "missed"].map((key) => make("td", { className: "right", textContent: number(of[key]), id: `${text.split(" ")[0]}-${key}` })),
    );
  $("counts").replaceChildren(line("this event", own), line(`all ${number(events.length)} events`, sums));
  $("cut-text").textContent = state.cut.toFixed(2);
};
