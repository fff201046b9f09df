import vue from '@vitejs/plugin-vue'
import type { UserConfig } from 'vite'

/** The oldest engine that must show our pages, for scripts, styles and workers alike. */
const FLOOR = 'chrome78'

/** How portal and panel are built; `server` is where the API answers while developing. */
export function applicationConfig(given: { outDir: string; server: string }): UserConfig {
  return {
    plugins: [vue()],
    build: {
      target: FLOOR,
      cssTarget: FLOOR,
      outDir: given.outDir,
      emptyOutDir: true,
      chunkSizeWarningLimit: 1600,
      // Inline data would need a laxer Content-Security-Policy, so every asset is a file.
      assetsInlineLimit: 0,
    },
    worker: { format: 'iife' },
    define: { __VUE_OPTIONS_API__: 'true', __VUE_PROD_DEVTOOLS__: 'false' },
    server: { proxy: { '/api': { target: given.server, ws: true } } },
  }
}
