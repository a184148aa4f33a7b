// Gradient descent on x²: the reader chooses the learning rate, the start, the step.

import {
  arrange, axes, choice, clip, drag, drawing, element, handle, line, narrow, number, player,
  reading, set, shape, slider, text,
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

const [WIDE, HIGH] = [2.2, 4.8] // of the parabola that is drawn
const [LEAST, MUCH] = [1e-4, 1e3] // of the distances that are drawn

/** Where a point is drawn, and on which side it is beyond the drawing, if it is. */
export function shown(x) {
  if (Math.abs(x) <= WIDE && x * x <= HIGH) return { x, y: x * x, beyond: null }
  const edge = Math.sign(x) * Math.sqrt(HIGH)
  return { x: edge, y: HIGH, beyond: "above" }
}

export default function build(place, data) {
  const stacked = narrow(place)
  const [left, right] = [[34, 30, 300, 256], stacked ? [64, 330, 300, 516] : [374, 30, 620, 256]]
  const parabola = axes({
    x: [-WIDE, WIDE], y: [0, HIGH], box: left,
    ticks: { x: [-2, -1, 0, 1, 2], y: [0, 1, 2, 3, 4] },
    label: { x: "x", y: "x²" },
  })
  const course = axes({
    x: [-0.5, MOST + 0.5], y: [LEAST, MUCH], log: true, box: right,
    ticks: {
      x: [0, 4, 8, 12], y: [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000], nameY: (y) => String(y),
    },
    label: { x: "step t", y: "distance |x| to the minimum" },
  })
  const picture = drawing("The path on the parabola, and the distance over the steps",
    ...(stacked ? [320, 560] : [640, 296]))
  picture.append(parabola.node, course.node)
  const grid = Array.from({ length: 89 }, (_, i) => -WIDE + i * 0.05)
  const bowl = line(grid.map((x) => [parabola.X(x), parabola.Y(x * x)]))
  const inBowl = shape("g", {}, shape("path", { d: bowl, class: "quiet" }))
  const path = shape("path", { class: "dashed c0" })
  const points = shape("g", { class: "points" })
  const [now, origin] = [shape("circle", { r: 7, class: "now" }), handle("start")]
  const away = text(0, 0, "", "start", "label")
  const arrow = shape("path", { class: "beyond" })
  const [l, t, r, b] = left
  picture.append(clip(inBowl, [l - 8, t, r + 8, b + 8]))
  inBowl.append(path)
  parabola.inside.append(inBowl, points, now, arrow, away, origin.node)
  const exact = shape("path", { class: "c1" })
  const drawn = shape("g", {}, exact)
  picture.append(clip(drawn, right))
  const [marks, nowAt] = [shape("g", { class: "points" }), handle("now")]
  course.inside.append(drawn, marks, nowAt.node)
  const said = reading()

  const show = () => {
    const places = descend(rate.value, start.value)
    const t_ = step.value
    const at = (x) => [parabola.X(x), parabola.Y(x * x)]
    const put = ({ x, y }) => [parabola.X(x), parabola.Y(y)]
    const past = places.slice(0, t_ + 1)
    set(path, { d: line(past.map(at)) })
    points.replaceChildren(...past.map(shown).map((each) => dot(...put(each), each.beyond)))
    const here = shown(places[t_])
    const [nowX, nowY] = put(here)
    set(now, { cx: nowX, cy: nowY, display: here.beyond && "none" })
    set(arrow, { d: here.beyond ? `M${nowX} ${nowY + 4}v-22m-6 8l6-8 6 8` : "" })
    set(away, { x: nowX + (nowX > 160 ? -12 : 12), y: nowY - 6, "text-anchor": nowX > 160 ? "end" : "start" })
    away.textContent = here.beyond ? `x = ${number(places[t_], 2)}, beyond the picture` : ""
    origin.move(at(start.value))
    const factor = 1 - 2 * rate.value
    const law = places.map((_, i) => Math.max(Math.abs(start.value * factor ** i), 1e-12))
    set(exact, { d: line(law.map((x, i) => [course.X(i), course.Y(x)])) })
    const clamp = (x) => course.Y(Math.max(LEAST, Math.min(MUCH, Math.abs(x))))
    marks.replaceChildren(...places.map((x, i) =>
      dot(course.X(i), clamp(x), Math.abs(x) < LEAST ? "below" : null)))
    nowAt.move([course.X(t_), clamp(places[t_])])
    said.say([
      `Factor 1 − 2α = ${number(factor)}. ${fate(rate.value)}`,
      `Step ${t_}: x = ${number(places[t_], 6)}, gradient 2x = ${number(2 * places[t_], 6)}; ` +
        `closed form (1 − 2α)ᵗ · x₀ = ${number(start.value * factor ** t_, 6)}.`,
    ])
  }
  const rate = slider({
    label: "Learning rate α", min: 0.05, max: 1.2, step: 0.05, value: data.rate, input: show,
  })
  const start = slider({
    label: "Start x₀", min: -2, max: 2, step: 0.1, value: data.start, input: show,
  })
  const step = slider({ label: "Step t", min: 0, max: MOST, step: 1, value: 0, input: show })
  const known = choice({
    label: "Rates of this chapter",
    options: data.rates.map(String),
    value: String(data.rate),
    input: () => {
      play.stop()
      rate.value = known.value
      start.value = data.start
      step.value = 0
      show()
    },
  })
  const play = player(step)
  drag(picture, null, [
    { node: origin.node, to: (place_) => start.go(Math.round(parabola.at(place_)[0] * 10) / 10) },
    {
      node: nowAt.node,
      to: (place_) => {
        play.stop()
        step.go(Math.round(course.at(place_)[0]))
      },
    },
  ])
  const controls = element("div", { class: "controls" },
    element("div", { class: "buttons" }, play.node, known.node), rate.node, start.node, step.node)
  const key = element("p", { class: "key" },
    "Left: the steps on x²; the square is the start. Right: markers are computed step by step, " +
    "the line is the closed form; an arrowhead marks what lies beyond the picture.")
  arrange(place, {
    name: "Gradient descent on x squared",
    question: "Which learning rates jump from one side of the minimum to the other and still " +
      "arrive? Say where that range begins and ends, then try.",
    answer: "Those between 0.5 and 1. There the factor 1 − 2α lies between −1 and 0: every step " +
      "changes the side, and ends closer to the minimum. Below 0.5 the path stays on its side, " +
      "at 0.5 it arrives in one step, at 1 it jumps between two places forever, and above 1 it diverges.",
    caption: "Gradient descent: drag the square (the start) along the parabola or the ring " +
      "(the step) along the curve, or use the sliders. Play takes the steps one by one.",
  }, picture, key, controls, said.node)
  show()
}

/** A point of the path; one beyond the picture is an arrowhead at its edge. */
function dot(cx, cy, beyond) {
  if (!beyond) return shape("circle", { cx, cy, r: 4 })
  const [tip, foot] = beyond === "above" ? [cy - 4, cy + 4] : [cy + 4, cy - 4]
  return shape("path", { d: `M${cx - 5} ${foot}L${cx} ${tip}L${cx + 5} ${foot}z`, class: "off" })
}
