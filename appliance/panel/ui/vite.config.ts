import { defineConfig } from 'vite'

import { applicationConfig } from '../../../federation/webkit/kit/vite.preset.ts'

export default defineConfig(applicationConfig({ outDir: '../static', server: 'http://127.0.0.1:8090' }))
