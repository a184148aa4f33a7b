// Runs before anything of the page is drawn: the colors that the reader chose last.
{
  const chosen = __md_get("__palette")?.color
  if (chosen) {
    if (chosen.media === "(prefers-color-scheme)") {
      const system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"
      const media = `(prefers-color-scheme: ${system})`
      const button = document.querySelector(`[data-md-color-media="${media}"]`)
      for (const name of ["media", "scheme", "primary", "accent"]) {
        chosen[name] = button.getAttribute(`data-md-color-${name}`)
      }
    }
    for (const [name, value] of Object.entries(chosen)) {
      document.body.setAttribute(`data-md-color-${name}`, value)
    }
  }
}
