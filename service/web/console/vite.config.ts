import { fileURLToPath } from "node:url";
import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

// Old PCs stay on old browsers: Chromium 109 is the last that runs on Windows 7.
const OLDEST = ["chrome100", "firefox102", "safari15.4"];

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  plugins: [vue({ features: { optionsAPI: false } })],
  define: {
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_DROP_MESSAGE_COMPILER__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
  },
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: OLDEST,
    cssTarget: OLDEST,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
});
