import type { InjectionKey } from 'vue'

import type { Product } from './application.ts'

/** How the shell finds what it is the shell of. */
export const productKey: InjectionKey<Product> = Symbol('product')
