// What axe cannot see of a page: each function returns what is wrong, a line an element.
window.reach = (() => {
  const SIDE = 44;
  const slack = 0.5;
  const name = (each) => {
    const id = each.id ? `#${each.id}` : "";
    const words = (each.innerText || each.value || "").trim().slice(0, 30);
    return `${each.tagName.toLowerCase()}${id}.${each.className} "${words}"`;
  };
  const seen = (each) => {
    const box = each.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && getComputedStyle(each).visibility === "visible";
  };
  const scrolls = (each) => {
    for (let box = each.parentElement; box && box !== document.body; box = box.parentElement) {
      if (getComputedStyle(box).overflowX !== "visible") return true;
    }
    return false;
  };

  // Elements that make the page wider than the window; none when it does not scroll sideways.
  const sideways = () => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return [];
    const out = [...document.body.querySelectorAll("*")].filter((each) => {
      const { left, right } = each.getBoundingClientRect();
      return seen(each) && !scrolls(each) && !each.matches(".skip-link") && (right > root.clientWidth + slack || left < -slack);
    });
    return [`${root.scrollWidth} px in ${root.clientWidth}`, ...out.map(name)];
  };

  // Text that its own box cuts off.
  const cut = () => [...document.body.querySelectorAll("*")].filter((each) => {
    const style = getComputedStyle(each);
    const words = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const hides = style.overflowX === "hidden" || style.overflowX === "clip";
    return words && hides && seen(each) && each.scrollWidth > each.clientWidth + 1;
  }).map(name);

  // A link in a line of other text is as high as the line.
  const inText = (each) => {
    if (each.tagName !== "A" || getComputedStyle(each).display !== "inline") return false;
    const line = each.closest("p, li, td, th, dd, dt, blockquote, h1, h2, h3, h4, .prose");
    const own = line && [...line.querySelectorAll("a")].reduce((sum, a) => sum + a.innerText.trim().length, 0);
    return Boolean(line) && line.innerText.trim().length > own + 1;
  };

  // Controls smaller than a finger; a box to tick counts with its label.
  const small = () => {
    const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary, [role=button]";
    return [...document.querySelectorAll(controls)].filter((each) => {
      if (!seen(each) || each.matches(".skip-link") || inText(each)) return false;
      const boxes = [each, ...(each.matches("[type=checkbox], [type=radio]") ? each.labels : [])];
      const sides = boxes.map((box) => box.getBoundingClientRect());
      const width = Math.max(...sides.map((box) => box.right)) - Math.min(...sides.map((box) => box.left));
      const height = Math.max(...sides.map((box) => box.bottom)) - Math.min(...sides.map((box) => box.top));
      return width < SIDE - slack || height < SIDE - slack;
    }).map((each) => {
      const { width, height } = each.getBoundingClientRect();
      return `${name(each)} ${width.toFixed(0)} × ${height.toFixed(0)}`;
    });
  };

  // Where the keyboard may stop, in the order of the document.
  const stops = () => [...document.querySelectorAll(
    "a[href], button:not(:disabled), input:not([type=hidden]):not(:disabled), select, textarea, summary, [tabindex='0']",
  )].filter((each) => each.getClientRects().length && getComputedStyle(each).visibility === "visible");

  const look = (each) => [each, each.nextElementSibling, each.closest("label, .answer")].filter(Boolean).map((one) => {
    const style = getComputedStyle(one);
    const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor } = style;
    return [outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor, backgroundColor].join();
  }).join(";");

  // Stops that look no different with the focus, or that something else covers then.
  const unseenFocus = () => {
    const found = [];
    for (const each of stops()) {
      document.activeElement?.blur();
      const before = look(each);
      each.focus({ focusVisible: true });
      if (document.activeElement !== each) continue; // a radio button whose group has another stop
      if (look(each) === before) found.push(`${name(each)} looks the same with the focus`);
      const box = each.getBoundingClientRect();
      const points = [[0.5, 0.5], [0.1, 0.2], [0.9, 0.8]].map(([x, y]) =>
        document.elementFromPoint(box.left + x * box.width, box.top + y * box.height));
      if (!points.some((on) => on && (each.contains(on) || on.contains(each) || on.closest("label")?.control === each))) {
        found.push(`${name(each)} is covered when it has the focus`);
      }
    }
    return found;
  };

  // Fields that are marked as wrong without words that say why.
  const wrongWithoutWords = () => [...document.querySelectorAll("main [aria-invalid=true]")].filter((each) => {
    const ids = (each.getAttribute("aria-describedby") ?? "").split(/\s+/).filter(Boolean);
    return !ids.some((id) => document.getElementById(id)?.innerText.trim());
  }).map(name);

  return { sideways, cut, small, unseenFocus, wrongWithoutWords };
})();
