// Draws what the pages share and what each needs; <body data-view="…"> says which.
const money = (cents) => (cents / 100).toLocaleString("en", { style: "currency", currency: "EUR" });
const $ = (selector) => document.querySelector(selector);
const html = (strings, ...values) => {
  const template = document.createElement("template");
  template.innerHTML = String.raw(strings, ...values);
  return template.content;
};

shop.showCartCount = () => {
  const pieces = Object.values(shop.cart.read()).reduce((sum, n) => sum + n, 0);
  $("#cart-count").textContent = pieces ? String(pieces) : "";
};

const frame = () => {
  const other = shop.group === "A" ? "B" : "A";
  document.body.append(html`
    <footer class="demo">
      <p>A demonstration shop: nothing is sold. You are in group <strong id="group">${shop.group}</strong>.</p>
      <p><a href="?group=${other}">Switch to group ${other}</a> <button id="break" type="button">Raise a script error</button>
        <a href="/sites/demo">See yourself on the dashboard</a></p>
    </footer>`);
  $("#break").addEventListener("click", () => { throw new Error("The demo shop's button was pressed"); });
  shop.showCartCount();
};

const card = ({ id, name, price, size, note }) => `
  <a class="card" href="${id}.html">
    <img src="img/${id}.svg" alt="" width="240" height="240">
    <h3>${name}</h3><p>${note}</p><p class="price">${money(price)} <small>${size}</small></p>
  </a>`;

/** The large picture of a page, in its group's time. */
const hero = () => {
  const place = $("[data-hero]");
  if (!place) return;
  const draw = () => {
    place.querySelector("img").src = place.dataset.hero;
    place.classList.add("drawn");
  };
  if (shop.heroDelayMs) setTimeout(draw, shop.heroDelayMs);
  else draw();
};

const orderId = () => `MR-${Date.now().toString(36)}-${Math.random().toString(36).slice(2, 6)}`.toUpperCase();

const views = {
  home: () => $("#picks").append(html`${shop.catalogue.slice(0, 3).map(card).join("")}`),
  teas: () => $("#all").append(html`${shop.catalogue.map(card).join("")}`),
  product: () => {
    const product = shop.catalogue.find(({ id }) => id === document.body.dataset.product);
    $("#about").append(html`
      <h1>${product.name}</h1><p class="lead">${product.note}</p>
      <dl><div><dt>Tin</dt><dd>${product.size}</dd></div><div><dt>Brew</dt><dd>${product.brew}</dd></div></dl>
      <p class="price">${money(product.price)}</p>
      <button id="add" class="button" type="button" data-tidemill-event="add-to-cart">Add to cart</button>
      <p id="added" role="status"></p>`);
    $("#add").addEventListener("click", () => {
      shop.cart.add(product.id, 1);
      $("#added").replaceChildren(html`In your cart. <a href="cart.html">Go to the cart</a>`);
    });
  },
  cart: () => {
    const lines = shop.cart.lines();
    const place = $("#lines");
    if (!lines.length) {
      place.replaceChildren(html`<p>Your cart is empty. <a href="teas.html">Choose a tea</a></p>`);
      return;
    }
    place.replaceChildren(html`
      <ul class="lines">${lines.map(({ id, name, price, pieces }) => `
        <li><img src="img/${id}.svg" alt="" width="56" height="56"><span>${name}</span>
          <span class="pieces"><button type="button" data-change="-1" data-id="${id}" aria-label="One ${name} less">−</button>
          ${pieces}<button type="button" data-change="1" data-id="${id}" aria-label="One ${name} more">+</button></span>
          <span class="price">${money(price * pieces)}</span></li>`).join("")}</ul>
      <p class="total">Total <strong>${money(shop.cart.total())}</strong></p>
      <a class="button" href="checkout.html">Check out</a>`);
    place.onclick = ({ target }) => {
      if (!target.dataset.change) return;
      shop.cart.add(target.dataset.id, Number(target.dataset.change));
      views.cart();
    };
  },
  checkout: () => {
    $("#total").textContent = money(shop.cart.total());
    $("#pay").addEventListener("submit", (event) => {
      event.preventDefault();
      const value = shop.cart.total();
      shop.cart.write({});
      location.href = `order.html?id=${orderId()}&value=${value}`;
    });
  },
  order: () => {
    const parameters = new URLSearchParams(location.search);
    const id = parameters.get("id");
    const value = Number(parameters.get("value"));
    if (!id || !(value > 0)) {
      $("#thanks").textContent = "There is no order here.";
      return;
    }
    $("#order-id").textContent = id;
    $("#order-value").textContent = money(value);
    // Told again on every reload, as real shops do: the server counts each id once.
    tidemill("order", { id, value_cents: value, currency: "EUR" });
  },
};

frame();
views[document.body.dataset.view]();
hero();
