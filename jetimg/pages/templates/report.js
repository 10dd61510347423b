// Without this program the report is complete; it enlarges pictures, and marks the section that is read.
document.getElementById("theme").addEventListener("click", theme.toggle);

const menu = document.getElementById("menu");
if (window.matchMedia("(max-width: 860px)").matches) menu.open = false;
menu.addEventListener("click", (event) => {
  if (event.target.matches("a") && window.matchMedia("(max-width: 860px)").matches) menu.open = false;
});

const large = document.getElementById("large");
document.addEventListener("click", (event) => {
  const image = event.target.closest(".enlarge")?.querySelector("img");
  if (image) {
    const shown = large.querySelector("img");
    shown.src = image.src;
    shown.alt = image.alt;
    large.querySelector("p").textContent = image.alt;
    large.showModal();
  } else if (event.target === large || event.target.closest("#large img")) {
    large.close();
  }
});

const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const mark = () => {
  const sections = [...document.querySelectorAll("main section")];
  const read = sections.findLast((section) => section.getBoundingClientRect().top < 160) ?? sections[0];
  links.forEach((link) => link.removeAttribute("aria-current"));
  links.get(read?.id)?.setAttribute("aria-current", "true");
};
document.addEventListener("scroll", mark, { passive: true });
mark();
document.documentElement.dataset.ready = "yes";
