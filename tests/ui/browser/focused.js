// The element that has the focus, shadow roots included: what it is, and whether one sees that it has the focus.
() => {
  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
  if (!one || one === document.body) return null;
  window.__stops ??= new WeakMap();
  window.__count ??= 0;
  if (!window.__stops.has(one)) window.__stops.set(one, ++window.__count);
  // The ring may be drawn by a parent (Streamlit's inputs) or by a neighbour of a hidden input (its radios).
  const rings = (at) => {
    const style = getComputedStyle(at);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
  };
  const parent = (at) => at.parentElement || at.getRootNode().host;
  let at = one;
  let isSeen = false;
  for (let up = 0; at && up < 5 && !isSeen; up += 1, at = parent(at)) {
    const border = getComputedStyle(at);
    isSeen = rings(at) || (at.matches(":focus-within") && /rgb/.test(border.borderColor) && at !== one && parseFloat(border.borderWidth) > 0)
      || [...(up ? at.children : [])].some((child) => child !== one && rings(child));
  }
  const box = one.getBoundingClientRect();
  return {
    id: window.__stops.get(one),
    what: `<${one.tagName.toLowerCase()}> ${(one.getAttribute("aria-label") || one.textContent || one.value || "").trim().slice(0, 50)}`,
    isSeen,
    isOnScreen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}
