// One neuron with two inputs: weights, bias and activation under the reader's hand.

import {
  arrange, axes, choice, clip, drag, drawing, element, handle, line, narrow, number, player,
  reading, shape, slider,
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

/**
 * The weights whose arrow, which starts on the line z = 0, ends at this tip, for this
 * bias; of several the ones nearest to those before.
 */
export function weightsTo(tip, b, before) {
  const far = Math.hypot(...tip)
  if (far < 1e-9) return before
  const unit = tip.map((each) => each / far)
  // Along the arrow's direction the tip lies at |θ| − b/|θ|, on either side of the origin.
  const lengths = [far, -far].flatMap((place) => {
    const inside = place * place + 4 * b
    const root = Math.sqrt(Math.max(inside, 0))
    return [(place + root) / 2, (place - root) / 2].map((length) => length * Math.sign(place))
      .filter((length) => length * Math.sign(place) > 1e-9)
  })
  const found = lengths.map((length) => unit.map((each) => each * length))
  const away = (theta) => Math.hypot(theta[0] - before[0], theta[1] - before[1])
  return found.sort((one, other) => away(one) - away(other))[0] ?? before
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
  picture.append(clip(plane.inside, [40, 26, 340, 326]), plane.node)
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
  const grip = shape("path", { class: "grip" })
  const line_ = shape("g", { class: "handle" }, grip, border)
  const arrow = shape("path", { class: "arrow" })
  const [point, tip] = [handle("now"), handle("tip")]
  plane.inside.append(surface, line_, arrow)
  // What can be taken is whole at the rim, too.
  const handles = shape("g", {}, tip.node, point.node)
  picture.append(clip(handles, [30, 16, 350, 336]), handles)
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
    names[1].textContent = `h ${name === "ReLU" ? "≥" : "="} ${number(most)}`
    const length = theta[0] ** 2 + theta[1] ** 2
    const foot = theta.map((weight) => (length ? (-b * weight) / length : 0))
    const along = length ? [-theta[1], theta[0]].map((each) => each / Math.sqrt(length)) : [0, 0]
    const ends = [-20, 20].map((t) => foot.map((each, i) => each + t * along[i]))
    const put = ([x1, x2]) => [plane.X(x1), plane.Y(x2)]
    for (const each of [border, grip]) each.setAttribute("d", length ? line(ends.map(put)) : "")
    const end = foot.map((each, i) => each + theta[i])
    arrow.setAttribute("d", length ? tipped(put(foot), put(end)) : "")
    tip.move(put(end))
    point.move(put(x))
    const { z, h } = neuron(theta, b, x, name)
    const where = length
      ? `The neuron switches at the line ${sum(theta, ["x₁", "x₂"], b)} = 0.`
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
  const play = player(inputs[0], { pace: 60, sweep: true })
  const tenths = (value) => Math.round(Math.max(LOW, Math.min(HIGH, value)) * 10) / 10
  const give = (sliders, values) => {
    play.stop()
    sliders.forEach((each, i) => (each.value = tenths(values[i])))
    show()
  }
  drag(picture, [40, 26, 340, 326], [
    { node: point.node, to: (place) => give(inputs, plane.at(place)) },
    {
      node: tip.node,
      to: (place) => give(weights, weightsTo(plane.at(place), bias.value, weights.map((each) => each.value))),
    },
    {
      node: line_,
      to: (place) => {
        const [x1, x2] = plane.at(place)
        give([bias], [-(weights[0].value * x1 + weights[1].value * x2)])
      },
    },
  ])
  const sliders = [...weights, bias, ...inputs].map((each) => each.node)
  const controls = element("div", { class: "controls" },
    element("div", { class: "buttons" }, play.node, activation.node), ...sliders)
  arrange(place, {
    name: "One neuron with two inputs",
    question: "Make the arrow half as long without turning it, while the bias stays. " +
      "What becomes of the line where the neuron switches: does it turn, does it move, " +
      "and how does the color change across it?",
    answer: "The line does not turn. Its distance from the origin is |b| divided by the length " +
      "of the arrow, so it moves to twice that distance; with b = 0 it stays. Across it the sum z " +
      "grows half as fast, so the color takes twice the way to change: the neuron switches less abruptly.",
    caption: "One neuron: drag the ring (the input), the tip of the arrow (the weights) or the " +
      "thick line (the bias), or use the sliders. Play moves the input from left to right.",
  }, picture, controls, said.node)
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
