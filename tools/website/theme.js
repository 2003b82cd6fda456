// Before the page is shown: scripts run here, and the reader may have chosen a theme.
document.documentElement.classList.add("scripted");
try {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* storage is refused: the system's theme */ }
