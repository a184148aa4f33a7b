// The graph of the running example, as the still figure draws it: the values rise, the
// gradients flow down, step by step. All values come from the live graph.

import {
  arrange, button, drag, drawing, element, narrow, player, reading, set, shape, slider, text,
} from "./kit.js"

const INDEX = { 1: "₁", 2: "₂", 3: "₃" }

/** A name as it is written in formulas: z3 becomes z₃. */
export const written = (name) => name.replace(/[123]/, (digit) => INDEX[digit])

/** The program that is carried out; each line has the tensor that it makes. */
const PROGRAM = [
  ["x1", "# x1, x2, x3 are given"], ["z1", "z1 = 2 * x2"], ["z2", "z2 = x1 + z1"],
  ["z3", "z3 = z2 @ x3"], ["y", "y = z3 / 5"], [null, "y.backward()"],
]
const FORMULAS = {
  z1: "z₁ = 2 x₂", z2: "z₂ = x₁ + z₁", z3: "z₃ = z₂ᵀ x₃", y: "y = z₃ / 5",
}

/** The chain rule, with its numbers, for the gradient that reaches a tensor. */
const chain = ({ values, received }) => ({
  y: () => `∂y/∂y = ${received.y}`,
  z3: () => `∂y/∂z₃ = ∂y/∂y · 1/5 = ${received.y} / 5 = ${received.z3}`,
  x3: () => `∂y/∂x₃ = ∂y/∂z₃ · z₂ = ${received.z3} · ${values.z2} = ${received.x3}`,
  z2: () => `∂y/∂z₂ = ∂y/∂z₃ · x₃ = ${received.z3} · ${values.x3} = ${received.z2}`,
  x1: () => `∂y/∂x₁ = ∂y/∂z₂ · 1 = ${received.x1}`,
})

/**
 * The steps of both passes: which tensors each reaches, and what is said of it.
 *
 * The gradients reach the nodes in the order in which PyTorch's own engine sent them.
 */
export function steps(data) {
  const inputs = ["x1", "x2", "x3"]
  const first = {
    direction: "forward",
    reached: inputs,
    words: [`The inputs: ${inputs.map((name) => `${written(name)} = ${data.values[name]}`).join(", ")}.`],
  }
  const forward = Object.keys(FORMULAS).map((name) => ({
    direction: "forward",
    reached: [name],
    words: [
      `Forward: ${FORMULAS[name]} = ${data.values[name]}.`,
      data.nodes[name] ? `PyTorch records ${data.nodes[name]}.`
        : "Nothing is recorded: x₂ does not require a gradient.",
    ],
  }))
  const rule = chain(data)
  const backward = Object.keys(data.received).map((name) => ({
    direction: "backward",
    reached: [name],
    words: [
      `Backward: ${rule[name]()}.`,
      !data.sender[name] ? "The pass starts here."
        : `${data.sender[name]} sends it` +
          (data.nodes[name] === "AccumulateGrad" ? `; it is kept in ${name}.grad.` : "."),
    ],
  }))
  return [first, ...forward, ...backward]
}

/** The boxes: a name, a column, a row, and whether it is an end (a plain box). */
const boxes = (nodes) => [
  { key: "start", column: 0, row: 0, words: ["y.backward()"], plain: true },
  { key: "y", column: 0, row: 1, words: [nodes.y, "of y"] },
  { key: "z3", column: 0, row: 2, words: [nodes.z3, "of z3"] },
  { key: "five", column: 1, row: 2, words: ["None"], none: true },
  { key: "z2", column: 0, row: 3, words: [nodes.z2, "of z2"] },
  { key: "x3", column: 1, row: 3, words: [nodes.x3, "into x3.grad"], plain: true },
  { key: "x1", column: 0, row: 4, words: [nodes.x1, "into x1.grad"], plain: true },
  { key: "z1", column: 1, row: 4, words: ["None"], none: true },
]
/** The edges, each with the tensor whose value rose and whose gradient flows along it. */
const EDGES = [
  ["start", "y"], ["y", "z3"], ["y", "five"], ["z3", "z2"], ["z3", "x3"], ["z2", "x1"], ["z2", "z1"],
]

export default function build(place, data) {
  const course = steps(data)
  const small = narrow(place)
  const columns = small ? [104, 284] : [122, 312]
  const [wide, high, gap] = [small ? 146 : 128, small ? 48 : 42, small ? 112 : 104]
  const picture = drawing("The backward graph with values and gradients on its edges",
    small ? 360 : 400, 4 * gap + high + 12)
  const at = {}
  const nodes = boxes(data.nodes).map(({ key, column, row, words, plain, none }) => {
    const [x, y] = at[key] = [columns[column], 6 + high / 2 + row * gap]
    const width = none ? 62 : wide
    const node = shape("g", {},
      shape("rect", { x: x - width / 2, y: y - high / 2, width, height: high, rx: plain ? 0 : 6 }),
      ...words.map((word, i) => text(x, y + (words.length === 1 ? 5 : i ? 15 : -3), word, "middle", "name")))
    return { key, none, node }
  })
  const edges = EDGES.map(([from, to]) => {
    const [[x1, y1], [x2, y2]] = [at[from], at[to]]
    const none = to === "five" || to === "z1"
    const [top, bottom] = [y1 + high / 2, y2 - high / 2 - 2]
    // A slanted edge leaves below its node's right half, and ends above the other box.
    const [begin, end] = x1 === x2 ? [x1, x2] : [x1 + wide / 4, x2 - 8]
    const turn = Math.atan2(bottom - top, end - begin)
    const ends = [-0.4, 0.4].map((bend) => [end - 9 * Math.cos(turn + bend), bottom - 9 * Math.sin(turn + bend)])
    const [x, y] = x1 === x2 ? [begin - 8, (top + bottom) / 2] : [(begin + end) / 2 + 36, (top + bottom) / 2 - 12]
    const anchor = x1 === x2 ? "end" : "start"
    const value = text(x, y - 3, "", anchor, "value")
    const gradient = text(x, y + (small ? 16 : 14), "", anchor, "gradient")
    const node = shape("g", {},
      shape("path", { d: `M${begin} ${top}L${end} ${bottom}` }),
      shape("path", { class: "head", d: `M${ends[0]}L${end} ${bottom}L${ends[1]}z` }), value, gradient)
    return { to, none, node, value, gradient }
  })
  picture.append(...edges.map((edge) => edge.node), ...nodes.map((each) => each.node))
  const said = reading()
  const lines = PROGRAM.map(([, code]) => element("li", {}, element("code", {}, code)))
  const program = element("ol", { class: "program", "aria-label": "The program" }, ...lines)

  const show = () => {
    const now = course[step.value]
    const past = course.slice(0, step.value + 1)
    const reached = (direction) =>
      new Set(past.filter((each) => each.direction === direction).flatMap((each) => each.reached))
    const [known, sent] = [reached("forward"), reached("backward")]
    const backward = now.direction === "backward"
    for (const { key, none, node } of nodes) {
      const there = key === "start" ? backward : key === "five" ? known.has("y")
        : none ? known.has("z2") : known.has(key)
      const active = now.reached.includes(key)
      set(node, { class: `node ${none ? "none" : ""} ${there ? "" : "absent"} ${active ? `active ${now.direction}` : ""}` })
    }
    for (const { to, none, node, value, gradient } of edges) {
      const there = to === "five" ? known.has("y") : known.has(to)
      value.textContent = !there ? "" : to === "five" ? "5" : `${written(to)} = ${data.values[to]}`
      gradient.textContent = sent.has(to) ? `grad ${data.received[to]}` : ""
      const flows = sent.has(to) && !none
      const active = now.reached.includes(to) ? `active ${now.direction}` : ""
      set(node, { class: `edge ${none ? "none" : ""} ${there ? "" : "absent"} ${flows ? "flows" : ""} ${active}` })
    }
    const made = backward ? null : now.reached[0]
    lines.forEach((line, i) => set(line, { "aria-current": PROGRAM[i][0] === made && "step" }))
    back.disabled = step.value === 0
    next.disabled = step.value === course.length - 1
    said.say([`${step.value + 1} of ${course.length}. ${now.words[0]}`, now.words[1] ?? ""].filter(Boolean))
  }
  const go = (by) => () => {
    play.stop()
    step.go(step.value + by)
  }
  const step = slider({
    label: "Step", min: 0, max: course.length - 1, step: 1, value: 0,
    format: (value) => `${value + 1} of ${course.length}`, input: show,
  })
  const play = player(step, { pace: 1600 })
  const back = button("Back", go(-1))
  const next = button("Next", go(1))
  // A node or an edge that is pressed shows the last step that has reached it.
  const last = (key) => course.findLastIndex((each) => each.reached.includes(key))
  drag(picture, null, [...edges.map(({ to, node }) => ({ node, key: to })), ...nodes]
    .filter(({ key }) => last(key) >= 0)
    .map(({ node, key }) => ({ node, to: () => { play.stop(); step.go(last(key)) } })))
  const controls = element("div", { class: "controls" },
    element("div", { class: "buttons" }, play.node, back, next), step.node)
  const key = element("p", { class: "key" },
    "On each edge: above, the value that came up; below, the gradient that flows down. " +
    "On dashed edges nothing flows.")
  arrange(place, {
    name: "The forward and the backward pass",
    question: "Seven tensors take part. At the end, which of them have a gradient in their " +
      "property grad? Say which, then play.",
    answer: "Only x₁ and x₃, the leaves that require a gradient: their edges end at an AccumulateGrad. " +
      "The gradients of y, z₃ and z₂ pass through and are not kept. Nothing flows to z₁ and x₂, " +
      "since neither requires a gradient.",
    caption: "The same graph during both passes: play it, go step by step, or press a node to " +
      "see what reaches it.",
  }, element("div", { class: "beside" }, picture, element("div", {}, program, said.node)), key, controls)
  show()
}
