// The fonts of formulas that the head of the page asked for are put to use at once: the
// formulas may lie below the first screen, and be drawn late. Of the same name there are
// also fonts with all signs, for every code point; they wait until a formula needs them.
{
  const early = [...document.querySelectorAll("link[data-font]")].map((link) => link.dataset.font)
  for (const face of document.fonts) {
    const weight = face.weight.replace("400", "normal").replace("700", "bold")
    const name = `${face.family.replaceAll('"', "")} ${face.style} ${weight}`
    if (face.unicodeRange !== "U+0-10FFFF" && early.includes(name)) face.load()
  }
}
