// What the figures that move are made of: elements, controls, axes, and a voice.

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

let made = 0

/** A slider with its label and value; `input` hears of every change. */
export function slider({ label, min, max, step, value, format = number, input }) {
  const id = `moving-${++made}`
  const range = element("input", { type: "range", id, min, max, step, value })
  const shown = element("output", { for: id, "aria-hidden": "true" })
  const show = () => {
    const text = format(Number(range.value))
    shown.textContent = text
    range.setAttribute("aria-valuetext", text)
  }
  range.addEventListener("input", () => {
    show()
    input()
  })
  show()
  return {
    node: element("div", { class: "slider" }, element("label", { for: id }, label), range, shown),
    get value() {
      return Number(range.value)
    },
    set value(given) {
      range.value = given
      show()
    },
    limit(most) {
      range.max = most
      show()
    },
  }
}

/** A choice of one among a few texts; `input` hears of every change. */
export function choice({ label, options, value, input }) {
  const name = `moving-${++made}`
  const radios = options.map((option) =>
    element("input", { type: "radio", name, value: option, checked: option === value && "" }),
  )
  const labels = radios.map((radio) => element("label", {}, radio, ` ${radio.value}`))
  for (const radio of radios) radio.addEventListener("change", input)
  return {
    node: element("fieldset", {}, element("legend", {}, label), ...labels),
    get value() {
      return radios.find((radio) => radio.checked).value
    },
    set value(given) {
      for (const radio of radios) radio.checked = radio.value === given
    },
  }
}

/** A button. */
export function button(label, click) {
  const node = element("button", { type: "button", class: "md-button" }, label)
  node.addEventListener("click", click)
  return node
}

/** Whether the figure stands on a narrow screen, where panels go below each other. */
export const narrow = (place) => place.clientWidth < 480

/** A drawing of this size, in units of its own; its name is what it is read out as. */
export function drawing(name, width, height) {
  const look = width < 400 ? "small" : ""
  const viewBox = `0 0 ${width} ${height}`
  return shape("svg", { viewBox, role: "img", "aria-label": name, class: look })
}

/** What is read on the page, and read out when it has stopped to change. */
export function reading() {
  const shown = element("div", { class: "reading" })
  const voice = element("div", { class: "voice", role: "status" })
  let timer
  return {
    node: element("div", {}, shown, voice),
    /** Say lines of text; each may be a pair of a name and a value. */
    say(lines) {
      shown.replaceChildren(...lines.map((line) => element("p", {}, line)))
      clearTimeout(timer)
      timer = setTimeout(() => (voice.textContent = lines.join(" ")), 500)
    },
    hush() {
      clearTimeout(timer)
    },
  }
}

/**
 * A pair of axes inside a drawing.
 *
 * `x` and `y` are [low, high]; `box` is [left, top, right, bottom] in the drawing's
 * units; `log` makes the axis y logarithmic. Gives the group to draw into, and the
 * functions that place numbers.
 */
export function axes({ x, y, box, log = false, ticks, label }) {
  const [left, top, right, bottom] = box
  const bend = log ? Math.log10 : (value) => value
  const [low, high] = y.map(bend)
  const X = (value) => left + ((value - x[0]) / (x[1] - x[0])) * (right - left)
  const Y = (value) => bottom - ((bend(value) - low) / (high - low)) * (bottom - top)
  const frame = shape("g", { class: "axes" })
  for (const value of ticks.x) {
    frame.append(
      shape("line", { x1: X(value), x2: X(value), y1: top, y2: bottom }),
      text(X(value), bottom + 15, ticks.nameX?.(value) ?? number(value)),
    )
  }
  for (const value of ticks.y) {
    frame.append(
      shape("line", { x1: left, x2: right, y1: Y(value), y2: Y(value) }),
      text(left - 6, Y(value) + 4, ticks.nameY?.(value) ?? number(value), "end"),
    )
  }
  frame.append(
    text((left + right) / 2, bottom + 32, label.x, "middle", "label"),
    text(left, top - 8, label.y, "start", "label"),
  )
  const inside = shape("g", {})
  return { node: shape("g", {}, frame, inside), inside, X, Y }
}

/** A text in a drawing. */
export function text(x, y, words, anchor = "middle", look = "") {
  return shape("text", { x, y, "text-anchor": anchor, class: look }, words)
}

/** The points as the path of a line, without those that lie beyond all measure. */
export function line(points) {
  return points
    .map(([x, y]) => `${round(x)} ${round(y)}`)
    .reduce((path, point, i) => `${path}${i ? "L" : "M"}${point}`, "")
}

function round(value) {
  return Math.round(Math.max(-1e4, Math.min(1e4, value)) * 10) / 10
}

/** Put the figure together: drawing, controls, reading. */
export function arrange(place, name, ...parts) {
  set(place, { role: "group", "aria-label": name })
  place.append(...parts)
}
