// On paper every fold is open.
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details:not([open])")) {
    fold.open = true
    fold.dataset.opened = ""
  }
})
addEventListener("afterprint", () => {
  for (const fold of document.querySelectorAll("details[data-opened]")) {
    fold.open = false
    delete fold.dataset.opened
  }
})
