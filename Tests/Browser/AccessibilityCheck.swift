/// Finds on the page that is shown what WCAG 2.2 AA forbids and a program can see.
enum AccessibilityCheck {
    /// Returns a list of sentences, empty where nothing was found. Contrast is held to 4.5 for text of any size.
    static let script = #"""
        const found = [];
        const name = (element) =>
          element.tagName.toLowerCase() + (element.id ? "#" + element.id : "") +
          [...element.classList].map((word) => "." + word).join("");
        const shown = (element) => {
          const box = element.getBoundingClientRect();
          return box.width > 1 && box.height > 1 && element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
        };

        if (!document.documentElement.lang) found.push("the page has no language");
        const titles = [...document.querySelectorAll("h1")].filter(shown);
        if (titles.length !== 1) found.push(`the page has ${titles.length} first headings`);
        if (!document.title) found.push("the page has no title");
        for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
          const label = [...(field.labels ?? [])].map((one) => one.textContent).join("") ||
            field.getAttribute("aria-label") || field.getAttribute("aria-labelledby");
          if (!label?.trim()) found.push(`${name(field)} ${field.name} has no label`);
        }
        for (const control of document.querySelectorAll("a[href], button")) {
          if (!control.textContent.trim() && !control.getAttribute("aria-label")) found.push(`${name(control)} has no words`);
        }
        const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
        for (const id of ids.filter((id, index) => ids.indexOf(id) !== index)) found.push(`two elements are #${id}`);

        // Colours are painted, so that every notation of CSS is read.
        const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
        const rgba = (colour) => {
          canvas.clearRect(0, 0, 1, 1);
          canvas.fillStyle = colour;
          canvas.fillRect(0, 0, 1, 1);
          const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
          return [red, green, blue, alpha / 255];
        };
        const over = (top, below) => [0, 1, 2].map((part) => top[part] * top[3] + below[part] * (1 - top[3])).concat(1);
        const luminance = (colour) => {
          const parts = colour.slice(0, 3).map((part) => {
            const value = part / 255;
            return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
        };
        const dark = matchMedia("(prefers-color-scheme: dark)").matches;
        const behind = (element) => {
          const layers = [];
          for (let one = element; one; one = one.parentElement) layers.push(rgba(getComputedStyle(one).backgroundColor));
          return layers.reverse().reduce((below, layer) => over(layer, below), dark ? [0, 0, 0, 1] : [255, 255, 255, 1]);
        };
        const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (words.nextNode()) {
          const element = words.currentNode.parentElement;
          if (!words.currentNode.data.trim() || !element || element.closest("script, template, noscript, :disabled")) continue;
          if (!shown(element)) continue;
          const ground = behind(element);
          const colour = rgba(getComputedStyle(element).color);
          for (let one = element; one; one = one.parentElement) colour[3] *= Number(getComputedStyle(one).opacity);
          const [high, low] = [luminance(over(colour, ground)), luminance(ground)].sort((one, other) => other - one);
          const contrast = (high + 0.05) / (low + 0.05);
          if (contrast < 4.5) {
            found.push(`"${words.currentNode.data.trim().slice(0, 40)}" in ${name(element)}: contrast ${contrast.toFixed(2)}`);
          }
        }

        const look = (element) => {
          const style = getComputedStyle(element);
          const outline = style.outlineStyle === "none" ? "none" : `${style.outlineStyle} ${style.outlineWidth} ${style.outlineColor}`;
          return [outline, style.boxShadow, style.borderColor, style.backgroundColor, style.clipPath].join(" | ");
        };
        for (const element of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
          if (!shown(element) || element.disabled) continue;
          document.activeElement?.blur();
          const before = look(element);
          element.focus({ preventScroll: true, focusVisible: true });
          if (document.activeElement !== element) continue;
          if (look(element) === before) found.push(`${name(element)} "${element.textContent.trim().slice(0, 30)}" does not show its focus`);
        }
        document.activeElement?.blur();
        return [...new Set(found)];
        """#
}
