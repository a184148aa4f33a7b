// The lab's network through its 300,000 steps: nine saved weights give all that is drawn.

import {
  arrange, axes, choice, clip, drag, drawing, element, handle, line, narrow, number, player,
  reading, set, shape, slider,
} from "./kit.js"

const [LOW, HIGH] = [5, 35] // of both features
const ROWS = 150 // in which the plane is cut to be colored

const logistic = (z) => 1 / (1 + Math.exp(-z))

/** The probability of malignant for a radius and a texture, by nine weights. */
export function predict(w, radius, texture) {
  const h1 = logistic(w[0] * radius + w[1] * texture + w[2])
  const h2 = logistic(w[3] * radius + w[4] * texture + w[5])
  return logistic(w[6] * h1 + w[7] * h2 + w[8])
}

/** The mean binary cross-entropy of the samples [radius, texture, label]. */
export function objective(w, samples) {
  const losses = samples.map(([radius, texture, label]) => {
    const p = predict(w, radius, texture)
    return -Math.log(label ? p : 1 - p)
  })
  return losses.reduce((sum, loss) => sum + loss, 0) / samples.length
}

/** How many samples are on the wrong side. */
export function wrong(w, samples) {
  return samples.filter(([radius, texture, label]) =>
    (predict(w, radius, texture) > 0.5) !== (label === 1)).length
}

export default function build(place, data) {
  const samples = data.train
  const stacked = narrow(place)
  const right = stacked ? [46, 392, 340, 580] : [410, 26, 620, 326]
  const plane = axes({
    x: [LOW, HIGH], y: [LOW, HIGH], box: [40, 26, 340, 326],
    ticks: { x: [5, 15, 25, 35], y: [5, 15, 25, 35] },
    label: { x: "radius_mean", y: "texture_mean" },
  })
  const wholes = axes({
    x: [-8, 308], y: [0.2, 0.75], box: right,
    ticks: { x: [0, 100, 200, 300], y: [0.2, 0.3, 0.4, 0.5, 0.6, 0.7] },
    label: { x: "thousands of steps", y: "objective" },
  })
  const closes = data.close.map((w) => objective(w, samples))
  const [least, most] = [Math.min(...closes), Math.max(...closes)]
  const room = (most - least) / 4
  const detail = axes({
    x: [-1, closes.length], y: [least - room, most + room], box: right,
    ticks: { x: [0, 5, 10, 15, 20], y: [least, most], nameY: (y) => y.toFixed(4).slice(1) },
    label: { x: "steps after step 300,000", y: "objective, training" },
  })
  const picture = drawing("The plane of the two features, and the objective over the steps",
    ...(stacked ? [360, 620] : [640, 372]))
  picture.append(clip(plane.inside, [40, 26, 340, 326]), plane.node, wholes.node, detail.node)
  const region = shape("path", { class: "region" })
  const points = samples.map(([radius, texture, label]) => {
    const [x, y] = [plane.X(radius), plane.Y(texture)]
    return label
      ? shape("path", { d: `M${x - 3} ${y - 3}l6 6m0-6l-6 6`, class: "c1 cross" })
      : shape("circle", { cx: x, cy: y, r: 2.6, class: "c0 ring" })
  })
  const hidden = [0, 1].map(() => shape("path", { class: "unit" }))
  plane.inside.append(region, ...points, ...hidden)
  const at = (i) => wholes.X(data.steps[i] / 1000)
  const curve = (values, look) => shape("path", {
    d: line(values.map((value, i) => [at(i), wholes.Y(value)])), class: look,
  })
  wholes.inside.append(curve(data.J_train, "c0"), curve(data.J_val, "c1 dashed"))
  const marker = handle("now")
  wholes.inside.append(marker.node)
  const teeth = closes.map((value, i) => [detail.X(i), detail.Y(value)])
  const tooth = handle("now")
  detail.inside.append(shape("path", { d: line(teeth), class: "c0" }),
    shape("g", { class: "points" }, ...teeth.map(([cx, cy]) => shape("circle", { cx, cy, r: 4 }))), tooth.node)
  const said = reading()

  const show = () => {
    const close = part.value === "the next 20 steps"
    const i = step.value
    const w = close ? data.close[i] : data.weights[i]
    region.setAttribute("d", regions(w, plane))
    hidden.forEach((path, unit) => path.setAttribute("d", border(w.slice(3 * unit), plane)))
    set(wholes.node, { display: close && "none" })
    set(detail.node, { display: !close && "none" })
    const J = objective(w, samples)
    if (close) tooth.move([detail.X(i), detail.Y(closes[i])])
    else marker.move([at(i), wholes.Y(data.J_train[i])])
    const when = close ? 300000 + i : data.steps[i]
    const beside = close ? "" : `, validation ${number(data.J_val[i])}`
    said.say([
      `Step ${when.toLocaleString("en")}: objective on the training set ${number(J, close ? 5 : 4)}${beside}; ` +
        `${wrong(w, samples)} of ${samples.length} training samples on the wrong side.`,
      `Hidden unit 1 switches at ${formula(w)} = 0, hidden unit 2 at ${formula(w.slice(3))} = 0; ` +
        `the output weighs them with ${number(w[6], 2)} and ${number(w[7], 2)}, its bias is ${number(w[8], 2)}.`,
    ])
  }
  const part = choice({
    label: "Show", options: ["300,000 steps", "the next 20 steps"], value: "300,000 steps",
    input: () => {
      play.stop()
      const close = part.value === "the next 20 steps"
      step.value = 0
      step.limit(close ? closes.length - 1 : data.steps.length - 1)
      show()
    },
  })
  const step = slider({
    label: "Step", min: 0, max: data.steps.length - 1, step: 1, value: 0,
    format: (i) => (part.value === "300,000 steps" ? data.steps[i] : 300000 + i).toLocaleString("en"),
    input: show,
  })
  const key = element("p", { class: "key" },
    "Rings are benign samples, crosses malignant ones; the shaded side is called malignant. " +
    "Dashed lines: where the two hidden units switch. Curves: objective on the training set " +
    "(solid) and on the validation set (dashed).")
  const play = player(step, { pace: 60, by: 2, sweep: true })
  const to = (count) => (i) => {
    play.stop()
    step.go(Math.max(0, Math.min(count - 1, Math.round(i))))
  }
  const last = data.steps.at(-1) / 1000
  const along = to(data.steps.length)
  drag(picture, null, [
    { node: marker.node, to: (where) => along((wholes.at(where)[0] / last) * (data.steps.length - 1)) },
    { node: tooth.node, to: (where) => to(closes.length)(detail.at(where)[0]) },
  ])
  const controls = element("div", { class: "controls" },
    element("div", { class: "buttons" }, play.node, part.node), step.node)
  arrange(place, {
    name: "The training of the lab's network",
    question: "From its first step on the objective falls. Does the number of samples on the " +
      "wrong side fall with it? Say what you expect, then play.",
    answer: early(data, samples),
    caption: "The network while it trains, from the weights that this build saved: play it, " +
      "drag the ring along the curve, or use the slider.",
  }, picture, key, controls, said.node)
  show()
}

/** What the first part of the training does to the objective and to the errors, in words. */
export function early({ steps, J_train, wrong }, samples) {
  const first = wrong.findIndex((count) => count !== wrong[0])
  if (first < 1) return `The number changes from ${wrong[0]} to ${wrong.at(-1)} in the end.`
  const all = samples.filter(([, , label]) => label === 1).length
  const which = wrong[0] === all ? ", which are all the malignant ones: the network calls every sample benign" : ""
  return `Not at first. Up to step ${steps[first - 1].toLocaleString("en")} the objective falls from ` +
    `${number(J_train[0])} to ${number(J_train[first - 1])}, while ${wrong[0]} samples stay on the ` +
    `wrong side${which}. The probabilities move before any of them crosses one half. ` +
    `In the end ${wrong.at(-1)} are on the wrong side.`
}

/** The part of the plane with p above one half, row by row, as a path. */
function regions(w, plane) {
  const size = (HIGH - LOW) / ROWS
  let path = ""
  for (let row = 0; row < ROWS; row++) {
    const texture = LOW + (row + 0.5) * size
    const [top, bottom] = [plane.Y(texture + 0.52 * size), plane.Y(texture - 0.52 * size)]
    let before = predict(w, LOW, texture) - 0.5
    let start = before > 0 ? LOW : null
    for (let column = 1; column <= ROWS; column++) {
      const radius = LOW + column * size
      const here = predict(w, radius, texture) - 0.5
      if (here > 0 !== before > 0) {
        const cross = radius - (size * here) / (here - before)
        if (here > 0) start = cross
        else {
          path += box(plane.X(start), top, plane.X(cross), bottom)
          start = null
        }
      }
      before = here
    }
    if (start !== null) path += box(plane.X(start), top, plane.X(HIGH), bottom)
  }
  return path
}

const tenth = (value) => Math.round(value * 10) / 10
const box = (left, top, right, bottom) =>
  `M${tenth(left)} ${tenth(top)}H${tenth(right)}V${tenth(bottom)}H${tenth(left)}z`

/** The line on which a hidden unit's sum is zero, as a path across the plane. */
function border([a, b, c], plane) {
  if (Math.abs(a) + Math.abs(b) < 1e-12) return ""
  const ends = Math.abs(a) > Math.abs(b)
    ? [LOW, HIGH].map((texture) => [-(b * texture + c) / a, texture])
    : [LOW, HIGH].map((radius) => [radius, -(a * radius + c) / b])
  return line(ends.map(([radius, texture]) => [plane.X(radius), plane.Y(texture)]))
}

function formula([a, b, c]) {
  const signed = (value) => `${value < 0 ? "−" : "+"} ${number(Math.abs(value), 2)}`
  return `${number(a, 2)} radius ${signed(b)} texture ${signed(c)}`
}
