// The model of a step's time on two machines: where does the GPU begin to win?

import {
  arrange, axes, drag, drawing, element, handle, line, narrow, number, player, reading,
  set, shape, slider,
} from "./kit.js"

/** The floating-point operations of a step for two hidden layers of this width. */
export function work(width, samples) {
  const forward = 2 * samples * (2 * width + width * width + width)
  return 3 * forward - 2 * samples * 2 * width
}

/** The modeled seconds of a step: so many operations, then the work. */
export function modeled({ overhead, rate }, operations, width, samples) {
  return overhead * operations + work(width, samples) / rate
}

/** The smallest width at which the GPU takes less time than the CPU, or null. */
export function crossing(machines, operations, samples) {
  for (let width = 1; width <= 4000; width++) {
    const [cpu, gpu] = machines.map((each) => modeled(each, operations, width, samples))
    if (gpu < cpu) return width
  }
  return null
}

export default function build(place, data) {
  const small = narrow(place)
  const field = axes({
    x: [-0.12, 3.62], y: [1e-5, 100], log: true, box: small ? [84, 26, 340, 300] : [84, 26, 600, 300],
    ticks: {
      x: [0, 1, 2, 3], y: [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100],
      nameX: (x) => String(10 ** x), nameY: (y) => `${y} s`,
    },
    label: { x: "width of the two hidden layers", y: "modeled time of a step" },
  })
  const picture = drawing("The modeled time of a step on both machines", small ? 360 : 640, 346)
  picture.append(field.node)
  const curves = [shape("path", { class: "c0" }), shape("path", { class: "c1 dashed" })]
  const cut = shape("path", { class: "unit" })
  const named = shape("text", { class: "label", "text-anchor": "start" })
  field.inside.append(...curves, cut, named)
  const ends = [handle("now"), handle("now")]
  field.inside.append(...ends.map((each) => each.node))
  const [left, right] = [0, 3.5]
  const grid = Array.from({ length: 71 }, (_, i) => i * 0.05)
  const said = reading()

  const show = () => {
    const machines = [
      { overhead: data.CPU[0], rate: speed.value * 1e9 },
      { overhead: launch.value * 1e-6, rate: rate.value * 1e12 },
    ]
    machines.forEach((machine, i) => {
      const times = grid.map((x) => modeled(machine, data.operations, 10 ** x, batch.value))
      curves[i].setAttribute("d", line(times.map((time, at) => [field.X(grid[at]), field.Y(time)])))
    })
    ends[0].move([field.X(right), field.Y(modeled(machines[0], data.operations, 10 ** right, batch.value))])
    ends[1].move([field.X(left), field.Y(modeled(machines[1], data.operations, 1, batch.value))])
    const width = crossing(machines, data.operations, batch.value)
    const x = width && field.X(Math.log10(width))
    cut.setAttribute("d", width ? `M${x} 26V300` : "")
    set(named, { x: (x ?? 0) + 6, y: 44 })
    named.textContent = width ? `width ${width}` : ""
    const [cpu, gpu] = machines.map((each) => modeled(each, data.operations, 64, batch.value))
    said.say([
      width === 1 ? "In this model the GPU is quicker at every width."
        : width ? `In this model the GPU is quicker from a width of ${width} on.`
        : "In this model the GPU is not quicker at any width drawn.",
      `At width 64: CPU ${number(cpu * 1e6, 1)} µs, GPU ${number(gpu * 1e6, 1)} µs, ratio ${number(gpu / cpu, 3)}.`,
    ])
  }
  const launch = slider({
    label: "GPU: cost of beginning an operation", min: 1, max: 50, step: 1,
    value: data.GPU[0] * 1e6, format: (value) => `${number(value)} µs`, input: show,
  })
  const rate = slider({
    label: "GPU: rate", min: 1, max: 100, step: 1, value: data.GPU[1] / 1e12,
    format: (value) => `${number(value)} TFLOP/s`, input: show,
  })
  const speed = slider({
    label: "CPU: rate", min: 10, max: 1000, step: 10, value: data.CPU[1] / 1e9,
    format: (value) => `${number(value)} GFLOP/s`, input: show,
  })
  const batch = slider({
    label: "Samples in a step", min: 11, max: 3311, step: 10, value: data.samples,
    format: String, input: show,
  })
  const play = player(batch, { pace: 60, by: 4, sweep: true })
  const time = (place_) => field.at(place_)[1]
  const overhead = (value) => Math.max(1, Math.min(50, Math.round(value)))
  drag(picture, null, [
    {
      node: ends[1].node, // the GPU's curve begins at the cost of beginning its operations
      to: (where) => {
        play.stop()
        launch.go(overhead((time(where) / data.operations) * 1e6))
      },
    },
    {
      node: ends[0].node, // the CPU's ends where the work takes nearly all of the time
      to: (where) => {
        play.stop()
        const rest = time(where) - data.operations * data.CPU[0]
        const most = work(10 ** right, batch.value) / Math.max(rest, 1e-9) / 1e9
        speed.go(Math.max(10, Math.min(1000, Math.round(most / 10) * 10)))
      },
    },
  ])
  const nodes = [launch, rate, speed, batch].map((each) => each.node)
  const key = element("p", { class: "key" },
    "Solid: CPU; dashed: GPU. Both curves are the model of this chapter, not measurements.")
  arrange(place, {
    name: "Where a GPU begins to win",
    question: "Beginning an operation on the GPU becomes twice as quick. Does the width from " +
      "which on the GPU wins fall to half?",
    answer: halved(data),
    caption: "The model: drag the ring at the left end of the dashed curve (the GPU's cost of " +
      "beginning an operation) or at the right end of the solid one (the CPU's rate), or use the " +
      "sliders. Play takes more and more samples into a step.",
  }, picture, key, element("div", { class: "controls" },
    element("div", { class: "buttons" }, play.node), ...nodes), said.node)
  show()
}

/** What half of the cost of beginning does to the crossing, in words. */
export function halved({ CPU, GPU, operations, samples }) {
  const machine = ([overhead, rate]) => ({ overhead, rate })
  const [before, after] = [GPU, [GPU[0] / 2, GPU[1]]].map((gpu) =>
    crossing([machine(CPU), machine(gpu)], operations, samples))
  return `In this model it goes from ${before} to ${after}, which is ${number(after / before, 2)} of it. ` +
    "The work of a step grows nearly with the square of the width, so a width well above half is " +
    "enough work to make up for half of the cost."
}
