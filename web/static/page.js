// Makes the page more comfortable; everything works without it.
(function () {
  "use strict";

  var focus = document.querySelector("[data-focus]");
  if (focus) {
    focus.focus({ preventScroll: true });
  }

  var zone = document.querySelector("[data-drop]");
  var input = document.getElementById("file");
  if (zone && input) {
    zone.classList.add("drop--live");
    // Dropping anywhere on the page works: nobody aims at a rectangle with a file in hand.
    document.addEventListener("dragover", function (event) {
      event.preventDefault();
      zone.classList.add("drop--over");
    });
    document.addEventListener("dragleave", function (event) {
      if (!event.relatedTarget) {
        zone.classList.remove("drop--over");
      }
    });
    document.addEventListener("drop", function (event) {
      event.preventDefault();
      zone.classList.remove("drop--over");
      if (event.dataTransfer && event.dataTransfer.files.length === 1) {
        document.getElementById("text").value = "";
        input.files = event.dataTransfer.files;
        input.form.submit();
      }
    });
  }

  var print = document.querySelector("[data-print]");
  if (print) {
    print.hidden = false;
    print.addEventListener("click", function () {
      window.print();
    });
  }
  // On paper every check is shown, opened or not.
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details.group").forEach(function (group) {
      group.dataset.wasOpen = group.open ? "yes" : "no";
      group.open = true;
    });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll("details.group").forEach(function (group) {
      group.open = group.dataset.wasOpen === "yes";
    });
  });
})();
