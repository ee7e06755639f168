// Reads QR codes from the camera, in the page: no picture leaves it. A code is put into the form named by
// data-scan and sent; whoever wants to do something else with it listens for "ecert:scanned" on the
// document and calls preventDefault. A hand scanner types into the same field.
const WIDTH = 1280;
const PAUSE_MS = 80;

export class Scanner {
  constructor(box) {
    this.box = box;
    this.video = box.querySelector("video");
    this.frameBox = box.querySelector(".scanner__frame");
    this.state = box.querySelector(".scanner__state");
    this.canvas = document.createElement("canvas");
    this.stream = null;
    this.start = box.querySelector("[data-scan-start]");
    this.stop = box.querySelector("[data-scan-stop]");
    this.torch = box.querySelector("[data-scan-torch]");
    this.start.addEventListener("click", () => this.open());
    this.stop.addEventListener("click", () => this.close());
    this.torch.addEventListener("click", () => this.light());
    box.hidden = false;
  }

  say(word) {
    this.state.textContent = word ? this.box.dataset[word] : "";
  }

  show(name) {
    this.box.querySelector(".scanner__denied").hidden = name !== "denied";
    this.box.querySelector(".scanner__missing").hidden = name !== "missing";
  }

  async open() {
    this.show("");
    this.say("starting");
    if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) {
      this.fail("missing");
      return;
    }
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: WIDTH } },
        audio: false,
      });
    } catch (error) {
      this.fail(error.name === "NotAllowedError" ? "denied" : "missing");
      return;
    }
    this.read = reader(this.box.dataset);
    this.video.srcObject = this.stream;
    this.frameBox.hidden = false; // before there is a picture it is a black box
    await this.video.play();
    this.start.hidden = true;
    this.stop.hidden = false;
    this.offerTorch();
    this.say("looking");
    this.look();
  }

  fail(name) {
    this.say("");
    this.show(name);
  }

  offerTorch() {
    const track = this.stream.getVideoTracks()[0];
    const can = track && track.getCapabilities ? track.getCapabilities() : {};
    this.torch.hidden = !can.torch;
  }

  async light() {
    const on = this.torch.getAttribute("aria-pressed") !== "true";
    await this.stream.getVideoTracks()[0].applyConstraints({ advanced: [{ torch: on }] });
    this.torch.setAttribute("aria-pressed", String(on));
  }

  async look() {
    if (!this.stream) {
      return;
    }
    const text = this.video.readyState >= 2 ? await this.frame() : "";
    if (text && this.stream) {
      this.found(text);
      return;
    }
    window.setTimeout(() => this.look(), PAUSE_MS);
  }

  async frame() {
    this.canvas.width = this.video.videoWidth;
    this.canvas.height = this.video.videoHeight;
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.video, 0, 0);
    const codes = await this.read(context.getImageData(0, 0, this.canvas.width, this.canvas.height));
    const good = codes.filter((code) => code.isValid && code.text);
    return good.length > 0 ? good[0].text : "";
  }

  found(text) {
    this.say("found");
    const event = new CustomEvent("ecert:scanned", { detail: { text, scanner: this }, cancelable: true });
    if (!document.dispatchEvent(event)) {
      return; // somebody else has it, and goes on with again()
    }
    this.close();
    const form = document.getElementById(this.box.dataset.scan);
    // what was chosen or typed before is not what is checked now
    form.querySelectorAll("[name=file], [name=number], [name=code]").forEach((other) => {
      other.value = "";
    });
    form.querySelector("[name=text]").value = text;
    form.submit();
  }

  again() {
    this.say("looking");
    this.look();
  }

  close() {
    if (this.stream) {
      this.stream.getTracks().forEach((track) => track.stop());
    }
    this.stream = null;
    this.video.srcObject = null;
    this.frameBox.hidden = true;
    this.start.hidden = false;
    this.stop.hidden = true;
    this.torch.hidden = true;
  }
}

function reader(data) {
  const zxing = window.ZXingWASM; // a classic script before this one
  zxing.prepareZXingModule({ overrides: { locateFile: () => data.wasm }, fireImmediately: true });
  return (picture) => zxing.readBarcodes(picture, { formats: ["QRCode"], tryHarder: true, maxNumberOfSymbols: 1 });
}

document.querySelectorAll("[data-scan]").forEach((box) => new Scanner(box));
const field = document.querySelector("[data-scan] ~ form [name=text]");
if (field && !("ontouchstart" in window)) {
  field.focus(); // a hand scanner types into whatever has the focus
}
