// Buttons of our components. One that is off keeps its place among the tab stops, and the focus that
// it may have.
const setOff = (button, off) => button.setAttribute("aria-disabled", String(Boolean(off)));
const isOff = (button) => button.getAttribute("aria-disabled") === "true";
