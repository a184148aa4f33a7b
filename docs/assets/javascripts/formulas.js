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

// A formula in a line is a box to the browser, which may break the line behind it even
// where a full stop follows: what belongs to it is kept with it.
for (const formula of document.querySelectorAll("article .katex")) {
  const { previousSibling: before, nextSibling: after } = formula
  const open = before?.nodeType === Node.TEXT_NODE ? before.data.match(/[([“]+$/)?.[0] ?? "" : ""
  const close = after?.nodeType === Node.TEXT_NODE ? after.data.match(/^[.,;:!?)\]”’]+/)?.[0] ?? "" : ""
  if (!open && !close) continue
  const kept = document.createElement("span")
  kept.className = "kept"
  if (open) before.deleteData(before.length - open.length, open.length)
  if (close) after.deleteData(0, close.length)
  formula.replaceWith(kept)
  kept.append(open, formula, close)
  // Between its parts a long formula may still break.
  for (const part of [...formula.querySelectorAll(".katex-html > *")].slice(0, -1)) {
    part.after(document.createElement("wbr"))
  }
}
