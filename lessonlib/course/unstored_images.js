// Small photographs that come as messages, so that no saved notebook holds them.
export default { render({ model, el }) {
  model.on("msg:custom", (captions, buffers) => {
    el.style.cssText = "display:flex;flex-wrap:wrap;gap:12px";
    el.replaceChildren(...buffers.map((bytes, i) => {
      const figure = document.createElement("figure"), image = document.createElement("img");
      const caption = document.createElement("figcaption");
      image.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
      image.alt = caption.textContent = captions[i];
      image.style.cssText = "width:112px;image-rendering:pixelated";
      figure.style.cssText = "margin:0;width:150px";
      figure.append(image, caption);
      return figure;
    }));
  });
  model.send("ready");
} };
