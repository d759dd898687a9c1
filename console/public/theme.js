// Before the first paint, so that a dark page never flashes white.
try {
  const theme = localStorage.getItem("tidemill.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's choice counts.
}
