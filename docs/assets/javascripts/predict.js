// A question before an output: the answers are buttons, and the output is told to be
// there when one has been chosen. Without scripts they are a list above a fold.
for (const place of document.querySelectorAll(".predict")) {
  const fold = place.querySelector("details")
  const said = document.createElement("p")
  said.setAttribute("role", "status")
  const choices = [...place.querySelectorAll("li")].map((item) => {
    const button = document.createElement("button")
    button.type = "button"
    button.append(...item.childNodes)
    item.append(button)
    button.addEventListener("click", () => {
      for (const each of choices) each.removeAttribute("aria-pressed")
      button.setAttribute("aria-pressed", "true")
      const missed = item.dataset.missed
      item.dataset.right = missed === undefined
      said.textContent = missed === undefined ? "Right." : `Not quite. ${missed}`
      fold.open = true
    })
    return button
  })
  fold.before(said)
}
