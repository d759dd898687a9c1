import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";

/** A running `tidemill serve` for development. */
const server = process.env.CONSOLE_SERVER ?? "http://127.0.0.1:7171";

export default defineConfig({
  plugins: [svelte()],
  build: { target: "es2022", sourcemap: false, chunkSizeWarningLimit: 1_200 },
  server: { proxy: { "/api": server, "/t.js": server, "/b": server, "/demo-shop": server } },
});
