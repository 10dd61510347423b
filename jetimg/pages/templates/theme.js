// Light or dark: as the system says, until the button chooses. Runs before anything is drawn.
const theme = (() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const heard = [];
  let chosen = null;
  const apply = () => {
    document.documentElement.dataset.theme = chosen ?? (dark.matches ? "dark" : "light");
    heard.forEach((tell) => tell());
  };
  dark.addEventListener("change", apply);
  apply();
  return {
    onChange: (tell) => heard.push(tell),
    toggle: () => {
      chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      apply();
    },
  };
})();
