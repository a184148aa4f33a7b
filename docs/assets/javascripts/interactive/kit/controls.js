// Sliders, choices, buttons, and what plays a slider.

import { element, number } from "./elements.js"

let made = 0

/** A slider with its label and value; `input` hears of every change. */
export function slider({ label, min, max, step, value, format = number, input }) {
  const id = `interactive-${++made}`
  const range = element("input", { type: "range", id, min, max, step, value })
  const shown = element("output", { for: id, "aria-hidden": "true" })
  const show = () => {
    const text = format(Number(range.value))
    shown.textContent = text
    range.setAttribute("aria-valuetext", text)
  }
  range.addEventListener("input", () => {
    show()
    input()
  })
  show()
  return {
    node: element("div", { class: "slider" }, element("label", { for: id }, label), range, shown),
    range,
    get value() {
      return Number(range.value)
    },
    set value(given) {
      range.value = given
      show()
    },
    /** Go to a value as if the reader had moved the slider. */
    go(given) {
      this.value = given
      input()
    },
    limit(most) {
      range.max = most
      show()
    },
  }
}

/** A choice of one among a few texts; `input` hears of every change. */
export function choice({ label, options, value, input }) {
  const name = `interactive-${++made}`
  const radios = options.map((option) =>
    element("input", { type: "radio", name, value: option, checked: option === value && "" }),
  )
  const labels = radios.map((radio) => element("label", {}, radio, ` ${radio.value}`))
  for (const radio of radios) radio.addEventListener("change", input)
  return {
    node: element("fieldset", {}, element("legend", {}, label), ...labels),
    get value() {
      return radios.find((radio) => radio.checked).value
    },
    set value(given) {
      for (const radio of radios) radio.checked = radio.value === given
    },
  }
}

/** A button. */
export function button(label, click) {
  const node = element("button", { type: "button", class: "md-button" }, label)
  node.addEventListener("click", click)
  return node
}

/**
 * A button that plays a slider from where it is to its end, and from its beginning if it
 * is at the end, by `by` of its steps every `pace` milliseconds. It stops when the reader
 * takes the slider, and when the figure leaves the screen. Nothing plays by itself.
 * With `sweep` the steps are many and small: who wants less motion sees fewer, larger.
 */
export function player(moved, { pace = 700, by = 1, sweep = false } = {}) {
  const { range } = moved
  const calm = sweep && matchMedia("(prefers-reduced-motion: reduce)").matches
  const [wait, steps] = calm ? [Math.max(600, 10 * pace), 10 * by] : [pace, by]
  let timer = null
  const stop = () => {
    clearInterval(timer)
    timer = null
    node.textContent = "Play"
  }
  const step = () => {
    moved.go(Math.min(Number(range.max), moved.value + steps * Number(range.step)))
    if (moved.value >= Number(range.max)) stop()
  }
  const node = button("Play", () => {
    if (timer !== null) return stop()
    if (moved.value >= Number(range.max)) moved.go(Number(range.min))
    timer = setInterval(step, wait)
    node.textContent = "Pause"
  })
  node.classList.add("play")
  for (const event of ["pointerdown", "keydown"]) range.addEventListener(event, stop)
  new IntersectionObserver(([{ isIntersecting }]) => {
    if (!isIntersecting && timer !== null) stop()
  }).observe(node)
  return { node, stop }
}
