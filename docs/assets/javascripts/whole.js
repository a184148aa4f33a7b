// What the style sheet leaves undrawn below the first screen comes bit by bit, while
// nothing else is to be done: a long page is there at once, and soon whole.
{
  const undrawn = [...document.querySelectorAll(".md-content__inner > *")]
  const draw = () => {
    for (let elements = 0; undrawn.length && elements < 120; ) {
      const block = undrawn.shift()
      elements += block.getElementsByTagName("*").length
      block.style.contentVisibility = "visible"
    }
    if (undrawn.length) requestAnimationFrame(() => requestIdleCallback(draw))
  }
  addEventListener("load", () => {
    if ("requestIdleCallback" in window) requestIdleCallback(draw)
  })
}
