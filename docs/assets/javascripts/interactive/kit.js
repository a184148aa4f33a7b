// What the interactive figures are made of.

export { element, narrow, number, set, shape } from "./kit/elements.js"
export { button, choice, player, slider } from "./kit/controls.js"
export { arrange, reading } from "./kit/frame.js"
export { axes, clip, drawing, line, text } from "./kit/axes.js"
export { drag, handle } from "./kit/drag.js"
