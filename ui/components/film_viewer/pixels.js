// Pixels of a film: where their values come from, and how a window turns them into grey.

const ROOMY_RANGE = 50; // of values; a window of fewer is told, and moved, in fractions
const STEEPEST = 50; // of a sigmoid's exponent

// Values of a film, as codes from 0 on. Resolves to { codes, width, height, count, value, low, high,
// least, deep, turned, shades, presets }, rows from the top.
//
// value: from a code to the file's units; low, high: the lowest and highest of them; least: the
// narrowest window. A deep film has the high bytes of its codes above the low ones, code 0 outside,
// `shades` as grey of the others by default, and the windows of its file as `presets`.
async function pixelsOf(film, windows) {
  const deep = Boolean(film.deep);
  const plain = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(new Blob([film.image]), plain);
  const { width } = bitmap;
  const height = deep ? bitmap.height / 2 : bitmap.height;
  const paper = new OffscreenCanvas(width, bitmap.height).getContext("2d", { willReadFrequently: true });
  paper.drawImage(bitmap, 0, 0);
  bitmap.close();
  const codes = deep ? new Uint16Array(width * height) : new Uint8Array(width * height);
  const colours = paper.getImageData(0, 0, width, deep ? 2 * height : height).data; // all three are equal
  for (let i = 0; i < codes.length; i += 1) codes[i] = colours[4 * i];
  if (!deep) {
    const value = (code) => code;
    return { codes, width, height, count: 256, value, low: 0, high: 255, least: 1, presets: {} };
  }
  const below = 4 * codes.length;
  for (let i = 0; i < codes.length; i += 1) codes[i] = (codes[i] << 8) | colours[below + 4 * i];
  const [first, step] = [Number(film.first), Number(film.step)];
  const value = (code) => first + (code - 1) * step;
  const ends = [value(1), value(Math.max(2, film.shades.length))];
  const presets = Object.fromEntries(windows.map((each) => [each.name, {
    width: Number(each.width), level: Number(each.center), shape: each.function === "SIGMOID" ? "sigmoid" : "linear" }]));
  return {
    codes, width, height, count: film.shades.length + 1, value, low: Math.min(...ends), high: Math.max(...ends),
    least: Math.abs(step), deep, turned: Boolean(film.turned), shades: film.shades, presets,
  };
}

// A window shows values around its level, as many as its width, from black to white. Its shape is
// "linear" unless it says "sigmoid", or "file": as the file, and the network, have it.
const wholeRange = (pixels) => ({
  width: pixels.high - pixels.low,
  level: (pixels.low + pixels.high) / 2,
});

// The window by which a film is shown first.
function defaultWindow(pixels) {
  if (!pixels.deep) return wholeRange(pixels);
  return { ...(Object.values(pixels.presets)[0] ?? wholeRange(pixels)), shape: "file" };
}

// The window from the first to the last hundredth of the values.
function automatic(pixels) {
  const { codes, count, deep, value, least } = pixels;
  const counts = new Uint32Array(count);
  const step = Math.max(1, Math.floor(codes.length / 200000)); // a sample is enough
  for (let i = 0; i < codes.length; i += step) counts[codes[i]] += 1;
  if (deep) counts[0] = 0;
  const total = counts.reduce((sum, each) => sum + each, 0);
  const at = (share) => {
    let sum = 0;
    const place = counts.findIndex((each) => (sum += each) >= share * total);
    return value(Math.max(Number(Boolean(deep)), place));
  };
  const [from, to] = [at(0.01), at(0.99)];
  return { width: Math.max(least, Math.abs(to - from)), level: (from + to) / 2 };
}

// Presets by name: a function from pixels to a window. Shares of the range, as no file says where
// bone begins.
const share = (level, width) => (pixels) => ({
  width: width * (pixels.high - pixels.low),
  level: pixels.low + (pixels.turned ? 1 - level : level) * (pixels.high - pixels.low),
});
const PRESETS = {
  "Whole range": wholeRange,
  Automatic: automatic,
  Bone: share(0.65, 0.6),
  "Soft tissue": share(0.3, 0.5),
};

// The presets of one film: those of its file come first, and before one of ours of the same name.
function presetsOf(pixels) {
  const own = Object.keys(pixels.presets).map((name) => [name, (each) => each.presets[name] ?? null]);
  const named = Object.fromEntries(own);
  return { ...(pixels.deep ? { Default: defaultWindow } : {}), ...named, ...PRESETS, ...named };
}

// A number of the file's units, as short as its range allows.
const told = (number, pixels) =>
  pixels.high - pixels.low >= ROOMY_RANGE ? String(Math.round(number)) : String(Number(number.toPrecision(3)));

// Grey of every code, 0 to 255. Outside a film is black.
function greys(pixels, { width, level, shape }, inverted) {
  const table = new Uint8ClampedArray(pixels.count);
  const from = pixels.deep ? 1 : 0;
  for (let code = from; code < pixels.count; code += 1) {
    const place = (pixels.value(code) - level) / width;
    let grey = 255 * (place + 0.5);
    if (shape === "sigmoid") grey = 255 / (1 + Math.exp(between(-STEEPEST, -4 * place, STEEPEST)));
    if (pixels.turned) grey = 255 - grey;
    if (shape === "file") grey = pixels.shades[code - 1];
    table[code] = inverted ? 255 - grey : grey;
  }
  return table;
}

// Draw the pixels through a window on a canvas of their size.
function drawWindowed(canvas, pixels, window, inverted) {
  const { codes, width, height } = pixels;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const table = greys(pixels, window, inverted);
  const image = new ImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < words.length; i += 1) words[i] = 0xff000000 | (table[codes[i]] * 0x010101);
  canvas.getContext("2d").putImageData(image, 0, 0);
}
