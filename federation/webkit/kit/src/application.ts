import { Problem } from '@fengsui/api'
import { MutationCache, QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import ElementPlus from 'element-plus'
import { createPinia } from 'pinia'
import { createApp, watch, type App } from 'vue'
import { createRouter, createWebHistory, type Router, type RouteRecordRaw } from 'vue-router'

import AppRoot from './shell/AppRoot.vue'
import { productKey } from './product.ts'
import type { Centre, CentrePage } from './centre.ts'
import { addTexts, i18n, language, translate } from './language.ts'
import { liveFeed } from './live.ts'
import { showProblem } from './problems.ts'
import { useSession } from './session.ts'

declare module 'vue-router' {
  interface RouteMeta {
    title?: string
    permission?: string
    immersive?: boolean
    /** Shown without the shell: sign-in and the forced change of password. */
    entrance?: boolean
  }
}

export interface Product {
  /** i18n key of the name beside the logo. */
  readonly title: string
  readonly centres: readonly Centre[]
}

/** Build the app from its centres: shell, sign-in, languages, live feed. */
export function makeApplication(product: Product): App {
  for (const centre of product.centres) addTexts(centre.texts)
  const app = createApp(AppRoot)
  const router = makeRouter(product.centres)
  app.provide(productKey, product)
  app.use(createPinia())
  app.use(i18n)
  app.use(router)
  app.use(ElementPlus)
  app.use(VueQueryPlugin, { queryClient: makeQueryClient() })
  admitOnlySignedIn(router)
  nameThePage(router, product)
  return app
}

function makeQueryClient(): QueryClient {
  return new QueryClient({
    mutationCache: new MutationCache({ onError: showProblem }),
    defaultOptions: {
      queries: { retry: (failures, problem) => isPassing(problem) && failures < 2, staleTime: 2_000 },
      mutations: { retry: false },
    },
  })
}

/** A problem that may be gone at the next try: no answer, or a fault of the server. */
export function isPassing(problem: unknown): boolean {
  return problem instanceof Problem && (problem.status === 0 || problem.status >= 500)
}

function makeRouter(centres: readonly Centre[]): Router {
  const pages = centres.flatMap((centre) => centre.pages)
  const home = pages[0]?.path ?? '/'
  return createRouter({
    history: createWebHistory(),
    routes: [
      {
        path: '/sign-in',
        component: () => import('./entrance/SignInPage.vue'),
        meta: { entrance: true, title: 'signIn.title' },
      },
      {
        path: '/new-password',
        component: () => import('./entrance/NewPasswordPage.vue'),
        meta: { entrance: true, title: 'password.title' },
      },
      ...(home === '/' ? [] : [{ path: '/', redirect: home }]),
      ...pages.map(routeOf),
      { path: '/:anything(.*)*', component: () => import('./shell/NotFoundPage.vue'), meta: { title: 'shell.notFound' } },
    ],
  })
}

function routeOf(page: CentrePage): RouteRecordRaw {
  return {
    path: page.path,
    component: page.load,
    meta: { title: page.title, permission: page.permission, immersive: page.immersive ?? false },
  }
}

function admitOnlySignedIn(router: Router): void {
  const session = useSession()
  let asked: Promise<void> | undefined
  router.beforeEach(async (to) => {
    asked ??= session.restore().catch(() => undefined)
    await asked
    if (session.user === null) {
      return to.path === '/sign-in' ? true : { path: '/sign-in', query: { next: to.fullPath } }
    }
    if (session.mustChangePassword) return to.path === '/new-password' ? true : '/new-password'
    return to.meta.entrance === true ? '/' : true
  })
  watch(
    () => session.user !== null && !session.mustChangePassword,
    (inside) => (inside ? liveFeed.start() : liveFeed.stop()),
    { flush: 'sync' },
  )
  watch(
    () => session.user,
    (user) => {
      const here = router.currentRoute.value
      if (user === null && here.meta.entrance !== true) {
        void router.push({ path: '/sign-in', query: session.expired ? { next: here.fullPath } : {} })
      }
    },
  )
}

function nameThePage(router: Router, product: Product): void {
  const name = (): void => {
    const { title } = router.currentRoute.value.meta
    const parts = [title, product.title, 'product.name'].filter((key) => key !== undefined)
    document.title = parts.map((key) => translate(key)).join(' · ')
  }
  router.afterEach(name)
  watch(language, name)
}
