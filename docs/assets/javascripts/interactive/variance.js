// Twenty layers with weights of plus and minus g/8: what is left of activations and gradients?

import {
  arrange, axes, choice, clip, drag, drawing, element, handle, line, narrow, player, reading,
  set, shape, slider,
} from "./kit.js"

const FUNCTIONS = {
  linear: [(z) => z, () => 1],
  ReLU: [(z) => Math.max(z, 0), (z) => (z > 0 ? 1 : 0)],
  tanh: [Math.tanh, (z) => 1 - Math.tanh(z) ** 2],
}
const [LEAST, MUCH] = [1e-8, 1e9] // of the deviations that are drawn

/** The signs, 1 and -1, that the digits of a hexadecimal number hold. */
export function unpacked(digits) {
  const signs = new Float64Array(4 * digits.length)
  for (let i = 0; i < digits.length; i++) {
    const four = parseInt(digits[i], 16)
    for (let j = 0; j < 4; j++) signs[4 * i + j] = (four >> (3 - j)) & 1 ? 1 : -1
  }
  return signs
}

/** The network of the page: its matrices one after another, its inputs, its gradient. */
export function network({ signs, inputs, arriving, shape: [layers, width, samples] }) {
  return { matrices: unpacked(signs), inputs, arriving, layers, width, samples }
}

/** The standard deviation of all numbers. */
export function deviation(values) {
  let [sum, squares] = [0, 0]
  for (const value of values) sum += value
  const mean = sum / values.length
  for (const value of values) squares += (value - mean) ** 2
  return Math.sqrt(squares / (values.length - 1))
}

/** The deviations of the activations and of the gradients, from the first layer on. */
export function deviations({ matrices, inputs, arriving, layers, width, samples }, gain, name) {
  const [phi, slope] = FUNCTIONS[name]
  const scale = gain / Math.sqrt(width)
  const [there, back, slopes] = [[], [], []]
  let h = inputs
  for (let l = 0; l < layers; l++) {
    const [next, slopesHere] = [new Float64Array(samples * width), new Float64Array(samples * width)]
    for (let s = 0; s < samples; s++) {
      for (let i = 0; i < width; i++) {
        const row = (l * width + i) * width
        let z = 0
        for (let j = 0; j < width; j++) z += matrices[row + j] * h[s * width + j]
        next[s * width + i] = phi(scale * z)
        slopesHere[s * width + i] = scale * slope(scale * z)
      }
    }
    slopes.push(slopesHere)
    there.push(deviation((h = next)))
  }
  let G = arriving
  for (let l = layers - 1; l >= 0; l--) {
    back[l] = deviation(G)
    const before = new Float64Array(samples * width)
    for (let s = 0; s < samples; s++) {
      for (let i = 0; i < width; i++) {
        const passed = G[s * width + i] * slopes[l][s * width + i]
        if (passed === 0) continue
        const row = (l * width + i) * width
        for (let j = 0; j < width; j++) before[s * width + j] += matrices[row + j] * passed
      }
    }
    G = before
  }
  return { there, back }
}

/** A number with four digits that count. */
export function digits(value) {
  const [size, power] = value.toExponential(3).split("e").map(Number)
  if (power >= -3 && power < 4) return String(Number(value.toPrecision(4)))
  return `${size.toFixed(3)} · 10${[...String(power)].map((c) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[c] ?? "⁻").join("")}`
}

/** The gain for which something that grows with it comes closest to what is wanted. */
export function gainFor(grows, wanted, low = 0.3, high = 3) {
  for (let i = 0; i < 9; i++) {
    const middle = (low + high) / 2
    if (grows(middle) < wanted) low = middle
    else high = middle
  }
  return (low + high) / 2
}

export default function build(place, data) {
  const net = network(data)
  const { layers } = net
  const small = narrow(place)
  const box = small ? [52, 30, 340, 300] : [60, 30, 620, 320]
  const field = axes({
    x: [0.5, layers + 0.5], y: [LEAST, MUCH], log: true, box,
    ticks: {
      x: [1, 5, 10, 15, 20], y: [1e-8, 1e-4, 1, 1e4, 1e8],
      nameY: (y) => ({ 1e-8: "10⁻⁸", 1e-4: "10⁻⁴", 1: "1", 1e4: "10⁴", 1e8: "10⁸" })[y],
    },
    label: { x: "layer", y: "standard deviation" },
  })
  const picture = drawing("The standard deviation of activations and gradients in 20 layers",
    small ? 360 : 640, box[3] + 46)
  picture.append(field.node)
  const one = shape("path", { class: "quiet", d: `M${box[0]} ${field.Y(1)}H${box[2]}` })
  const curves = [shape("path", { class: "c0" }), shape("path", { class: "c1 dashed" })]
  const drawn = shape("g", {}, ...curves)
  picture.append(clip(drawn, box))
  const marks = [shape("g", { class: "points" }), shape("g", {})]
  const [now, end] = [handle("now"), handle("start")]
  field.inside.append(one, drawn, ...marks, end.node, now.node)
  const said = reading()
  const held = (value) => field.Y(Math.max(LEAST, Math.min(MUCH, value)))

  const show = () => {
    const { there, back } = deviations(net, gain.value, phi.value)
    const done = step.value
    const at = (values) => (l) => [field.X(l + 1), held(values[l])]
    const forth = there.slice(0, done).map((_, l) => at(there)(l))
    const home = back.map((_, l) => layers - 1 - l).slice(0, Math.max(0, done - layers)).map(at(back))
    set(curves[0], { d: forth.length ? line(forth) : "" })
    set(curves[1], { d: home.length ? line(home) : "" })
    const beyond = (l, values) => values[l] < LEAST ? "below" : values[l] > MUCH ? "above" : null
    marks[0].replaceChildren(
      ...forth.map((point, l) => dot(...point, beyond(l, there), "c0")))
    marks[1].replaceChildren(
      ...home.map((point, i) => dot(...point, beyond(layers - 1 - i, back), "c1")))
    const place_ = done === 0 ? [field.X(0.5), field.Y(1)]
      : done > layers ? home.at(-1) : forth.at(-1)
    now.move(place_)
    end.move(at(there)(layers - 1))
    set(end.node, { display: done >= layers ? null : "none" })
    said.say([
      `Gain ${gain.value.toFixed(2)}: the standard deviation of the weights is ` +
        `${digits(gain.value / Math.sqrt(net.width))}.`,
      done === 0 ? "The samples are at the first layer."
        : done <= layers ? `Forward, layer ${done}: activations ${digits(there[done - 1])}.`
        : `Backward, layer ${2 * layers - done + 1}: gradients ` +
          `${digits(back[2 * layers - done])}; activations of layer ${layers}: ${digits(there.at(-1))}.`,
    ])
  }
  const phi = choice({
    label: "Activation function", options: ["ReLU", "tanh", "linear"], value: "ReLU", input: show,
  })
  const gain = slider({
    label: "Gain g", min: 0.3, max: 3, step: 0.01, value: 0.58,
    format: (value) => value.toFixed(2), input: show,
  })
  const step = slider({
    label: "Layers passed", min: 0, max: 2 * layers, step: 1, value: 0,
    format: (value) => value <= layers ? `${value} forward` : `${value - layers} backward`,
    input: show,
  })
  const play = player(step, { pace: 150 })
  drag(picture, null, [
    {
      node: now.node,
      to: (where) => {
        play.stop()
        const layer = Math.max(0, Math.min(layers, Math.round(field.at(where)[0])))
        step.go(step.value <= layers ? layer : 2 * layers - Math.max(1, layer) + 1)
      },
    },
    {
      node: end.node,
      to: (where) => {
        const last = (g) => deviations(net, g, phi.value).there.at(-1)
        gain.go(Math.round(gainFor(last, field.at(where)[1]) * 100) / 100)
      },
    },
  ])
  const key = element("p", { class: "key" },
    "Solid: activations, from layer 1 to 20. Dashed: gradients, from layer 20 back to 1. An " +
    "arrowhead marks what lies beyond the picture.")
  const controls = element("div", { class: "controls" },
    element("div", { class: "buttons" }, play.node, phi.node), step.node, gain.node)
  arrange(place, {
    name: "Variance through twenty layers",
    question: "The gain 0.58 is that of nn.Linear. Which gain keeps activations and gradients " +
      "level with ReLU, which for the linear network, and can tanh explode?",
    answer: "About 1.41, the root of 2, with ReLU, and 1 for the linear network; random signs " +
      "let single layers stray from it. With tanh the activations never exceed 1, but the " +
      "gradients can explode: at a gain of 2 they grow more than tenfold on their way back.",
    caption: "Play sends the samples forward and the gradient back. Drag the ring along the " +
      "layers or the square at layer 20 up and down, which changes the gain, or use the sliders.",
  }, picture, key, controls, said.node)
  show()
}

/** A point of a curve; one beyond the picture is an arrowhead at its edge. */
function dot(cx, cy, beyond, look) {
  if (!beyond) return shape("circle", { cx, cy, r: 3.5, class: `${look === "c1" ? "ring " : ""}${look}` })
  const [tip, foot] = beyond === "above" ? [cy - 4, cy + 4] : [cy + 4, cy - 4]
  return shape("path", { d: `M${cx - 5} ${foot}L${cx} ${tip}L${cx + 5} ${foot}z`, class: `off ${look}` })
}
