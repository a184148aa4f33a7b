// The frame of an interactive figure: its question, its voice, its caption.

import { element, set } from "./elements.js"

/** What is read on the page, and read out when it has stopped changing. */
export function reading() {
  const shown = element("div", { class: "reading" })
  const voice = element("div", { class: "voice", role: "status" })
  let timer
  return {
    node: element("div", {}, shown, voice),
    /** Say lines of text; each may be a pair of a name and a value. */
    say(lines) {
      shown.replaceChildren(...lines.map((line) => element("p", {}, line)))
      clearTimeout(timer)
      timer = setTimeout(() => (voice.textContent = lines.join(" ")), 500)
    },
    hush() {
      clearTimeout(timer)
    },
  }
}

/**
 * Put the figure together: the question, what can be moved, the answer in a fold, and a
 * caption, behind the number if the page gives the figure one.
 */
export function arrange(place, { name, question, answer, caption }, ...parts) {
  set(place, { "aria-label": name })
  const label = place.querySelector("figcaption") ?? element("figcaption")
  const given = label.querySelector(".number")
  label.replaceChildren(...(given ? [given, " "] : []), caption)
  place.append(
    element("p", { class: "question" }, question),
    ...parts,
    element("details", { class: "answer" },
      element("summary", {}, "Answer"), element("p", {}, answer)),
    label,
  )
}
