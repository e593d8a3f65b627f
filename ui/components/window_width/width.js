// Says whether the window is narrow, when that is not what Python believes.

export default function ({ data, setStateValue }) {
  const limit = matchMedia(`(width < ${data.below}px)`);
  const say = () => limit.matches === data.narrow || setStateValue("narrow", limit.matches);
  limit.addEventListener("change", say);
  say();
  return () => limit.removeEventListener("change", say);
}
