// What the shop sells.
shop.catalogue = [
  { id: "sencha", name: "River Sencha", price: 1290, size: "80 g", note: "Grassy, bright, a little of the sea", brew: "70 °C · 90 seconds" },
  { id: "earl-grey", name: "Grey Heron", price: 1090, size: "100 g", note: "Black tea, bergamot, cornflower", brew: "95 °C · 3 minutes" },
  { id: "assam", name: "Millstone Assam", price: 990, size: "125 g", note: "Malt and dark honey, takes milk well", brew: "100 °C · 4 minutes" },
  { id: "chamomile", name: "Lock Keeper’s Chamomile", price: 850, size: "60 g", note: "Whole flowers, no caffeine", brew: "95 °C · 5 minutes" },
  { id: "rooibos", name: "Ember Rooibos", price: 890, size: "100 g", note: "Red bush, orange peel, clove", brew: "100 °C · 6 minutes" },
  { id: "night-mint", name: "Night Mint", price: 790, size: "60 g", note: "Peppermint and fennel, after dinner", brew: "95 °C · 5 minutes" },
];
