// Elements, their attributes, and numbers as text.

const SVG = "http://www.w3.org/2000/svg"

/** An HTML element with attributes and children. */
export function element(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children)
}

/** An SVG element with attributes and children. */
export function shape(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children)
}

function filled(made, attributes, children) {
  set(made, attributes)
  made.append(...children)
  return made
}

/** Set attributes; those that are null or false go away. */
export function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) node.removeAttribute(name)
    else node.setAttribute(name, value)
  }
}

/** A number as text with a true minus sign: 4 digits after the point, fewer if round. */
export function number(value, digits = 4) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "undefined"
  const size = Math.abs(value)
  const plain = size === 0 || (size >= 1e-3 && size < 1e5)
  const text = plain ? String(Number(value.toFixed(digits))) : value.toExponential(2)
  return text.replaceAll("-", "−")
}

/** Whether the figure stands on a narrow screen, where panels go below each other. */
export const narrow = (place) => place.clientWidth < 480
