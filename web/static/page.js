// Makes pages more comfortable; everything public and single issue works without it.
import { Button, CharacterCount, Checkboxes, ErrorSummary, Radios, SkipLink } from "./vendor/govuk-frontend.min.js";

document.documentElement.classList.add("has-script");
document.body.classList.add("js-enabled", "govuk-frontend-supported");

const PARTS = [
  ["govuk-button", Button],
  ["govuk-character-count", CharacterCount],
  ["govuk-checkboxes", Checkboxes],
  ["govuk-error-summary", ErrorSummary],
  ["govuk-radios", Radios],
  ["govuk-skip-link", SkipLink],
];

function find(root, selector) {
  const inside = Array.from(root.querySelectorAll(selector));
  return root.matches && root.matches(selector) ? [root].concat(inside) : inside;
}

// A zone around a file field; `data-drop="page"`: nobody aims at a rectangle with a file in hand.
function dropZone(zone) {
  const input = zone.querySelector("input[type=file]");
  const everywhere = zone.dataset.drop === "page";
  const chosen = zone.querySelector(".drop__chosen");
  const area = everywhere ? document : zone;
  zone.classList.add("drop--live");
  input.addEventListener("change", function () {
    chosen.textContent = Array.from(input.files, (file) => file.name).join(", ");
  });
  area.addEventListener("dragover", function (event) {
    event.preventDefault();
    zone.classList.add("drop--over");
  });
  area.addEventListener("dragleave", function (event) {
    if (!event.relatedTarget || !zone.contains(event.relatedTarget)) {
      zone.classList.remove("drop--over");
    }
  });
  area.addEventListener("drop", function (event) {
    event.preventDefault();
    zone.classList.remove("drop--over");
    const files = event.dataTransfer ? event.dataTransfer.files : [];
    if (files.length === 0 || (files.length > 1 && !input.multiple)) {
      return;
    }
    input.files = files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    if (everywhere) {
      // what was typed or scanned before is not what is checked now
      input.form.querySelectorAll("textarea, [name=text], [name=number], [name=code]").forEach(function (other) {
        other.value = "";
      });
      input.form.submit();
    }
  });
}

function copyButton(box) {
  const button = box.querySelector("button");
  if (!navigator.clipboard) {
    return;
  }
  button.hidden = false;
  button.addEventListener("click", function () {
    navigator.clipboard.writeText(box.querySelector(".copy__value").textContent).then(function () {
      button.textContent = box.dataset.copied;
    });
  });
}

// Called for the page, and again for what htmx puts into it.
function enhance(root) {
  PARTS.forEach(function (part) {
    find(root, `[data-module="${part[0]}"]:not([data-${part[0]}-init])`).forEach(function (element) {
      const made = new part[1](element);
      element.dataset.ready = String(Boolean(made));
    });
  });
  find(root, "[data-drop]").forEach(dropZone);
  find(root, "[data-copy]").forEach(copyButton);
  find(root, "[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      window.print();
    });
  });
  // a form that says so is sent as soon as something is chosen (filters); its button stays for others
  find(root, "form[data-submit-on-change]").forEach(function (form) {
    form.addEventListener("change", function () {
      form.submit();
    });
  });
}

enhance(document);
document.addEventListener("htmx:afterSwap", function (event) {
  enhance(event.target);
});

const focus = document.querySelector("[data-focus]");
if (focus) {
  focus.focus({ preventScroll: true });
}

// On paper everything that is folded is shown.
window.addEventListener("beforeprint", function () {
  document.querySelectorAll("main details").forEach(function (group) {
    group.dataset.wasOpen = group.open ? "yes" : "no";
    group.open = true;
  });
});
window.addEventListener("afterprint", function () {
  document.querySelectorAll("main details").forEach(function (group) {
    group.open = group.dataset.wasOpen === "yes";
  });
});
