// The cart lives in the browser: { product id: pieces }.
shop.cart = {
  read() {
    try { return JSON.parse(localStorage.getItem("millrace.cart")) || {}; } catch { return {}; }
  },
  write(cart) {
    try { localStorage.setItem("millrace.cart", JSON.stringify(cart)); } catch { /* the cart lasts for this page */ }
    shop.showCartCount();
  },
  add(id, pieces) {
    const cart = this.read();
    cart[id] = (cart[id] || 0) + pieces;
    if (cart[id] <= 0) delete cart[id];
    this.write(cart);
  },
  lines() {
    const cart = this.read();
    return shop.catalogue.filter(({ id }) => cart[id] > 0).map((product) => ({ ...product, pieces: cart[product.id] }));
  },
  total() {
    return this.lines().reduce((sum, { price, pieces }) => sum + price * pieces, 0);
  },
};
