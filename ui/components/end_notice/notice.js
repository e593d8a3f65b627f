// A bell that is on once the browser may notify; a run that ends while it is on is told of.

const KEPT = "fracture-explorer-bell"; // in the browser's own storage: whether it is on
const bells = new WeakMap(); // the button -> the run it was drawn for, and whether that went on

export default function ({ data, parentElement }) {
  const bell = parentElement.querySelector(".bell");
  const before = bells.get(bell);
  if (!before) {
    bell.append(drawing());
    bell.addEventListener("click", () => toggle(bell));
  }
  if (before?.name === data.name && before.active && !data.active && isOn()) {
    new Notification(data.name, { body: data.words, tag: data.name });
  }
  bells.set(bell, { name: data.name, active: data.active });
  draw(bell);
}

const canNotify = () => "Notification" in window && Notification.permission !== "denied";
const isOn = () => canNotify() && Notification.permission === "granted" && stored() === "on";

function stored() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // a browser that stores nothing
  }
}

async function toggle(bell) {
  if (!canNotify()) return;
  const wanted = !isOn();
  if (wanted) await Notification.requestPermission();
  try {
    localStorage.setItem(KEPT, wanted ? "on" : "off");
  } catch {
    // it stays off
  }
  draw(bell);
}

function draw(bell) {
  const refused = !canNotify();
  bell.setAttribute("aria-disabled", String(refused)); // it keeps the focus that it may have
  bell.setAttribute("aria-pressed", isOn());
  bell.title = refused ? "The browser allows no notifications from this page." : "Notify me when a run ends";
  bell.setAttribute("aria-label", bell.title);
}

function drawing() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  for (const d of ["M4 14c1.4-1.4 1.6-2.6 1.6-5.4a4.4 4.4 0 0 1 8.8 0c0 2.8.2 4 1.6 5.4z", "M8.3 16.5a1.8 1.8 0 0 0 3.4 0"]) {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}
