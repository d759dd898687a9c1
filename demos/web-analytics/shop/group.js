// The shop's A/B test, decided before anything is drawn: group B gets its large picture 300 ms later.
// `?group=A` or `?group=B` forces a group, which then stays.
(() => {
  const kept = () => { try { return localStorage.getItem("millrace.group"); } catch { return null; } };
  const keep = (group) => { try { localStorage.setItem("millrace.group", group); } catch { /* the group lasts for this page */ } };

  const forced = new URLSearchParams(location.search).get("group");
  const group = ["A", "B"].includes(forced) ? forced : kept() || (Math.random() < 0.5 ? "A" : "B");
  keep(group);

  // The tracker comes later and reads this queue.
  window.tidemill = window.tidemill || function () { (tidemill.q = tidemill.q || []).push(arguments); };
  tidemill("group", group);

  window.shop = { group, heroDelayMs: group === "B" ? 300 : 0 };
})();
