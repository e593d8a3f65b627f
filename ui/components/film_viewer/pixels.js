// Pixels of a film: where their values come from, and how a window turns them into grey.

// The one source of values, 8 bits of grey per pixel: a film of more depth comes in here, with its
// own `low` and `high`. Resolves to { values, width, height, low, high }, rows from the top.
async function pixelsOf(bytes) {
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const { width, height } = bitmap;
  const paper = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  paper.drawImage(bitmap, 0, 0);
  bitmap.close();
  const colours = paper.getImageData(0, 0, width, height).data;
  const values = new Uint8ClampedArray(width * height);
  for (let i = 0; i < values.length; i += 1) values[i] = colours[4 * i]; // grey: all three are equal
  return { values, width, height, low: 0, high: 255 };
}

// A window shows values around its level, as many as its width, from black to white.
const wholeRange = (pixels) => ({
  width: pixels.high - pixels.low,
  level: (pixels.low + pixels.high) / 2,
});

// The window from the first to the last hundredth of the values.
function automatic(pixels) {
  const { values, low, high } = pixels;
  const counts = new Uint32Array(high - low + 1);
  const step = Math.max(1, Math.floor(values.length / 200000)); // a sample is enough
  let total = 0;
  for (let i = 0; i < values.length; i += step, total += 1) counts[values[i] - low] += 1;
  const at = (share) => {
    let sum = 0;
    const place = counts.findIndex((count) => (sum += count) >= share * total);
    return low + Math.max(0, place);
  };
  const [from, to] = [at(0.01), at(0.99)];
  return { width: Math.max(1, to - from), level: (from + to) / 2 };
}

// Presets by name: a function from pixels to a window. Shares of the range, as no file says where
// bone begins in 8 bits.
const share = (level, width) => (pixels) => ({
  width: width * (pixels.high - pixels.low),
  level: pixels.low + level * (pixels.high - pixels.low),
});
const PRESETS = {
  "Whole range": wholeRange,
  Automatic: automatic,
  Bone: share(0.65, 0.6),
  "Soft tissue": share(0.3, 0.5),
};

// Grey of every value from `low` to `high`, 0 to 255.
function greys(pixels, { width, level }, inverted) {
  const table = new Uint8ClampedArray(pixels.high - pixels.low + 1);
  for (let i = 0; i < table.length; i += 1) {
    const grey = 255 * ((pixels.low + i - level) / width + 0.5);
    table[i] = inverted ? 255 - grey : grey;
  }
  return table;
}

// Draw the pixels through a window on a canvas of their size.
function drawWindowed(canvas, pixels, window, inverted) {
  const { values, width, height, low } = pixels;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const table = greys(pixels, window, inverted);
  const image = new ImageData(width, height);
  const words = new Uint32Array(image.data.buffer);
  for (let i = 0; i < words.length; i += 1) words[i] = 0xff000000 | (table[values[i] - low] * 0x010101);
  canvas.getContext("2d").putImageData(image, 0, 0);
}
