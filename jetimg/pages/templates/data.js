// What the page holds: of all events where they come from and their jets, and of each its hits, unpacked when shown.
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

const unpack = async (text) => {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

const load = async () => {
  const held = JSON.parse(document.getElementById("data").textContent);
  const about = JSON.parse(new TextDecoder().decode(await unpack(held.about)));
  about.eta_max = (about.eta_pitch * about.n_eta) / 2;
  about.phi_pitch = (2 * Math.PI) / about.n_phi;
  for (const event of about.events) {
    for (const kind of ["true", "found", "classical"]) event[kind] = rowsOf(event[kind]);
    for (const jet of event.true) if (jet.mask) jet.mask = sumsOf(jet.mask);
    event.found?.sort((one, two) => two.score - one.score);
  }
  return { about, hits: (number) => hitsOf(about, held.hits[number]) };
};

const sumsOf = (steps) => {
  let sum = 0;
  return steps.map((step) => (sum += step));
};

// Columns to one object a jet.
const rowsOf = (columns) => {
  if (!columns) return null;
  const names = Object.keys(columns);
  return columns[names[0]].map((_, row) => Object.fromEntries(names.map((name) => [name, columns[name][row]])));
};

// Planes of bytes: three of a pixel's distance from the one before, two of the value's logarithm.
const hitsOf = (about, packed) =>
  Promise.all(
    packed.map(async (text, channel) => {
      const bytes = await unpack(text);
      const n = bytes.length / 5;
      const { faintest } = about.channels[channel];
      const pixel = new Uint32Array(n);
      const value = new Float32Array(n);
      for (let k = 0, last = 0; k < n; k++) {
        last += bytes[k] | (bytes[n + k] << 8) | (bytes[2 * n + k] << 16);
        pixel[k] = last;
        value[k] = faintest * Math.exp(about.log_step * (bytes[3 * n + k] | (bytes[4 * n + k] << 8)));
      }
      return { pixel, value };
    }),
  );

const wrapPhi = (phi) => phi - 2 * Math.PI * Math.floor((phi + Math.PI) / (2 * Math.PI));
const etaAt = (about, row) => (row - about.n_eta / 2) * about.eta_pitch;
const phiAt = (about, column) => wrapPhi((column - about.n_phi / 2) * about.phi_pitch);
