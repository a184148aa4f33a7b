// Five optimizers in one narrow valley: the reader sets its condition number and the start.

import {
  arrange, axes, choice, clip, drag, drawing, element, handle, line, narrow, number, player,
  reading, set, shape, slider,
} from "./kit.js"

const MOST = 60 // steps
const [WIDE, HIGH] = [5, 3] // of the part of the plane that is drawn
const [LEAST, MUCH] = [1e-4, 1e2] // of the distances that are drawn
const DASHES = ["none", "7 4", "2 4", "10 3 2 3", "14 5"]

/** The steps of each optimizer, from PyTorch's equations: place, gradient, what is kept. */
const STEPS = {
  SGD: (x, g, kept, { lr }) => x - lr * g,
  momentum(x, g, kept, { lr, mu }) {
    kept.s = mu * (kept.s ?? 0) + g
    return x - lr * kept.s
  },
  Nesterov(x, g, kept, { lr, mu }) {
    kept.s = mu * (kept.s ?? 0) + g
    return x - lr * (g + mu * kept.s)
  },
  RMSprop(x, g, kept, { lr }) {
    kept.v = 0.99 * (kept.v ?? 0) + 0.01 * g * g
    return x - (lr * g) / (Math.sqrt(kept.v) + 1e-8)
  },
  Adam(x, g, kept, { lr }) {
    kept.t = (kept.t ?? 0) + 1
    kept.m = 0.9 * (kept.m ?? 0) + 0.1 * g
    kept.v = 0.999 * (kept.v ?? 0) + 0.001 * g * g
    const v = Math.sqrt(kept.v / (1 - 0.999 ** kept.t))
    return x - (lr * (kept.m / (1 - 0.9 ** kept.t))) / (v + 1e-8)
  },
}
export const NAMES = Object.keys(STEPS)

/** The settings of an optimizer: the best there are for SGD and momentum. */
export function settings(name, kappa, own) {
  const root = Math.sqrt(kappa)
  if (name === "SGD") return { lr: 2 / (1 + kappa) }
  if (name === "momentum") return { lr: 4 / (root + 1) ** 2, mu: ((root - 1) / (root + 1)) ** 2 }
  if (name === "Nesterov") return { lr: 1 / kappa, mu: (root - 1) / (root + 1) }
  return { lr: own }
}

/** The Hessian [a, b, c] of the valley: [[a, b], [b, c]], turned by so many degrees. */
export function bowl(kappa, degrees) {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  return [cos * cos + kappa * sin * sin, (1 - kappa) * cos * sin, sin * sin + kappa * cos * cos]
}

/** The places of one optimizer: the start, then `steps` more. */
export function run(name, kappa, degrees, start, own, steps = MOST) {
  const [a, b, c] = bowl(kappa, degrees)
  const given = settings(name, kappa, own)
  const kept = [{}, {}]
  const path = [start]
  for (let step = 0; step < steps; step++) {
    const [x, y] = path[step]
    const g = [a * x + b * y, b * x + c * y]
    path.push([x, y].map((each, i) => STEPS[name](each, g[i], kept[i], given)))
  }
  return path
}

const far = ([x, y]) => Math.hypot(x, y)

export default function build(place, data) {
  const stacked = narrow(place)
  const [upper, lower] = stacked
    ? [[34, 30, 340, 214], [60, 280, 340, 470]] : [[34, 30, 634, 390], [64, 456, 634, 640]]
  const plane = axes({
    x: [-WIDE, WIDE], y: [-HIGH, HIGH], box: upper,
    ticks: { x: [-4, -2, 0, 2, 4], y: [-2, 0, 2] }, label: { x: "θ₁", y: "θ₂" },
  })
  const course = axes({
    x: [-1, MOST + 1], y: [LEAST, MUCH], log: true, box: lower,
    ticks: { x: [0, 15, 30, 45, 60], y: [1e-4, 1e-2, 1, 100], nameY: (y) => String(y) },
    label: { x: "step t", y: "distance to the minimum" },
  })
  const picture = drawing("The paths in the valley, and the distances over the steps",
    ...(stacked ? [350, 520] : [650, 690]))
  picture.append(plane.node, course.node)
  const rings = shape("path", { class: "quiet" })
  const look = (i) => ({ class: i < 3 ? "c0" : "c1", style: `stroke-dasharray: ${DASHES[i]}; stroke-width: ${i < 2 ? 0.9 : 1.8}` })
  const paths = NAMES.map((_, i) => shape("path", look(i)))
  const curves = NAMES.map((_, i) => shape("path", look(i)))
  const marks = NAMES.map(() => shape("circle", { r: 4 }))
  const inPlane = shape("g", { class: "points" }, rings, ...paths, ...marks)
  const inCourse = shape("g", {}, ...curves)
  picture.append(clip(inPlane, upper), clip(inCourse, lower))
  const [origin, nowAt] = [handle("start"), handle("now")]
  plane.inside.append(inPlane, origin.node)
  course.inside.append(inCourse, nowAt.node)
  const said = reading()

  const show = () => {
    const begin = [first.value, second.value]
    const degrees = turned.value === "turned" ? data.turned : 0
    const t = step.value
    set(rings, { d: contours(kappa.value, degrees, plane) })
    const told = NAMES.map((name, i) => {
      const places = run(name, kappa.value, degrees, begin, own.value)
      const at = ([x, y]) => [plane.X(x), plane.Y(y)]
      set(paths[i], { d: line(places.slice(0, t + 1).map(at)) })
      const [cx, cy] = at(places[t])
      set(marks[i], { cx, cy })
      const high = (each) => course.Y(Math.max(LEAST, Math.min(MUCH, far(each))))
      set(curves[i], { d: line(places.slice(0, t + 1).map((each, s) => [course.X(s), high(each)])) })
      if (name === "SGD") nowAt.move([course.X(t), high(places[t])])
      return `${name} ${number(far(places[t]))}`
    })
    origin.move([plane.X(begin[0]), plane.Y(begin[1])])
    const rate = (name) => number(settings(name, kappa.value, own.value).lr)
    said.say([
      `Distance to the minimum after ${t} steps from (${begin.map((each) => number(each)).join(", ")}): ` +
        `${told.join(", ")}.`,
      `Rates: SGD ${rate("SGD")}, momentum ${rate("momentum")} with µ = ` +
        `${number(settings("momentum", kappa.value).mu)}, Nesterov ${rate("Nesterov")} with µ = ` +
        `${number(settings("Nesterov", kappa.value).mu)}, RMSprop and Adam ${rate("Adam")}.`,
    ])
  }
  const kappa = slider({
    label: "Condition number κ", min: 1, max: 200, step: 1, value: data.kappa, input: show,
  })
  const own = slider({
    label: "Rate of RMSprop and Adam", min: 0.02, max: 1, step: 0.02, value: data.own, input: show,
  })
  const first = slider({
    label: "Start θ₁", min: -4.8, max: 4.8, step: 0.1, value: data.start[0], input: show,
  })
  const second = slider({
    label: "Start θ₂", min: -2.8, max: 2.8, step: 0.1, value: data.start[1], input: show,
  })
  const step = slider({ label: "Step t", min: 0, max: MOST, step: 1, value: 0, input: show })
  const turned = choice({
    label: "The valley lies", options: ["along the axes", "turned"], value: "turned", input: show,
  })
  const play = player(step, { pace: 150 })
  const tenth = (value) => Math.round(value * 10) / 10
  drag(picture, null, [
    {
      node: origin.node,
      to: (where) => {
        const [x, y] = plane.at(where)
        first.value = tenth(x)
        second.go(tenth(y))
      },
    },
    {
      node: nowAt.node,
      to: (where) => {
        play.stop()
        step.go(Math.round(course.at(where)[0]))
      },
    },
  ])
  const controls = element("div", { class: "controls" },
    element("div", { class: "buttons" }, play.node, turned.node),
    kappa.node, own.node, first.node, second.node, step.node)
  const key = element("p", { class: "key" },
    "Blue: SGD (solid), momentum (dashed), Nesterov (dotted). Orange: RMSprop (dash and dot), " +
    "Adam (long dashes). The square is the start; the ring marks the step on the curve of SGD.")
  arrange(place, {
    name: "Five optimizers in a narrow valley",
    question: "Which of the five change the shape of their path when the valley is turned, and which " +
      "come closest in 60 steps? Say so, then play both valleys.",
    answer: "RMSprop and Adam divide each coordinate's gradient by its own size, so for them the axes " +
      "matter. SGD and both kinds of momentum see only the Hessian's eigenvalues: turn valley and start " +
      "together, and the distances stay the same. With the best rate and momentum, momentum " +
      "comes closest; for κ = 1 it is SGD itself, and arrives in one step.",
    caption: "The race: set the condition number, and drag the square (the start) in the plane or " +
      "the ring (the step) along the curve, or use the sliders. Play takes the steps one by one.",
  }, picture, key, controls, said.node)
  show()
}

/** Lines of equal height of the valley. */
function contours(kappa, degrees, plane) {
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
  return [0.5, 2, 8, 30, 90, 180].map((height) => {
    const [long, short] = [Math.sqrt(2 * height), Math.sqrt((2 * height) / kappa)]
    return line(Array.from({ length: 73 }, (_, i) => {
      const angle = (i * Math.PI) / 36
      const [u, v] = [long * Math.cos(angle), short * Math.sin(angle)]
      return [plane.X(cos * u - sin * v), plane.Y(sin * u + cos * v)]
    }))
  }).join("")
}
