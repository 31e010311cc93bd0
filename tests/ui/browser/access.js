// Faults of accessibility on the page as it is now: nameless controls, pictures without a text, text with too little
// contrast, targets that are too small. Looks into our components' shadow roots, too. Returns sentences.
() => {
  const faults = new Set();
  const everything = function* (root) {
    for (const one of root.querySelectorAll("*")) {
      yield one;
      if (one.shadowRoot) yield* everything(one.shadowRoot);
    }
  };
  const isSeen = (one) => {
    if (!one.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) return false;
    const box = one.getBoundingClientRect();
    return box.width > 1 && box.height > 1;
  };
  const byId = (one, ids) => ids.split(/\s+/).map((id) => one.getRootNode().getElementById?.(id)?.textContent || "").join(" ");
  const nameOf = (one) => {
    const labelled = one.getAttribute("aria-labelledby");
    const texts = [
      one.getAttribute("aria-label"), labelled && byId(one, labelled), one.getAttribute("title"), one.getAttribute("alt"),
      ...[...(one.labels || [])].map((label) => label.textContent),
      one.matches("button, a, summary, option, [role=button], [role=tab], [role=option], [role=radio], [role=link], [role=menuitem], [role=switch], [role=row], [role=gridcell], [role=slider]") ? one.textContent : "",
      ...[...one.querySelectorAll("img[alt], [aria-label]")].map((inner) => inner.getAttribute("alt") || inner.getAttribute("aria-label")),
      one.matches("input[type=submit], input[type=button]") ? one.value : "",
    ];
    return texts.filter(Boolean).join(" ").trim();
  };
  const told = (one) => {
    const key = one.closest?.('[class*="st-key-"]')?.className.match?.(/st-key-[\w-]+/)?.[0] || "";
    return `<${one.tagName.toLowerCase()}${one.id ? "#" + one.id : ""} ${one.getAttribute("class")?.slice(0, 40) || ""}> ${(one.textContent || "").trim().slice(0, 40)} ${key}`.trim();
  };
  const colour = (text) => {
    const parts = text.match(/[\d.]+/g)?.map(Number) || [0, 0, 0, 0];
    return text.startsWith("color(srgb") ? [parts[0] * 255, parts[1] * 255, parts[2] * 255, parts[3] ?? 1] : [parts[0], parts[1], parts[2], parts[3] ?? 1];
  };
  const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3])).concat(1);
  const parent = (one) => one.parentElement || one.getRootNode().host || null;
  const ground = (one) => {
    const layers = [];
    for (let at = one; at; at = parent(at)) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none" || at.tagName === "VIDEO" || at.tagName === "CANVAS") return null;
      const layer = colour(style.backgroundColor);
      if (layer[3] > 0) layers.push(layer);
      if (layer[3] >= 1) break;
    }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]);
  };
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const opacity = (one) => { let o = 1; for (let at = one; at; at = parent(at)) o *= Number(getComputedStyle(at).opacity); return o; };

  // WCAG 2.5.8: a small target is fine where a circle of 24 px around its middle touches no other target.
  const isCrowded = (one, box) => {
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    return targets.some(([other, at]) => other !== one && !other.contains(one) && !one.contains(other)
      && Math.hypot(Math.max(at.left - x, 0, x - at.right), Math.max(at.top - y, 0, y - at.bottom)) < 12);
  };

  const controls = "button, a[href], input:not([type=hidden]), select, textarea, summary, video[controls], audio[controls], [role=button], [role=slider], [role=combobox], [role=textbox], [role=switch], [tabindex]:not([tabindex='-1'])";
  const targets = [...everything(document)].filter((one) => one.matches(controls) && isSeen(one)).map((one) => [one, one.getBoundingClientRect()]);
  if (!document.documentElement.lang) faults.add("the page does not say its language");
  if (!document.title) faults.add("the page has no title");
  for (const one of everything(document)) {
    if (one.closest("[aria-hidden=true], [inert]")) continue;
    // What only screen readers see still needs its name; what nobody can reach does not.
    const visible = isSeen(one);
    if (one.matches(controls) && one.checkVisibility({ checkVisibilityCSS: true }) && !one.disabled) {
      const scrolls = !one.matches("button, a, input, select, textarea, [role]") && one.tabIndex >= 0;
      if (!nameOf(one) && !scrolls) faults.add(`has no name: ${told(one)}`);
      if (visible && one.matches("button, [role=button], select, [role=slider]")) {
        const box = one.getBoundingClientRect();
        if ((box.width < 23.5 || box.height < 23.5) && isCrowded(one, box)) faults.add(`is smaller than 24 px (${box.width.toFixed(0)}x${box.height.toFixed(0)}): ${told(one)}`);
      }
      if (one.tabIndex > 0) faults.add(`breaks the order of the tab key: ${told(one)}`);
    }
    if (!visible) continue;
    if (one.matches("img:not([alt])")) faults.add(`is a picture without a text: ${told(one)}`);
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || one.matches("script, style, option, [data-testid=stIconMaterial], noscript, svg *") || one.closest(":disabled, [aria-disabled=true]")) continue;
    // Stands above the thumb that it is a child of, not on it.
    if (one.closest("[data-testid=stSliderThumbValue]")) continue;
    const style = getComputedStyle(one);
    const under = ground(one);
    if (!under) continue;
    const ink = colour(style.color);
    ink[3] *= opacity(one);
    const [a, b] = [light(over(ink, under)), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5) - 0.02) faults.add(`has too little contrast (${ratio.toFixed(2)}): ${told(one)}`);
  }
  return [...faults];
}
