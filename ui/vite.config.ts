import { defineConfig } from "vite";

// The names have no hashes: the page is embedded whole, and served with an ETag. The same sources give the same bytes.
export default defineConfig({
  base: "/",
  build: {
    outDir: "../internal/ui/dist",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    rolldownOptions: {
      output: { entryFileNames: "page.js", chunkFileNames: "[name].js", assetFileNames: "[name][extname]" },
    },
  },
});
