// The running example, forward and backward, step by step; all values from the live graph.

import {
  arrange, button, drawing, element, narrow, reading, set, shape, slider, text,
} from "./kit.js"

const PLACES = {
  x2: [70, 60], z1: [210, 60], x1: [210, 190], z2: [350, 120], x3: [350, 260], z3: [490, 190],
  y: [630, 190],
}
const BELOW = { // on a narrow screen, from the top to the bottom
  x2: [90, 50], z1: [90, 160], x1: [270, 160], z2: [180, 270], x3: [270, 380], z3: [180, 490],
  y: [180, 600],
}
const [WIDE, HIGH] = [112, 74] // of a node
const ARROWS = [["x2", "z1"], ["z1", "z2"], ["x1", "z2"], ["z2", "z3"], ["x3", "z3"], ["z3", "y"]]

const FORWARD = [
  ["x1", "x2", "x3"], ["z1"], ["z2"], ["z3"], ["y"],
]
const FORMULAS = {
  z1: "z₁ = 2 x₂", z2: "z₂ = x₁ + z₁", z3: "z₃ = z₂ᵀ x₃", y: "y = z₃ / 5",
}
const INDEX = { 1: "₁", 2: "₂", 3: "₃" }

/** A name as it is written in the text: z3 becomes z₃. */
export const written = (name) => name.replace(/[123]/, (digit) => INDEX[digit])

/**
 * The steps of both passes: which node each reaches, and what is said of it.
 *
 * The gradients reach the nodes in the order in which PyTorch's own engine sent them.
 */
export function steps(data) {
  const first = {
    direction: "forward",
    reached: FORWARD[0],
    words: `The inputs: ${FORWARD[0].map((name) => `${written(name)} = ${data.values[name]}`).join(", ")}.`,
  }
  const forward = FORWARD.slice(1).map(([name]) => ({
    direction: "forward",
    reached: [name],
    words: `Forward: ${FORMULAS[name]} = ${data.values[name]}.` +
      (data.nodes[name] ? ` PyTorch records ${data.nodes[name]}.`
        : " Nothing is recorded, since x₂ does not require a gradient."),
  }))
  const backward = Object.keys(data.received).map((name) => ({
    direction: "backward",
    reached: [name],
    words: name === "y"
      ? "Backward: the pass starts at y with the gradient 1."
      : `Backward: ${data.sender[name]} sends ${data.received[name]}, the gradient of y ` +
        `with respect to ${written(name)}` +
        (data.nodes[name] === "AccumulateGrad" ? `; it is kept in ${name}.grad.` : "."),
  }))
  return [first, ...forward, ...backward]
}

export default function build(place, data) {
  const course = steps(data)
  const small = narrow(place)
  const places = small ? BELOW : PLACES
  const picture = drawing("The graph of the running example with values and gradients",
    ...(small ? [360, 650] : [700, 320]))
  const arrows = ARROWS.map(([from, to]) => {
    const [[x1, y1], [x2, y2]] = [places[from], places[to]]
    const turn = Math.atan2(y2 - y1, x2 - x1)
    const reach = Math.min((WIDE / 2 + 4) / Math.abs(Math.cos(turn)), (HIGH / 2 + 4) / Math.abs(Math.sin(turn) || 1e-9))
    const [a, b] = [x1 + reach * Math.cos(turn), y1 + reach * Math.sin(turn)]
    const [c, d] = [x2 - reach * Math.cos(turn), y2 - reach * Math.sin(turn)]
    const node = shape("g", { class: "flow" },
      shape("path", { d: `M${a} ${b}L${c} ${d}` }), head(c, d, turn), head(a, b, turn + Math.PI))
    return { from, to, node }
  })
  const nodes = Object.fromEntries(Object.entries(places).map(([name, [x, y]]) => {
    const value = text(x, y + 4, "", "middle", "value")
    const gradient = text(x, y + 26, "", "middle", "gradient")
    const node = shape("g", { class: "node" },
      shape("rect", { x: x - WIDE / 2, y: y - HIGH / 2, width: WIDE, height: HIGH, rx: 6 }),
      text(x, y - 18, written(name), "middle", "name"), value, gradient)
    return [name, { node, value, gradient }]
  }))
  picture.append(...arrows.map((arrow) => arrow.node), ...Object.values(nodes).map((each) => each.node))
  const said = reading()

  const show = () => {
    const now = step.value
    const past = course.slice(0, now + 1)
    const reached = (direction) =>
      new Set(past.filter((each) => each.direction === direction).flatMap((each) => each.reached))
    const [known, sent] = [reached("forward"), reached("backward")]
    for (const [name, { node, value, gradient }] of Object.entries(nodes)) {
      value.textContent = known.has(name) ? data.values[name] : ""
      gradient.textContent = sent.has(name) ? `grad ${data.received[name]}`
        : sent.size && !(name in data.received) ? "no grad" : ""
      const active = course[now].reached.includes(name)
      set(node, { class: `node${active ? ` active ${course[now].direction}` : ""}` })
    }
    for (const { from, to, node } of arrows) {
      const forward = known.has(to)
      const backward = sent.has(from) && sent.has(to)
      set(node, { class: `flow${backward ? " backward" : forward ? " forward" : ""}` })
    }
    back.disabled = now === 0
    next.disabled = now === course.length - 1
    said.say([`${now + 1} of ${course.length}. ${course[now].words}`])
  }
  const go = (by) => () => {
    step.value = step.value + by
    show()
  }
  const step = slider({
    label: "Step", min: 0, max: course.length - 1, step: 1, value: 0,
    format: (value) => `${value + 1} of ${course.length}`, input: show,
  })
  const back = button("Back", go(-1))
  const next = button("Next", go(1))
  const controls = element("div", { class: "controls" },
    element("div", { class: "buttons" }, back, next), step.node)
  arrange(place, "The forward and the backward pass", picture, controls, said.node)
  show()
}

function head(x, y, turn) {
  const ends = [-0.45, 0.45].map((bend) => [
    x - 10 * Math.cos(turn + bend), y - 10 * Math.sin(turn + bend),
  ])
  return shape("path", { d: `M${ends[0]}L${x} ${y}L${ends[1]}`, class: "head" })
}
