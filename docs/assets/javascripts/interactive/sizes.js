// Products of matrices, as they were measured: which device is faster from which size on?

import {
  arrange, axes, choice, drag, drawing, element, line, narrow, number, player, reading,
  shape, slider,
} from "./kit.js"

/** The seconds that a product of this size takes at so many GFLOP/s. */
export const seconds = (size, speed) => (2 * size ** 3) / (speed * 1e9)

/** The first size from which on all times are shorter than the others by a tenth, or null. */
export function firstFaster(times, than) {
  const common = Object.keys(times).filter((size) => size in than).map(Number)
  let first = null
  for (const size of common.sort((a, b) => b - a)) {
    if (times[size] > 0.9 * than[size]) break
    first = size
  }
  return first
}

/** The times by curve, `{name: {size: seconds}}`, of one recording in one precision. */
export function curves({ device, speeds, moved }, precision) {
  const of = (kind) =>
    Object.fromEntries(
      Object.entries(speeds[`${kind}, ${precision}`] ?? {}).map(([size, speed]) => [
        size, seconds(Number(size), speed),
      ]),
    )
  const found = { CPU: of("cpu") }
  if (device !== "cpu") found[device] = of(device)
  if (precision === "float32") found["there and back"] = moved
  return found
}

const LOOKS = { CPU: "c0", "there and back": "quiet" }

/** A time with the unit that suits it. */
const time = (value) =>
  value < 1e-3 ? `${number(value * 1e6, 1)} µs` : `${number(value * 1e3, 2)} ms`

export default function build(place, data) {
  const small = narrow(place)
  const precisions = [...new Set(data.recordings.flatMap(({ speeds }) =>
    Object.keys(speeds).map((key) => key.split(", ")[1])))]
  const all = data.recordings.flatMap((recording) =>
    precisions.flatMap((each) => Object.values(curves(recording, each)))
  )
  const sizes = [...new Set(all.flatMap((each) => Object.keys(each).map(Number)))].sort((a, b) => a - b)
  const times = all.flatMap((each) => Object.values(each))
  const low = Math.floor(Math.log10(Math.min(...times)))
  const high = Math.ceil(Math.log10(Math.max(...times)))
  const powers = Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i))
  const x = [Math.log2(sizes[0]) - 0.2, Math.log2(sizes.at(-1)) + 0.2]
  const field = axes({
    x, y: [powers[0], powers.at(-1)], log: true,
    box: small ? [76, 26, 340, 300] : [76, 26, 600, 300],
    ticks: {
      x: sizes.map(Math.log2).filter((_, i) => !small || i % 2 === 0), y: powers,
      nameX: (power) => String(2 ** power), nameY: time,
    },
    label: { x: "size of the matrices", y: "time of a product" },
  })
  const picture = drawing("The measured time of a product over the size", small ? 360 : 640, 346)
  picture.append(field.node)
  const cut = shape("path", { class: "unit" })
  const grip = shape("path", { class: "grip" })
  const taken = shape("g", { class: "handle" }, grip, cut)
  const curves_ = shape("g", {})
  field.inside.append(curves_, taken)
  const said = reading()
  const answer = element("span", {})
  const key = element("p", { class: "key" })

  const show = () => {
    const at = sizes[size.value]
    const recording = data.recordings.find(({ machine }) => !machines || machine === machines.value)
    const shown = curves(recording, precision.value)
    const middle = field.X(Math.log2(at))
    cut.setAttribute("d", `M${middle} 26V300`)
    grip.setAttribute("d", `M${middle} 26V300`)
    curves_.replaceChildren()
    for (const [name, curve] of Object.entries(shown)) {
      const look = LOOKS[name] ?? "c1 dashed"
      const points = Object.entries(curve).map(([s, t]) => [field.X(Math.log2(s)), field.Y(t)])
      curves_.append(shape("path", { d: line(points), class: look }))
      if (at in curve) {
        curves_.append(
          shape("circle", { cx: field.X(Math.log2(at)), cy: field.Y(curve[at]), r: 5, class: `now ${look}` }),
        )
      }
    }
    const told = Object.entries(shown).map(([name, curve]) =>
      `${name} ${at in curve ? time(curve[at]) : "not measured"}`)
    const { device } = recording
    const first = device === "cpu" ? null : firstFaster(shown[device], shown.CPU)
    said.say([
      `Size ${at} in ${precision.value}: ${told.join(", ")}.`,
      device === "cpu" ? "This machine has no accelerator: only the CPU has been measured."
        : first ? `Here ${device} is faster than the CPU from size ${first} on.`
        : `Here ${device} is faster than the CPU at no size measured.`,
    ])
    key.textContent = `${legend(Object.keys(shown))}. Measured on ${recording.machine}.`
    answer.textContent = doubling(shown.CPU)
  }
  const size = slider({
    label: "Size of the matrices", min: 0, max: sizes.length - 1, step: 1,
    value: 0, format: (at) => String(sizes[at]), input: show,
  })
  const precision = choice({
    label: "Precision", options: precisions, value: precisions[0], input: show,
  })
  const names = data.recordings.map(({ machine }) => machine)
  const machines = names.length > 1
    ? choice({ label: "Measured on", options: names, value: names.at(-1), input: show })
    : null
  const play = player(size, { pace: 900 })
  drag(picture, null, [{
    node: taken,
    to: (where) => {
      play.stop()
      const near = field.at(where)[0]
      const away = sizes.map((each) => Math.abs(Math.log2(each) - near))
      size.go(away.indexOf(Math.min(...away)))
    },
  }])
  const nodes = [machines, precision, size].filter(Boolean).map((each) => each.node)
  arrange(place, {
    name: "Products of matrices, measured",
    question: "A product of matrices of twice the size is eight times the work. Does it take " +
      "eight times the time?",
    answer,
    caption: "What was measured: drag the dashed line from size to size, or use the slider; " +
      "Play goes from the smallest to the largest.",
  }, picture, key,
    element("div", { class: "controls" }, element("div", { class: "buttons" }, play.node), ...nodes), said.node)
  show()
}

/** What the lines of the drawing are, of those that are drawn. */
export const legend = (names) => names.map((name, i) =>
  name === "CPU" ? "Thick: CPU" : name === "there and back" ? "thin: copied there and back"
    : `${i ? "dashed" : "Dashed"}: ${name}`).join("; ")

/** By how much the CPU's time grows at the first and at the last doubling, in words. */
export function doubling(times) {
  const sizes = Object.keys(times).map(Number).sort((a, b) => a - b)
  const pairs = sizes.filter((each) => 2 * each in times).map((each) => [each, times[2 * each] / times[each]])
  if (!pairs.length) return "Too few sizes have been measured in this precision."
  const told = [...new Set([pairs[0], pairs.at(-1)])].map(([each, ratio]) =>
    `from ${each} to ${2 * each} the time is multiplied by ${number(ratio, 1)}`)
  return `On this CPU, ${told.join(", ")}. Below 8, the larger product uses the machine better; ` +
    "at 8, the time is that of the work alone."
}
