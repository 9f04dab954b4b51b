// On paper stands when it was printed, beside when the page was read.

window.addEventListener("beforeprint", () => {
  const place = document.querySelector(".printed-at");
  if (place) place.textContent = `, printed ${new Date().toISOString().slice(0, 19).replace("T", " ")} UTC`;
});
