// What can be taken in a drawing and moved, by mouse, pen or finger.

import { set, shape } from "./elements.js"

/** A handle, round or square; `move` puts it somewhere. */
export function handle(look = "") {
  const grip = shape("circle", { r: 20, class: "grip" })
  const dot = look === "start"
    ? shape("rect", { x: -6, y: -6, width: 12, height: 12, class: "square" })
    : shape("circle", { r: 7, class: `dot ${look}` })
  const node = shape("g", { class: "handle" }, grip, dot)
  return {
    node,
    move: ([x, y]) => set(node, { transform: `translate(${x} ${y})` }),
  }
}

/**
 * Let the reader drag the `things` of a drawing: each is `{ node, to }`, and `to` hears
 * where, in the drawing's units, its node is dragged. A press inside `area` that hits
 * none of them takes the first.
 */
export function drag(picture, area, things) {
  let taken = null
  const where = (event) => {
    const { x, y } = new DOMPoint(event.clientX, event.clientY)
      .matrixTransform(picture.getScreenCTM().inverse())
    return [x, y]
  }
  picture.addEventListener("pointerdown", (event) => {
    if (event.button) return
    const [x, y] = where(event)
    const [left, top, right, bottom] = area ?? [1, 1, 0, 0]
    const inside = x >= left && x <= right && y >= top && y <= bottom
    taken = things.find(({ node }) => node.contains(event.target)) ?? (inside ? things[0] : null)
    if (!taken) return
    event.preventDefault()
    picture.setPointerCapture(event.pointerId)
    picture.classList.add("dragged")
    taken.to([x, y])
  })
  picture.addEventListener("pointermove", (event) => taken?.to(where(event)))
  const drop = () => {
    taken = null
    picture.classList.remove("dragged")
  }
  for (const event of ["pointerup", "pointercancel"]) picture.addEventListener(event, drop)
}
