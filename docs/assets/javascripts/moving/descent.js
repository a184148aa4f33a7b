// Gradient descent on x²: the reader chooses the learning rate, the start, the step.

import {
  arrange, axes, choice, drawing, element, line, narrow, number, reading, shape, slider,
} from "./kit.js"

const MOST = 12 // steps

/** The places x of gradient descent on x² (gradient 2x): the start, then `steps` more. */
export function descend(rate, start, steps = MOST) {
  const path = [start]
  for (let step = 0; step < steps; step++) path.push(path[step] - rate * 2 * path[step])
  return path
}

/** What the factor 1 − 2α does to the distance, in words. */
export function fate(rate) {
  const factor = 1 - 2 * rate
  if (Math.abs(factor) < 1e-9) return "One step reaches the minimum."
  if (Math.abs(factor + 1) < 1e-9) return "It jumps from side to side forever."
  if (factor < -1) return "It diverges: every step ends farther away, on the other side."
  if (factor < 0) return "It converges, and every step jumps over the minimum."
  return "It converges from one side."
}

export default function build(place, data) {
  const stacked = narrow(place)
  const parabola = axes({
    x: [-2.2, 2.2],
    y: [0, 4.8],
    box: [34, 24, 300, 250],
    ticks: { x: [-2, -1, 0, 1, 2], y: [0, 1, 2, 3, 4] },
    label: { x: "x", y: "x²" },
  })
  const course = axes({
    x: [0, MOST],
    y: [1e-4, 10],
    log: true,
    box: stacked ? [64, 314, 300, 500] : [370, 24, 620, 250],
    ticks: { x: [0, 4, 8, 12], y: [1e-4, 1e-3, 1e-2, 0.1, 1, 10], nameY: (y) => String(y) },
    label: { x: "step t", y: "distance |x| to the minimum" },
  })
  const picture = drawing("The path on the parabola, and the distance over the steps",
    ...(stacked ? [320, 540] : [640, 290]))
  picture.append(parabola.node, course.node)
  const grid = Array.from({ length: 89 }, (_, i) => -2.2 + i * 0.05)
  const clip = `moving-clip-${Math.random().toString(36).slice(2)}`
  picture.prepend(
    shape("clipPath", { id: clip }, shape("rect", { x: 30, y: 12, width: 600, height: stacked ? 490 : 240 })),
  )
  for (const each of [parabola, course]) each.inside.setAttribute("clip-path", `url(#${clip})`)
  const bowl = line(grid.map((x) => [parabola.X(x), parabola.Y(x * x)]))
  parabola.inside.append(shape("path", { d: bowl, class: "quiet" }))
  const path = shape("path", { class: "dashed c0" })
  const points = shape("g", { class: "points" })
  const now = shape("circle", { r: 7, class: "now" })
  parabola.inside.append(path, points, now)
  const exact = shape("path", { class: "c1" })
  const marks = shape("g", { class: "points" })
  const nowAt = shape("circle", { r: 7, class: "now" })
  course.inside.append(exact, marks, nowAt)
  const said = reading()

  const show = () => {
    const places = descend(rate.value, start.value)
    const t = step.value
    const at = (x) => [parabola.X(x), parabola.Y(x * x)]
    set(path, line(places.slice(0, t + 1).map(at)))
    points.replaceChildren(...places.slice(0, t + 1).map((x) => dot(...at(x))))
    move(now, at(places[t]))
    const far = (x) => Math.max(Math.abs(x), 1e-12)
    const factor = 1 - 2 * rate.value
    const law = places.map((_, i) => far(start.value * factor ** i))
    set(exact, line(law.map((x, i) => [course.X(i), course.Y(x)])))
    marks.replaceChildren(...places.map((x, i) => dot(course.X(i), course.Y(far(x)))))
    move(nowAt, [course.X(t), course.Y(far(places[t]))])
    said.say([
      `Factor 1 − 2α = ${number(factor)}. ${fate(rate.value)}`,
      `Step ${t}: x = ${number(places[t], 6)}, gradient 2x = ${number(2 * places[t], 6)}; ` +
        `closed form (1 − 2α)ᵗ · x₀ = ${number(start.value * factor ** t, 6)}.`,
    ])
  }
  const rate = slider({
    label: "Learning rate α", min: 0.05, max: 1.2, step: 0.05, value: data.rate, input: show,
  })
  const start = slider({
    label: "Start x₀", min: -2, max: 2, step: 0.1, value: data.start, input: show,
  })
  const step = slider({ label: "Step t", min: 0, max: MOST, step: 1, value: 4, input: show })
  const known = choice({
    label: "Rates of this chapter",
    options: data.rates.map(String),
    value: String(data.rate),
    input: () => {
      rate.value = known.value
      start.value = data.start
      show()
    },
  })
  const controls = element("div", { class: "controls" }, known.node, rate.node, start.node, step.node)
  arrange(place, "Gradient descent on x squared", picture, controls, said.node)
  show()
}

const set = (path, d) => path.setAttribute("d", d)
const dot = (cx, cy) => shape("circle", { cx, cy, r: 4 })
const move = (circle, [cx, cy]) => {
  circle.setAttribute("cx", cx)
  circle.setAttribute("cy", cy)
}
