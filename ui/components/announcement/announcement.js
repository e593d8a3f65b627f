// Says words once they have changed; those that change often, now and then. A region is announced
// only if it was there before its words: the first ones come a little later.

const FIRST = 500; // ms
const places = new WeakMap(); // the region -> { wanted, kind, at, timer }

export default function ({ data, parentElement }) {
  const region = parentElement.querySelector(".announcement");
  const place = places.get(region) ?? { wanted: null, kind: data.kind, at: performance.now() + FIRST, timer: 0 };
  places.set(region, place);
  if (data.words !== place.wanted) {
    const wait = place.wanted === null || data.kind !== place.kind ? FIRST : 1000 * data.pause - (performance.now() - place.at);
    Object.assign(place, { wanted: data.words, kind: data.kind });
    clearTimeout(place.timer);
    place.timer = setTimeout(() => {
      place.at = performance.now();
      region.textContent = place.wanted;
    }, Math.max(0, wait));
  }
  return () => {
    clearTimeout(place.timer);
    places.delete(region);
  };
}
