// Drawings, pairs of axes, lines and texts.

import { number, shape } from "./elements.js"

/** A drawing of this size, in units of its own; its name is what it is read out as. */
export function drawing(name, width, height) {
  const look = width < 400 ? "small" : ""
  const viewBox = `0 0 ${width} ${height}`
  return shape("svg", { viewBox, role: "img", "aria-label": name, class: look })
}

/**
 * A pair of axes inside a drawing.
 *
 * `x` and `y` are [low, high]; `box` is [left, top, right, bottom] in the drawing's
 * units; `log` makes the axis y logarithmic. Gives the group to draw into, and the
 * functions that place numbers, and `at`, which reads a place back as numbers.
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
  const at = ([left_, top_]) => {
    const height = low + ((bottom - top_) / (bottom - top)) * (high - low)
    return [
      x[0] + ((left_ - left) / (right - left)) * (x[1] - x[0]),
      log ? 10 ** height : height,
    ]
  }
  return { node: shape("g", {}, frame, inside), inside, X, Y, at }
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

let clips = 0

/** Let nothing of a group show outside the box; gives what the drawing must hold. */
export function clip(group, [left, top, right, bottom]) {
  const id = `interactive-clip-${++clips}`
  group.setAttribute("clip-path", `url(#${id})`)
  const rect = shape("rect", { x: left, y: top, width: right - left, height: bottom - top })
  return shape("clipPath", { id }, rect)
}
