// One neuron with two inputs: weights, bias and activation under the reader's hand.

import {
  arrange, axes, choice, drawing, element, line, narrow, number, reading, shape, slider,
} from "./kit.js"

const CELLS = 24 // of the surface, along each axis
const [LOW, HIGH] = [-3, 3]

const ACTIVATIONS = {
  logistic: { of: (z) => 1 / (1 + Math.exp(-z)), range: [0, 1] },
  tanh: { of: Math.tanh, range: [-1, 1] },
  ReLU: { of: (z) => Math.max(z, 0), range: [0, 4] },
}

/** The sum z and the output h of the neuron for the inputs x. */
export function neuron(theta, b, x, activation) {
  const z = theta[0] * x[0] + theta[1] * x[1] + b
  return { z, h: ACTIVATIONS[activation].of(z) }
}

export default function build(place, data) {
  const small = narrow(place)
  const plane = axes({
    x: [LOW, HIGH],
    y: [LOW, HIGH],
    box: [40, 26, 340, 326],
    ticks: { x: [-3, -2, -1, 0, 1, 2, 3], y: [-3, -2, -1, 0, 1, 2, 3] },
    label: { x: "x₁", y: "x₂" },
  })
  const picture = drawing("The neuron's output over its two inputs",
    ...(small ? [360, 410] : [480, 372]))
  const clip = `moving-clip-${Math.random().toString(36).slice(2)}`
  picture.append(
    shape("clipPath", { id: clip }, shape("rect", { x: 40, y: 26, width: 300, height: 300 })),
    plane.node,
  )
  plane.inside.setAttribute("clip-path", `url(#${clip})`)
  const side = (HIGH - LOW) / CELLS
  const centers = Array.from({ length: CELLS }, (_, i) => LOW + (i + 0.5) * side)
  const cells = centers.flatMap((x2) =>
    centers.map((x1) => {
      const size = plane.X(side) - plane.X(0)
      const left = plane.X(x1 - side / 2)
      const top = plane.Y(x2 + side / 2)
      return { x: [x1, x2], node: shape("rect", { x: left, y: top, width: size, height: size }) }
    }),
  )
  const surface = shape("g", { class: "surface" }, ...cells.map((cell) => cell.node))
  const border = shape("path", { class: "border" })
  const arrow = shape("path", { class: "arrow" })
  const point = shape("circle", { r: 7, class: "now" })
  plane.inside.append(surface, border, arrow, point)
  const key = Array.from({ length: 20 }, (_, i) =>
    shape("rect", {
      ...(small ? { x: 90 + i * 9, y: 384, width: 9, height: 18 }
        : { x: 372, y: 26 + (19 - i) * 15, width: 18, height: 15 }),
      "fill-opacity": i / 19,
    }),
  )
  const names = [0, 1].map((i) =>
    shape("text", small ? { x: i ? 276 : 84, y: 398, "text-anchor": i ? "start" : "end" }
      : { x: 398, y: i ? 38 : 326, "text-anchor": "start" }, ""),
  )
  picture.append(shape("g", { class: "surface" }, ...key), ...names)
  const said = reading()

  const show = () => {
    const theta = weights.map((each) => each.value)
    const b = bias.value
    const x = inputs.map((each) => each.value)
    const name = activation.value
    const [least, most] = ACTIVATIONS[name].range
    for (const cell of cells) {
      const { h } = neuron(theta, b, cell.x, name)
      const share = Math.max(0, Math.min(1, (h - least) / (most - least)))
      cell.node.setAttribute("fill-opacity", share.toFixed(3))
    }
    names[0].textContent = `h = ${number(least)}`
    names[1].textContent = `h = ${number(most)}${name === "ReLU" ? (small ? " +" : " or more") : ""}`
    const length = theta[0] ** 2 + theta[1] ** 2
    const foot = theta.map((weight) => (length ? (-b * weight) / length : 0))
    const along = length ? [-theta[1], theta[0]].map((each) => each / Math.sqrt(length)) : [0, 0]
    const ends = [-20, 20].map((t) => foot.map((each, i) => each + t * along[i]))
    const put = ([x1, x2]) => [plane.X(x1), plane.Y(x2)]
    border.setAttribute("d", length ? line(ends.map(put)) : "")
    const tip = foot.map((each, i) => each + theta[i])
    arrow.setAttribute("d", length ? tipped(put(foot), put(tip)) : "")
    point.setAttribute("cx", plane.X(x[0]))
    point.setAttribute("cy", plane.Y(x[1]))
    const { z, h } = neuron(theta, b, x, name)
    const where = length
      ? `The neuron switches at the line ${sum(theta, ["x₁", "x₂"], b)} = 0; the arrow is the vector of weights.`
      : "Both weights are 0: the output is the same everywhere, and there is no line."
    said.say([`z = ${sum(theta, x.map(inner), b)} = ${number(z)}, h = ${number(h)}.`, where])
  }
  const control = (label, value) =>
    slider({ label, min: LOW, max: HIGH, step: 0.1, value, input: show })
  const weights = [control("Weight θ₁", data.theta[0]), control("Weight θ₂", data.theta[1])]
  const bias = control("Bias b", data.b)
  const inputs = [control("Input x₁", data.x[0]), control("Input x₂", data.x[1])]
  const activation = choice({
    label: "Activation", options: Object.keys(ACTIVATIONS), value: "logistic", input: show,
  })
  const sliders = [...weights, bias, ...inputs].map((each) => each.node)
  const controls = element("div", { class: "controls" }, activation.node, ...sliders)
  arrange(place, "One neuron with two inputs", picture, controls, said.node)
  show()
}

const inner = (value) => (value < 0 ? `(${number(value)})` : number(value))

/** A weighted sum as it is written: θ₁·x₁ + θ₂·x₂ + b. */
function sum(theta, x, b) {
  const terms = theta.map((weight, i) => `${number(weight)}·${x[i]}`)
  const rest = `${b < 0 ? "−" : "+"} ${number(Math.abs(b))}`
  const second = terms[1].startsWith("−") ? `− ${terms[1].slice(1)}` : `+ ${terms[1]}`
  return `${terms[0]} ${second} ${rest}`
}

/** An arrow from one place to another, with its head. */
function tipped([x1, y1], [x2, y2]) {
  const angle = Math.atan2(y2 - y1, x2 - x1)
  const head = [-0.45, 0.45].map((turn) => [
    x2 - 11 * Math.cos(angle + turn),
    y2 - 11 * Math.sin(angle + turn),
  ])
  return line([[x1, y1], [x2, y2], head[0], [x2, y2], head[1]])
}
