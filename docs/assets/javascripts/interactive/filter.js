// A kernel slid over a digit: the reader moves the window and edits the nine weights.

import {
  arrange, choice, drag, drawing, element, handle, narrow, number, player, reading, set, shape,
  slider, text,
} from "./kit.js"

/** The weighted sums of every window of an image by a kernel, in rows; nothing is flipped. */
export function correlate(image, kernel) {
  const k = kernel.length
  const rows = image.length - k + 1
  const columns = image[0].length - k + 1
  return Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) =>
      kernel.flat().reduce(
        (sum, weight, at) => sum + weight * image[i + Math.floor(at / k)][j + (at % k)], 0)))
}

const OWN = "your own"

export default function build(place, data) {
  const image = data.digit
  const side = image.length - 2 // of the map
  const stacked = narrow(place)
  const picture = drawing("A digit under a window of three by three pixels, and the map of sums",
    ...(stacked ? [320, 630] : [640, 316]))
  const size = [33, 44] // of a pixel, of a sum
  const [left, top] = [[28, 28], stacked ? [28, 346] : [350, 28]]
  picture.append(
    text(left[0], 16, "the digit", "start", "label"),
    text(top[0], top[1] - 12, "the map", "start", "label"),
  )
  for (const [origin, count, wide] of [[left, image.length, size[0]], [top, side, size[1]]]) {
    for (let i = 0; i < count; i++) {
      const along = (i + 0.5) * wide
      picture.append(
        text(origin[0] - 6, origin[1] + along + 4, String(i), "end"),
        text(origin[0] + along, origin[1] + count * wide + 15, String(i)),
      )
    }
  }
  const tile = (origin, wide, i, j) => shape("rect", {
    x: origin[0] + j * wide, y: origin[1] + i * wide, width: wide - 1, height: wide - 1,
  })
  const tint = (rect, value, most) => {
    rect.style.fill = value < 0 ? "var(--c1)" : "var(--c0)"
    rect.style.fillOpacity = Math.max(0.05, (0.6 * Math.abs(value)) / most)
  }
  const pixels = shape("g", {})
  image.forEach((row, i) => row.forEach((value, j) => {
    const rect = tile(left, size[0], i, j)
    tint(rect, value, 0.6)
    pixels.append(rect)
  }))
  picture.append(pixels)
  const cells = Array.from({ length: side * side }, (_, at) => {
    const [i, j] = [Math.floor(at / side), at % side]
    const rect = tile(top, size[1], i, j)
    const [x, y] = [top[0] + (j + 0.5) * size[1], top[1] + (i + 0.5) * size[1] + 4]
    const sum = text(x, y, "", "middle", "name")
    picture.append(rect, sum)
    return { rect, sum }
  })
  const frame = shape("rect", { width: 3 * size[0], height: 3 * size[0], class: "now" })
  const grip = shape("rect", { width: 3 * size[0], height: 3 * size[0], class: "grip" })
  const hold = handle()
  hold.node.replaceChildren(grip, frame)
  const here = shape("rect", { width: size[1] - 1, height: size[1] - 1, class: "now" })
  picture.append(hold.node, here)
  const said = reading()

  const weights = Array.from({ length: 9 }, (_, at) => {
    const input = element("input", {
      type: "number", step: 0.5, min: -9, max: 9,
      "aria-label": `Weight in row ${Math.floor(at / 3)}, column ${at % 3}`,
    })
    Object.assign(input.style, { width: "4.4em", font: "inherit", color: "inherit",
      background: "transparent", border: "1px solid currentColor", padding: "0.15rem 0.2rem" })
    input.addEventListener("input", () => {
      play.stop()
      known.value = OWN
      show()
    })
    return input
  })
  const kernelNow = () => [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => Number(weights[3 * i + j].value) || 0))
  const fill = (kernel) => kernel.flat().forEach((weight, at) => {
    weights[at].value = Number(weight.toFixed(6))
  })
  /** The kernel at full precision while it is one of the page's. */
  const kernelUsed = () => data.kernels[known.value] ?? kernelNow()

  const show = () => {
    const kernel = kernelUsed()
    const sums = correlate(image, kernel)
    const most = Math.max(1e-9, ...sums.flat().map(Math.abs))
    const at = step.value - 1
    const [i, j] = [Math.floor(at / side), at % side]
    cells.forEach(({ rect, sum }, index) => {
      const value = sums[Math.floor(index / side)][index % side]
      if (index <= at) tint(rect, value, most)
      else Object.assign(rect.style, { fill: "var(--c0)", fillOpacity: 0 })
      sum.textContent = index <= at ? number(value, stacked ? 1 : 2) : ""
    })
    hold.move([left[0] + j * size[0] - 0.5, left[1] + i * size[0] - 0.5])
    set(here, { x: top[0] + j * size[1], y: top[1] + i * size[1] })
    const products = kernel.flatMap((row, u) => row.map((weight, v) => {
      const factor = weight < 0 ? `(${number(weight)})` : number(weight)
      return weight ? `${factor} · ${number(image[i + u][j + v])}` : null
    })).filter(Boolean)
    said.say([
      `Row ${i}, column ${j}: the sum is ${number(sums[i][j])}.`,
      products.length ? `${products.join(" + ")} = ${number(sums[i][j])}` : "Every weight is 0.",
    ])
  }
  const step = slider({
    label: "Window", min: 1, max: side * side, step: 1, value: 1,
    format: (value) => `${value} of ${side * side}`, input: () => show(),
  })
  const known = choice({
    label: "Kernel",
    options: [...Object.keys(data.kernels), OWN],
    value: Object.keys(data.kernels)[0],
    input: () => {
      const chosen = data.kernels[known.value]
      if (chosen) fill(chosen)
      show()
    },
  })
  const play = player(step, { pace: 350 })
  drag(picture, [left[0], left[1], left[0] + 8 * size[0], left[1] + 8 * size[0]], [{
    node: hold.node,
    to: ([x, y]) => {
      play.stop()
      const to = (place_, from) =>
        Math.max(0, Math.min(side - 1, Math.round((place_ - from) / size[0] - 1.5)))
      step.go(to(y, left[1]) * side + to(x, left[0]) + 1)
    },
  }])
  const grid = element("div", { role: "group", "aria-label": "The nine weights" }, ...weights)
  Object.assign(grid.style, { display: "grid", gap: "0.2rem", justifyContent: "start",
    gridTemplateColumns: "repeat(3, max-content)" })
  arrange(place, {
    name: "A kernel slid over a digit",
    question: "For which of the four kernels is no sum ever negative, whatever the image? " +
      "Say why, then choose each and play.",
    answer: "For the mean: all its weights are positive and no pixel is negative, so no sum is. " +
      "The weights of the other three add up to 0, so they give 0 where the image is flat, " +
      "and both signs where it is not.",
    caption: "A kernel slid over a digit: drag the window over the pixels, choose a kernel " +
      "or change its nine weights. Play visits the windows row by row.",
  }, picture,
  element("p", { class: "key" },
    "Blue is positive and orange is negative, the stronger the larger; pixels lie between 0 and 1. " +
    "Each sum stands in the map where its window stands in the digit."),
  element("div", { class: "controls" },
    element("div", { class: "buttons" }, play.node, known.node), step.node, grid),
  said.node)
  fill(data.kernels[known.value])
  show()
}
